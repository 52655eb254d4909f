//! What `doctor` says of a broker, while the gateway runs and while it does not.

use conformance::broker::Broker;
use tokio::task::block_in_place;

use super::place::Place;

/// Looks until all of it is said: a broker needs a moment until it is as it was told to be.
async fn finds(place: &Place, words: &[&str]) {
    let all_said = async || {
        let (_, said) = block_in_place(|| place.tries(&["doctor", "--no-log-in"]));
        words.iter().all(|word| said.contains(word)).then_some(())
    };
    place.wait(&format!("{words:?}"), all_said).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_says_what_is_the_matter_with_the_broker_and_what_to_do() {
    let broker = block_in_place(|| Broker::start(""));
    let mut place = Place::open(&broker, "examined", "", "declare = false").await;
    place.carrier_is("away").await;
    finds(&place, &["not at the broker: lienthong.examined.dead", "import_definitions"]).await;
    let definitions = place.definitions();
    block_in_place(|| broker.ctl(&["import_definitions", &definitions.display().to_string()]));
    place.carrier_is("up").await;
    finds(&place, &["RabbitMQ         connected and logged in"]).await;

    block_in_place(|| broker.ctl(&["set_disk_free_limit", "100000GB"]));
    finds(&place, &["the broker takes nothing more", "runbook broker-blocked"]).await;
    block_in_place(|| broker.ctl(&["set_disk_free_limit", "50MB"]));

    // A wrong password while it runs is another cause than the one before, and is said as such.
    block_in_place(|| broker.ctl(&["change_password", "guest", "another"]));
    block_in_place(|| broker.ctl(&["close_all_connections", "test"]));
    let said = |line: &String| line.contains("broker-away") && line.contains("ACCESS_REFUSED");
    place.wait("a word about it", async || place.log().iter().any(said).then_some(())).await;
    finds(&place, &["the broker refuses user or password", "change_password"]).await;
    block_in_place(|| broker.ctl(&["change_password", "guest", "guest"]));
    place.carrier_is("up").await;

    // Without a gateway everything is looked at all the same.
    place.stop_and_change("declare = false", "declare = false\nvhost = \"khong-co\"");
    finds(&place, &["the virtual host is not open to us", "list_vhosts"]).await;
    place.stop_and_change("vhost = \"khong-co\"", "vhost = \"/\"");
    place.stop_and_change("declare = false", "declare = true");
    block_in_place(|| broker.ctl(&["set_permissions", "guest", "^$", ".*", ".*"]));
    finds(&place, &["the gateway's user lacks a right at the broker", "set_permissions"]).await;
    place.stop_and_change(&format!("port = {}", broker.port()), "port = 9");
    finds(&place, &["no connection to the broker", "systemctl status rabbitmq-server"]).await;
}
