//! The tutorial in `mappings/README.md`, done as it stands: every file is written, every command is run by the real program, and what is
//! said to come out comes out.
//!
//! A block is told by the words behind its fence: `yaml <path>` is a file, `sh` are commands that must go well (`sh fails`: must not),
//! `sh terminal <port>` goes on in a terminal of its own until the end, `sh until` is asked again until it says what follows. A block `text`
//! holds what must be in what the one before it said, line by line.

use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use conformance::waiting::wait_for;

struct Block {
    words: Vec<String>,
    text: String,
}

/// The blocks of the tutorial, in order.
fn blocks() -> Vec<Block> {
    let text = std::fs::read_to_string(conformance::tree().join("mappings/README.md")).expect("the page");
    let (_, tutorial) = text.split_once("# A system that nobody here knows").expect("the tutorial");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in tutorial.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(words), None) => {
                let words = words.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { words, text: String::new() });
            }
            (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    blocks
}

/// Terminals that are closed at the end.
struct Terminals(Vec<Child>);

impl Drop for Terminals {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn shell(folder: &Path, script: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", format!("{}:{path}", folder.join("bin").display()))
        .stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn lacks<'a>(said: &str, wanted: &'a str) -> Vec<&'a str> {
    wanted.lines().filter(|line| !said.contains(line.trim())).collect()
}

#[test]
fn the_tutorial_goes_as_it_is_written() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let folder = place.path();
    std::fs::create_dir(folder.join("bin")).expect("a folder");
    std::os::unix::fs::symlink(conformance::process::lienthong(), folder.join("bin/lienthong"))
        .expect("a link");
    // A reader has both ports; tests run beside each other.
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let ports = free.map(|listener| listener.local_addr().expect("its address").port().to_string());
    let ports: BTreeMap<&str, &String> = ["8460", "8461"].into_iter().zip(&ports).collect();
    let own = |text: &str| ports.iter().fold(text.to_owned(), |text, (told, own)| text.replace(*told, own));
    let mut terminals = Terminals(Vec::new());
    let (mut files, mut commands) = (0, 0);
    let blocks = blocks();
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        let text = own(&block.text);
        let wanted = blocks.peek().filter(|next| next.words == ["text"]).map(|next| own(&next.text));
        let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["text"] => {}
            ["sh", "terminal", port] => {
                // What stays is the program and not the shell before it.
                let script = text.replace("\nlienthong ", "\nexec lienthong ");
                let child = shell(folder, &script).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
                terminals.0.push(child.expect("a shell"));
                let address = format!("127.0.0.1:{}", ports[port]);
                wait_for("a listener", || TcpStream::connect(&address).ok());
            }
            ["sh", "until"] => {
                let wanted = wanted.expect("what it says in the end");
                wait_for(&wanted, || {
                    let said = said(&shell(folder, &text).output().expect("a shell"));
                    lacks(&said, &wanted).is_empty().then_some(())
                });
                commands += 1;
            }
            ["sh", rest @ ..] => {
                let output = shell(folder, &text).output().expect("a shell");
                let said = said(&output);
                assert_eq!(output.status.success(), rest != ["fails"], "{text}\n{said}");
                let missing = wanted.as_deref().map(|wanted| lacks(&said, wanted)).unwrap_or_default();
                assert!(missing.is_empty(), "{text}\nlacks {missing:?} in\n{said}");
                commands += 1;
            }
            [_, path] => {
                let path = folder.join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
                std::fs::write(path, text).expect("a file");
                files += 1;
            }
            other => panic!("what is a block {other:?}?"),
        }
    }
    assert!(files >= 9 && commands >= 8, "{files} files and {commands} commands were found");
}
