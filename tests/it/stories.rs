//! Plays every file of `tests/stories` on a stage of its own: real sockets, real store, a clock of the story's own.

use conformance::broker::Broker;
use gateway_core::ids::Moment;
use lienthong::clock::Clock;
use lienthong::story::{self, Stage};
use tokio::task::JoinSet;

/// Every story starts at this moment: a working day, 08:00 in Viet Nam.
const START: &str = "2026-11-23T08:00:00+07:00";

/// Stories played side by side: each has a stage of its own, and much of a story is waiting for the disk.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_goes_as_told() {
    tell_all(|_| Vec::new()).await;
}

/// The same stories, and the same clock, with every delivery carried by a real broker: each story has queues of its own there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_goes_as_told_also_through_rabbitmq() {
    let broker = tokio::task::spawn_blocking(Broker::shared).await.unwrap();
    tell_all(|number| broker.queue(&format!("story-{number}"))).await;
}

/// Plays all stories, each with these lines in `[queue]`.
async fn tell_all(queue: impl Fn(usize) -> Vec<String>) {
    let only = std::env::var("STORY").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(conformance::tree().join("tests/stories"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "story"))
        .collect();
    files.sort();
    let (mut told, mut otherwise) = (0, Vec::new());
    let mut playing = JoinSet::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        for story in story::parse(&std::fs::read_to_string(&path).unwrap()) {
            if !story.title.contains(&only) && !name.contains(&only) {
                continue;
            }
            told += 1;
            if playing.len() == AT_ONCE {
                otherwise.extend(playing.join_next().await.unwrap().unwrap());
            }
            let name = name.clone();
            let queue = queue(told);
            playing.spawn(async move {
                let why = tell(&story, queue).await.err()?;
                Some(format!("{name}: «{}»: {why}", story.title))
            });
        }
    }
    otherwise.extend(playing.join_all().await.into_iter().flatten());
    otherwise.sort();
    assert!(told > 0, "no story was found");
    assert!(
        otherwise.is_empty(),
        "{} of {told} stories went otherwise:\n{}",
        otherwise.len(),
        otherwise.join("\n")
    );
}

async fn tell(story: &story::Story, queue: Vec<String>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let clock = Clock::manual(Moment::parse(START).unwrap());
    let path = folder.path().to_owned();
    let mut given = story.given.clone();
    given.entry("queue".to_owned()).or_default().extend(queue);
    let mut stage = Stage::set(path, clock, conformance::documents(), given).await?;
    let ended = stage.play(story, |_| {}).await.map_err(|why| why.to_string());
    stage.stop().await;
    ended
}
