//! A peer that halts in the middle: how long nothing may be said, apart from how long an answer may take.

use lienthong::transport::Failure;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{transport, try_it};

/// A peer that takes one call, says these pieces with a pause before each, and then nothing more.
async fn halting(pieces: Vec<&'static str>, pause_ms: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await.unwrap();
        for piece in pieces {
            tokio::time::sleep(std::time::Duration::from_millis(pause_ms)).await;
            stream.write_all(piece.as_bytes()).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    format!("http://localhost:{port}")
}

#[tokio::test]
async fn silence_has_a_bound_of_its_own_and_a_slow_answer_is_none() {
    // The answer as a whole may take a minute; that nothing is said may not last half a second.
    let bound = "read_ms_max = 500";
    const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
    for pieces in [vec![HEAD], vec![HEAD, "{ "]] {
        let result = try_it(&transport(&halting(pieces, 0).await, bound, &[]).unwrap()).await;
        let Err(Failure::BrokenOff(reason)) = result else { panic!("{result:?}") };
        assert!(reason.contains("no byte within 500 ms"), "{reason}");
    }
    let result = try_it(&transport(&halting(Vec::new(), 0).await, bound, &[]).unwrap()).await;
    let Err(Failure::Silent(reason)) = result else { panic!("{result:?}") };
    assert!(reason.contains("no byte within 500 ms"), "{reason}");
    // Five pauses are longer together than the bound, and each is shorter.
    let slow = halting(vec![HEAD, "{", " ", " ", "}"], 150).await;
    assert_eq!(try_it(&transport(&slow, bound, &[]).unwrap()).await.unwrap().body.bytes, b"{  }");
}
