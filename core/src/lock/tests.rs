use super::*;
use crate::publisher::Identity;

fn server(name: &str) -> LockedServer {
    LockedServer {
        name: name.parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        registry: "https://registry.example/".into(),
        metadata: Digest::of(b"{}"),
        signed_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        commit: Some("0123abcd".into()),
        confinement: None,
        evidence: vec![Digest::of(b"bundle")],
        publisher: Publisher::Identity(Identity {
            issuer: "https://sso.example".into(),
            subject: "a@example.com".into(),
        }),
        log: Some(LockedLog {
            entry: 4,
            previous: Some(2),
            time: "2026-11-01T00:00:05Z".parse().unwrap(),
            receipt: "c2sp.org/tlog-proof@v1\nindex 4\n\nlog\n5\n".into(),
            authority: None,
        }),
        upstream: None,
        elsewhere: None,
        artifacts: vec![LockedArtifact {
            platform: Platform::Any,
            digest: Digest::of(b"artifact"),
            tree: crate::TreeHasher::default().finish(),
            size_bytes: 8,
        }],
        granted: Permissions::default(),
        config: BTreeMap::from([
            ("folders".into(), ConfigText::Many(vec!["/a".into(), "/b".into()])),
            ("units".into(), ConfigText::One("metric".into())),
        ]),
        secrets: BTreeMap::from([("token".into(), "env:WEATHER_TOKEN".parse().unwrap())]),
        brokered: BTreeMap::new(),
        tools: ToolRules::default(),
        surface: vec![],
        agents: vec![AgentLink {
            id: "cursor".into(),
            key: "weather".into(),
            project: None,
            footprint: None,
        }],
    }
}

fn lock(names: &[&str]) -> Lock {
    let mut lock = Lock::default();
    for name in names {
        lock.insert(server(name));
    }
    lock
}

#[test]
fn equal_locks_are_equal_bytes_and_read_back() {
    let text = lock(&["b/y", "a/x"]).to_toml().unwrap();
    assert_eq!(text, lock(&["a/x", "b/y"]).to_toml().unwrap(), "order of insertion is no matter");
    let read = Lock::parse(&text).unwrap();
    assert_eq!(read, lock(&["a/x", "b/y"]));
    assert_eq!(read.to_toml().unwrap(), text);
}

#[test]
fn an_empty_lock_is_written_and_read() {
    let text = Lock::default().to_toml().unwrap();
    assert_eq!(Lock::parse(&text).unwrap(), Lock::default());
}

#[test]
fn what_is_no_lock_is_refused_with_its_reason() {
    let good = lock(&["a/x"]).to_toml().unwrap();
    let twice = format!("{good}{}", &good[good.find("\n[[server]]").unwrap()..]);
    let rows: [(&str, String); 11] = [
        ("malformed", String::new()),
        ("malformed", good.replace("name = \"a/x\"", "name = \"a/../x\"")),
        ("malformed", good.replace("metadata = \"sha256:", "metadata = \"sha512:")),
        ("given by reference", good.replace("env:WEATHER_TOKEN", "hunter2")),
        ("expected a string", good.replace("\"env:WEATHER_TOKEN\"", "8734512")),
        ("malformed", good.replace("\"env:WEATHER_TOKEN\"", "hunter2")),
        ("malformed", good.replace("version = \"1.2.0\"", "version = \"1.2.0\"\nsurprise = 1")),
        ("malformed", good[..good.len() - 20].to_owned()),
        ("format 2", good.replace("format = 1", "format = 2")),
        ("two blocks", twice),
        ("merge conflict", format!("{good}<<<<<<< ours\n")),
    ];
    for (reason, text) in rows {
        let error = Lock::parse(&text).unwrap_err();
        assert!(error.to_string().contains(reason), "{reason}: {error}\n{text}");
        let said = format!("{error} {error:?}");
        assert!(!said.contains("hunter2") && !said.contains("8734512"), "{said}");
    }
    let error = Lock::parse(&" ".repeat(MAX_BYTES + 1)).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
}

#[test]
fn a_setting_may_look_like_a_conflict() {
    let mut server = server("a/x");
    let heading = "Weather\n=======\n<<<<<<< here\n".to_owned();
    server.config.insert("greeting".to_owned(), ConfigText::One(heading));
    let mut lock = Lock::default();
    lock.insert(server);
    let text = lock.to_toml().unwrap();
    assert_eq!(Lock::parse(&text).unwrap(), lock);
    let error = Lock::parse(&format!("{text}>>>>>>> theirs\n")).unwrap_err();
    assert!(matches!(error, LockError::Conflict { .. }), "{error:?}");
}

