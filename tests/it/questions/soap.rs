//! SOAP clients that nobody here wrote, unmodified, against our description: zeep and suds.

use conformance::python;

use super::{DOSSIER, Desk, NAME, NUMBER, PLATFORMS, PROCEDURE};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unmodified_soap_clients_ask_and_understand() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    let wsdl = format!("http://{}/soap/cong-dan?wsdl", desk.address());
    for script in ["ask_with_zeep.py", "ask_with_suds.py"] {
        let said = tokio::task::block_in_place(|| {
            python::script(script, &[&wsdl, desk.key("soap"), PROCEDURE, DOSSIER, NUMBER, NAME])
        });
        assert_eq!(said.trim().lines().last(), Some("all as described"), "{script}: {said}");
    }
}
