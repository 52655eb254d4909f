//! A test that cannot fail proves nothing: with each of three mistakes made on purpose the oracle must complain.

use conformance::process::lienthong_that_dies;

use crate::world::{Death, Portal, ReadBack, Run};

/// What the oracle says of a gateway with this mistake, that dies at one of these passes of a point; it ends at the first complaint.
async fn complaints(sabotage: Option<&'static str>, deaths: &[Death]) -> Vec<String> {
    for death in deaths {
        let binary = lienthong_that_dies();
        let (read_back, portal) = (ReadBack::Hidden, Portal::Faithful);
        let run = Run { binary, death: death.clone(), sabotage, read_back, portal };
        let verdict = run.play().await;
        if !verdict.complaints.is_empty() {
            return verdict.complaints;
        }
    }
    Vec::new()
}

fn at(point: &str, passes: std::ops::Range<u64>) -> Vec<Death> {
    passes.map(|pass| Death::At(format!("{point}:{pass}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mistake_the_oracle_is_content() {
    assert_eq!(complaints(None, &[Death::Never]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_noticed() {
    let said = complaints(Some("answer-before-commit"), &at("before-commit", 2..12)).await;
    assert!(said.iter().any(|words| words.contains("lost")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_before_its_row_is_noticed() {
    let said = complaints(Some("call-before-journal"), &at("before-commit", 20..40)).await;
    assert!(said.iter().any(|words| words.contains("doubled")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_outbox_is_noticed() {
    let said = complaints(Some("forget-outbox"), &[Death::Never]).await;
    assert!(said.iter().any(|words| words.contains("lost")), "{said:?}");
}
