use super::*;

#[test]
fn paths_match_with_any_prefix_and_keep_the_rest() {
    assert_eq!(match_path("**/DongBoHoSoMC", "/api/SynsTTHCC/DongBoHoSoMC"), Some(String::new()));
    assert_eq!(match_path("**/DongBoHoSoMC", "/DongBoHoSoMC/"), Some(String::new()));
    assert_eq!(match_path("**/dongbohosomc", "/DongBoHoSoMC"), Some(String::new()));
    assert_eq!(match_path("**/DongBoHoSoMC", "/DongBoHoSoMC/x"), None);
    let forward = "**/XrdAdapter/RestService/forward/**";
    assert_eq!(
        match_path(forward, "/XrdAdapter/RestService/forward/mapi/login"),
        Some("mapi/login".to_owned())
    );
    assert_eq!(match_path(forward, "/a/XrdAdapter/RestService/forward/mapi/g"), Some("mapi/g".to_owned()));
    assert_eq!(match_path(forward, "/XrdAdapter/forward/x"), None);
    assert_eq!(match_path("/healthz", "/healthz"), Some(String::new()));
    assert_eq!(match_path("/healthz", "/a/healthz"), None);
}

#[test]
fn a_dialects_channels_may_stand_in_its_own_folder() {
    let files = |name: &str| {
        let channels = format!("channels:\n  - {{ name: {name}, direction: out, kinds: {{ told: ~ }} }}\n");
        BTreeMap::from([
            ("kinds.yaml".to_owned(), b"kinds: { told: { class: event } }\n".to_vec()),
            ("x/channels.yaml".to_owned(), b"channels: []\n".to_vec()),
            ("x/one/channels.yaml".to_owned(), channels.into_bytes()),
        ])
    };
    let channels = Channels::read(&files("x/one/told")).unwrap();
    let kind = Kind::from("told");
    assert!(channels.outbound("x", "one", &kind).is_some());
    assert!(channels.outbound("x", "two", &kind).is_none());
    let defects = Channels::read(&files("x/oneself")).unwrap_err();
    assert_eq!(defects[0].message, "channel x/oneself: its name begins with x/one");
}

#[test]
fn defects_come_all_at_once_with_the_nearest_name() {
    let files = BTreeMap::from([
        ("kinds.yaml".to_owned(), b"kinds: { dossier-recorded: { class: snapshot } }\n".to_vec()),
        (
            "x/channels.yaml".to_owned(),
            b"channels:\n  - { name: x/a, direction: in, kinds: { dossier-recorde: m } }\n".to_vec(),
        ),
        ("y/channels.yaml".to_owned(), b"channels:\n  - { nam: x }\n".to_vec()),
    ]);
    let defects = Channels::read(&files).unwrap_err();
    assert_eq!(defects.len(), 3, "{defects:#?}");
    assert_eq!(defects[0].nearest.as_deref(), Some("dossier-recorded"));
    assert_eq!((defects[2].file.as_str(), defects[2].line), ("mappings/y/channels.yaml", 2));
}
