//! The package of `ops/package`: unpacked and installed into a folder, without a network, and refused where a byte of it has changed.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a command that must end well, and gives what it printed.
#[track_caller]
fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.into_owned()
}

/// The command in a network of its own, where there is only loopback; where the machine does not let us make one, as it is.
fn offline(program: &Path, folder: &Path) -> Command {
    let alone = ["-rn", "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""];
    let may = Command::new("unshare").args(alone).arg("true").stderr(Stdio::null()).status();
    let mut command = match may.is_ok_and(|status| status.success()) {
        true => Command::new("unshare"),
        false => Command::new(program),
    };
    if command.get_program() == "unshare" {
        command.args(alone).arg(program);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LIENTHONG")) {
        command.env_remove(name);
    }
    command.current_dir(folder);
    command
}

/// Each link of each page, and each page that the reference configuration and the alerts speak of, is in the package too.
fn every_page_leads_somewhere(share: &Path) {
    let (mut wrong, mut pages, mut waiting) = (Vec::new(), 0, vec![share.to_owned()]);
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(share).expect("below it").display().to_string();
            if path.is_dir() {
                waiting.push(path);
                continue;
            }
            if !name.ends_with(".md") && !["ops/lienthong.toml", "ops/alerts.yaml"].contains(&name.as_str()) {
                continue;
            }
            pages += 1;
            let text = std::fs::read_to_string(&path).expect("a page");
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            for (at, _) in text.match_indices("](") {
                let target = text[at + 2..].split([')', '#']).next().unwrap_or_default();
                let ours = !target.is_empty() && !target.contains("://") && target.chars().all(plain);
                if ours && !folder.join(target).exists() {
                    wrong.push(format!("{name} links to {target}"));
                }
            }
            for word in text.split(|c: char| !plain(c)).map(|word| word.trim_end_matches('.')) {
                let rooted =
                    ["ops/", "mappings/", "schemas/", "adapters/"].iter().any(|room| word.starts_with(room));
                if rooted && word.ends_with(".md") && !share.join(word).exists() {
                    wrong.push(format!("{name} speaks of {word}"));
                }
            }
        }
    }
    assert!(pages > 30, "{pages}: the pages were not found");
    assert!(wrong.is_empty(), "not in the package:\n{}", wrong.join("\n"));
}

#[test]
fn the_package_installs_without_a_network_and_notices_a_changed_byte() {
    let place = tempfile::tempdir().expect("a folder");
    let folder = place.path();
    let packed = done(
        Command::new(conformance::tree().join("ops/package"))
            .arg("--binary")
            .arg(conformance::process::lienthong())
            .arg("--out")
            .arg(folder.join("out")),
    );
    assert!(packed.contains("links:") && packed.contains("libc"), "it says what it needs: {packed}");
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("lienthong-{version}-{}", std::env::consts::ARCH);
    let out = folder.join("out");
    done(Command::new("sha256sum").arg("--check").arg(format!("{name}.tar.gz.sha256")).current_dir(&out));
    done(Command::new("tar").arg("-xzf").arg(format!("{name}.tar.gz")).current_dir(&out));
    let unpacked = out.join(&name);

    every_page_leads_somewhere(&unpacked.join("share"));
    let page = unpacked.join("share/ops/runbooks/peer-away.md");
    let text = std::fs::read_to_string(&page).expect("a runbook");
    std::fs::write(&page, text.replace("KHÔNG gửi lại", "gửi lại")).expect("a file");
    let install = |root: &str| {
        let mut command = Command::new("./install.sh");
        command.args(["--root", root]).current_dir(&unpacked);
        command
    };
    let refused = install("../root").output().expect("it starts");
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!out.join("root/usr").exists(), "nothing was installed");
    std::fs::write(&page, text).expect("a file");

    let said = done(&mut install("../root"));
    assert!(said.contains("systemctl enable --now lienthong"), "it says what to do next: {said}");
    let root = out.join("root");
    let program = root.join("usr/local/bin/lienthong");
    let config = root.join("etc/lienthong/lienthong.toml");
    let empty =
        offline(&program, folder).args(["check", "--config"]).arg(&config).output().expect("it starts");
    let words = String::from_utf8_lossy(&empty.stderr).into_owned();
    assert!(words.contains("portal.keys.password: the secret is empty"), "what is missing is said: {words}");
    std::fs::write(root.join("etc/lienthong/portal.password"), "mat-khau-thu\n").expect("a file");
    let checked = done(offline(&program, folder).args(["check", "--config"]).arg(&config));
    assert!(checked.contains("tốt"), "{checked}");
    let text = std::fs::read_to_string(&config).expect("a configuration");
    let data = format!("data = \"{}\"", root.join("etc/lienthong/data").display());
    assert!(text.contains(&data), "{data}: {text}");
    let shown = done(offline(&program, folder).args(["demo", "--once", "--lang", "en"]));
    assert!(shown.contains("Every dossier is where it should be."), "{shown}");

    // Once more is an upgrade: what is the province's own stays as it is.
    let own = format!("{}\n# của tỉnh\n", std::fs::read_to_string(&config).expect("a configuration"));
    std::fs::write(&config, &own).expect("a file");
    let key = std::fs::read(root.join("etc/lienthong/sealing.key")).expect("a key");
    let said = done(&mut install("../root"));
    assert!(said.contains("systemctl restart lienthong"), "{said}");
    assert_eq!(std::fs::read_to_string(&config).expect("a configuration"), own);
    assert_eq!(std::fs::read(root.join("etc/lienthong/sealing.key")).expect("a key"), key);
    assert!(root.join("usr/local/bin/lienthong.previous").exists(), "the way back");
}