#[test]
fn a_server_is_found_by_its_name_or_short_name() {
    let lock = lock(&["a/x", "b/x", "b/y"]);
    let found = |text| lock.find(text).iter().map(|s| s.name.to_string()).collect::<Vec<_>>();
    assert_eq!(found("A/X"), ["a/x"]);
    assert_eq!(found("x"), ["a/x", "b/x"]);
    assert_eq!(found("z"), [""; 0]);
}

#[test]
fn the_logs_entry_is_made_of_what_is_pinned() {
    let server = server("a/x");
    let entry = server.entry().unwrap();
    let log = server.log.clone().unwrap();
    assert_eq!((entry.previous(), entry.time()), (log.previous, log.time));
    assert_eq!(Entry::parse(&entry.leaf().unwrap()).unwrap(), entry);
    let changed = LockedServer { metadata: Digest::of(b"{ }"), ..server };
    assert_ne!(changed.entry().unwrap().leaf().unwrap(), entry.leaf().unwrap());
}

#[test]
fn the_artifact_for_a_host_is_its_own_before_anybodys() {
    let linux = "linux-x86_64".parse().unwrap();
    let mut server = server("a/x");
    assert_eq!(server.artifact_for(Some(linux)).unwrap().platform, Platform::Any);
    server.artifacts.push(LockedArtifact { platform: linux, ..server.artifacts[0].clone() });
    assert_eq!(server.artifact_for(Some(linux)).unwrap().platform, linux);
    assert_eq!(server.artifact_for(None).unwrap().platform, Platform::Any);
    server.artifacts.remove(0);
    assert!(server.artifact_for(Some("darwin-aarch64".parse().unwrap())).is_none());
}

#[test]
fn a_server_comes_from_one_place() {
    fn npm() -> LockedUpstream {
        LockedUpstream {
            release: "npm:x@1.2.0".into(),
            integrity: "sha512-AA".into(),
            range: Some("^1".parse().unwrap()),
            runtime: None,
            files: "{\"release\":\"npm:x@1.2.0\"}\n{\"release\":\"npm:y@2.0.0\"}\n".into(),
        }
    }
    let with = |change: fn(&mut LockedServer)| {
        let mut lock = Lock::default();
        let mut server = server("a/x");
        change(&mut server);
        lock.insert(server);
        Lock::parse(&lock.to_toml().unwrap())
    };
    assert!(with(|_| ()).is_ok());
    assert!(with(|it| (it.log, it.upstream) = (None, Some(npm()))).is_ok());
    let neither = with(|it| it.log = None).unwrap_err();
    let both = with(|it| it.upstream = Some(npm())).unwrap_err();
    assert!(matches!((neither, both), (LockError::Origin(_), LockError::Origin(_))));
}

#[test]
fn what_runs_is_in_an_artifact_or_elsewhere() {
    let image = format!("ghcr.io/acme/weather:1.2.0@{}", Digest::of(b"manifest"));
    for pinned in [
        Pinned::Image(image.parse().unwrap()),
        Pinned::Remote("https://mcp.acme.example/{tenant}".parse().unwrap()),
    ] {
        let mut lock = Lock::default();
        let artifacts = Vec::new();
        lock.insert(LockedServer { elsewhere: Some(pinned), artifacts, ..server("a/x") });
        let text = lock.to_toml().unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock, "{text}");
        for wrong in ["mcp.acme.example/", "0000"] {
            let changed = text.replace("https://mcp.acme.example/", wrong);
            let changed = changed.replace(&Digest::of(b"manifest").to_string(), wrong);
            let error = Lock::parse(&changed).unwrap_err();
            assert!(matches!(error, LockError::Malformed { .. }), "{error}\n{changed}");
        }
    }
    let both = Some(Pinned::Image(image.parse().unwrap()));
    let mut lock = Lock::default();
    lock.insert(LockedServer { elsewhere: both, ..server("a/x") });
    let error = Lock::parse(&lock.to_toml().unwrap()).unwrap_err();
    assert!(matches!(error, LockError::Elsewhere(_)), "{error}");
}
