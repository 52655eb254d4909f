//! Slips that no call would ever have shown: the gateway would have sent something else, to nobody, or for ever.

use super::overlay::{Overlay, all_said};

#[test]
fn what_would_go_wrong_in_silence_is_said_before_anything_is_sent() {
    let slips = [
        // A brace in a path, a parameter or a header is a hole or a slip; it is never sent as it stands.
        (
            "ho-kinh-doanh/peer.yaml",
            "path: /api/v2/dossiers",
            "path: /api/v2/dossiers/{dossier.code}",
            "calls.dossier-recorded.path: `{dossier.code}` is no hole; there are dossier, unit, id, mark: (did you mean `dossier`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "path: /api/v2/dossiers",
            "path: \"/api/v2/dossiers/{{dossier}}\"",
            "calls.dossier-recorded.path: `{` is no hole; there are dossier,",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "    wrap: list",
            "    wrap: list\n    query: { of: \"{dossier\" }",
            "calls.dossier-recorded.query: `{dossier` is no hole",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "    wrap: list",
            "    wrap: list\n    headers: { X-Of: \"{Dossier}\" }",
            "calls.dossier-recorded.headers: `{Dossier}` is no hole",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "{ after: \"{cursor}\" }",
            "{ after: \"{curso r}\" }",
            "feed.query: `{curso r}` is no hole",
        ),
        // The configuration's endpoint is one that its calls leave for.
        (
            "ho-kinh-doanh/peer.yaml",
            "notation: json",
            "notation: json\nendpoint: kho",
            "lienthong.toml: peers.ho-kinh-doanh.endpoints.peer: no call leaves for an endpoint of this name; this peer's calls leave for kho (did you mean `kho`?)",
        ),
        (
            "ho-kinh-doanh/peer.yaml",
            "  by: form",
            "  by: form\n  endpoint: cap-khoa",
            "peers.ho-kinh-doanh.endpoints.cap-khoa: this endpoint is needed",
        ),
        // What is written in XML here is XML.
        (
            "so-dat-dai/peer.yaml",
            "{dossier}</MaHoSo></TraCuu>",
            "{dossier}</MaHoSo></TraCu>",
            "calls.dossier-recorded.read-back.body: is no well-formed XML",
        ),
        (
            "so-dat-dai/peer.yaml",
            "<TraCuu xmlns=",
            "<tt:TraCuu xmlns=",
            "read-back.body: is no well-formed XML",
        ),
        (
            "so-dat-dai/peer.yaml",
            "{secret}</MatMa></XacThuc>",
            "{secret}</XacThuc>",
            "auth.block: is no well-formed XML",
        ),
        // Without a yes nothing is ever delivered.
        (
            "ho-kinh-doanh/peer.yaml",
            "  - { when: { code: [OK] }, means: done }\n  - { when: { code: [DUPLICATE] }, means: exists }\n",
            "",
            "calls.dossier-recorded.outcomes: no row means `done`, `pending` or `exists`",
        ),
    ];
    all_said(&slips);
}

/// What is missing is said with the file that is missing.
#[test]
fn a_folder_without_its_peer_file_is_said_by_that_file() {
    let overlay = Overlay::new();
    std::fs::remove_file(overlay.path("ho-kinh-doanh/peer.yaml")).expect("a file of the example");
    let said = overlay.check();
    for wanted in [
        "declared/ho-kinh-doanh/peer.yaml: the file is missing",
        "lienthong.toml: peers.ho-kinh-doanh.settings.dialect: there is no folder declared/ho-kinh-doanh",
    ] {
        assert!(said.iter().any(|line| line.starts_with(wanted)), "{wanted}: {said:#?}");
    }
    assert!(said.iter().all(|line| !line.starts_with(':')), "{said:#?}");
}
