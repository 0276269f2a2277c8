use proptest::prelude::*;
use serde_json::json;

use super::*;

fn permissions(value: serde_json::Value) -> Permissions {
    serde_json::from_value(value).unwrap()
}

fn everything() -> Permissions {
    permissions(json!({
        "filesystem": {
            "read": ["${workspace}/src", "${workspace}", "/etc/ssl"],
            "write": ["${data}"],
        },
        "network": { "allow": ["API.example.com:443", "*.example.org:*", "[::1]:8080"] },
        "env": { "allow": ["LANG"] },
        "secrets": ["api_key"],
        "run": ["git"],
    }))
}

#[test]
fn absent_means_none() {
    let none = permissions(json!({}));
    assert!(none.is_empty());
    assert_eq!(none, Permissions::default());
    assert_eq!(serde_json::to_string(&none).unwrap(), "{}");
}

#[test]
fn equal_permissions_are_written_as_equal_bytes() {
    let text = serde_json::to_string(&everything()).unwrap();
    insta::assert_snapshot!(text, @r#"{"filesystem":{"read":["${workspace}","${workspace}/src","/etc/ssl"],"write":["${data}"]},"network":{"allow":["api.example.com:443","*.example.org:*","[::1]:8080"]},"env":{"allow":["LANG"]},"secrets":["api_key"],"run":["git"]}"#);
    assert_eq!(serde_json::from_str::<Permissions>(&text).unwrap(), everything());

    let text = toml::to_string(&everything()).unwrap();
    insta::assert_snapshot!(text, @r#"
    secrets = ["api_key"]
    run = ["git"]

    [filesystem]
    read = ["${workspace}", "${workspace}/src", "/etc/ssl"]
    write = ["${data}"]

    [network]
    allow = ["api.example.com:443", "*.example.org:*", "[::1]:8080"]

    [env]
    allow = ["LANG"]
    "#);
    assert_eq!(toml::from_str::<Permissions>(&text).unwrap(), everything());
}

#[test]
fn a_person_can_read_them() {
    insta::assert_snapshot!(everything().describe().join("\n"), @r"
    read files in ${workspace}
    read files in ${workspace}/src
    read files in /etc/ssl
    write files in ${data}
    connect to api.example.com:443
    connect to *.example.org:*
    connect to [::1]:8080
    see the variable LANG
    use the secret api_key
    start the program git
    ");
}

#[test]
fn what_it_does_not_know_it_refuses() {
    for value in [
        json!({ "clipboard": true }),
        json!({ "filesystem": { "execute": ["/x"] } }),
        json!({ "network": { "deny": [] } }),
        json!({ "network": ["example.com:443"] }),
        json!({ "secrets": "all" }),
        json!({ "secrets": null }),
        json!({ "secrets": (0..=64).map(|n| format!("s{n}")).collect::<Vec<_>>() }),
    ] {
        assert!(serde_json::from_value::<Permissions>(value.clone()).is_err(), "{value}");
    }
    let most = json!({ "secrets": (0..64).map(|n| format!("s{n}")).collect::<Vec<_>>() });
    assert_eq!(permissions(most).secrets.len(), Permissions::MAX_MEMBERS);
}

#[test]
fn paths_have_one_spelling_and_a_limit() {
    for path in [
        "${workspace}",
        "${workspace}/a b",
        "${data}/cache",
        "${home}/.config/acme",
        "/etc/ssl/certs",
        "C:/Users/me",
        "/a..b/...c",
    ] {
        assert_eq!(path.parse::<PathGrant>().unwrap().to_string(), path);
    }
    let everything = "it grants everything";
    let part = "it has a part that is empty, `.` or `..`";
    let start = "it does not start at a place we know";
    let name = "it has a wildcard, a variable or a character that is no part of a name";
    for (path, reason) in [
        ("/", everything),
        ("${home}", everything),
        ("${home}/", everything),
        ("C:/", everything),
        ("C:", everything),
        ("", everything),
        ("${workspace}/", part),
        ("${workspace}/../x", part),
        ("${workspace}/./x", part),
        ("/etc//ssl", part),
        ("/etc/ssl/", part),
        ("//server/share", part),
        ("~/x", start),
        ("src", start),
        ("../x", start),
        ("${HOME}/x", start),
        ("${workspace}x", start),
        ("c:/x", start),
        ("\\\\server\\share", start),
        ("${workspace}/*", name),
        ("${workspace}/$HOME", name),
        ("/a\\b", name),
        ("/a\0b", "it has a character that cannot be seen"),
        ("/a\u{202e}b", "it has a character that cannot be seen"),
        (&format!("/{}", "a".repeat(512)), "it is longer than 512 bytes"),
    ] {
        let path_as_shown = path.chars().take(80).collect();
        assert_eq!(
            path.parse::<PathGrant>(),
            Err(PermissionError::Path { path: path_as_shown, reason }),
            "{path}"
        );
    }
}

#[test]
fn hosts_are_exact_or_a_subtree() {
    for (text, written) in [
        ("api.example.com:443", "api.example.com:443"),
        ("API.Example.COM:443", "api.example.com:443"),
        ("localhost:*", "localhost:*"),
        ("*.example.com:8443", "*.example.com:8443"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
        ("[0:0::1]:80", "[::1]:80"),
        ("xn--zrich-kva.example:1", "xn--zrich-kva.example:1"),
    ] {
        assert_eq!(text.parse::<HostPort>().unwrap().to_string(), written);
    }
    let port = "its port is not 1 to 65535 or `*`";
    let domain = "its host is not a domain name";
    let address = "its host could be read as an address";
    for (host, reason) in [
        ("example.com", "it does not end with a port"),
        ("example.com:0", port),
        ("example.com:65536", port),
        ("example.com:0443", port),
        ("example.com:+443", port),
        ("example.com:", port),
        ("example.com:https", port),
        ("*:443", "it grants every host"),
        ("*:*", "it grants every host"),
        ("*.com:443", "it grants a whole top-level domain"),
        ("a.*.com:443", domain),
        ("exa_mple.com:443", domain),
        ("-a.com:443", domain),
        ("example..com:443", domain),
        ("example.com.:443", domain),
        (":443", domain),
        ("https://example.com:443", domain),
        ("user@example.com:443", domain),
        ("ex\u{430}mple.com:443", domain),
        ("::1:80", domain),
        ("[example.com]:80", "it is not an IPv6 address"),
        ("2130706433:80", address),
        ("127.1:80", address),
        ("0x7f000001:80", address),
        ("169.254.169.254.1:80", address),
    ] {
        let expected = PermissionError::Host { host: host.to_owned(), reason };
        assert_eq!(host.parse::<HostPort>(), Err(expected), "{host}");
    }
}

#[test]
fn a_variable_that_loads_code_is_no_grant() {
    for name in ["LANG", "_", "HTTP_PROXY", "acme_Url2"] {
        assert!(name.parse::<EnvName>().is_ok(), "{name}");
    }
    for name in ["LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS", "PYTHONPATH", "Path"] {
        assert_eq!(name.parse::<EnvName>(), Err(PermissionError::Hijack(name.to_owned())));
    }
    for name in ["", "1A", "A-B", "A=B", "A B", "Ä", "A\0"] {
        assert!(matches!(name.parse::<EnvName>(), Err(PermissionError::Name { .. })), "{name:?}");
    }
}

#[test]
fn programs_and_secrets_are_plain_names() {
    for name in ["git", "g++", "python3.12", "docker-compose"] {
        assert!(name.parse::<ProgramName>().is_ok(), "{name}");
    }
    for name in ["", "/bin/sh", "..", "-rf", "a b", "a;b", "a\\b", &"a".repeat(129)] {
        assert!(name.parse::<ProgramName>().is_err(), "{name}");
        assert!(name.parse::<SecretName>().is_err(), "{name}");
    }
}

#[test]
fn the_narrower_of_two_grants_is_what_both_permit() {
    let network = |hosts: &[&str]| permissions(json!({ "network": { "allow": hosts } }));
    let read = |paths: &[&str]| permissions(json!({ "filesystem": { "read": paths } }));
    for (left, right, both) in [
        (read(&["${workspace}"]), read(&["${workspace}/src"]), read(&["${workspace}/src"])),
        (read(&["${workspace}"]), read(&["${data}"]), read(&[])),
        (read(&["/etc/ssl"]), read(&["/etc/ssl2"]), read(&[])),
        (read(&["/a", "/a/b"]), read(&["/a"]), read(&["/a"])),
        (network(&["*.a.com:443"]), network(&["x.a.com:*"]), network(&["x.a.com:443"])),
        (network(&["*.a.com:1"]), network(&["*.b.a.com:1"]), network(&["*.b.a.com:1"])),
        (network(&["*.a.com:443"]), network(&["a.com:443"]), network(&[])),
        (network(&["*.a.com:443"]), network(&["bada.com:443"]), network(&[])),
        (network(&["a.com:443"]), network(&["a.com:80"]), network(&[])),
    ] {
        assert_eq!(left.intersect(&right), both);
        assert_eq!(right.intersect(&left), both);
    }
}

fn any_permissions() -> impl Strategy<Value = Permissions> {
    let path = prop::sample::select(vec![
        "${workspace}",
        "${workspace}/a",
        "${workspace}/a/b",
        "${workspace}/ab",
        "${data}",
        "/a",
        "/a/b",
    ]);
    let host = prop::sample::select(vec![
        "a.com:1",
        "a.com:*",
        "*.a.com:1",
        "*.a.com:*",
        "b.a.com:1",
        "*.b.a.com:*",
        "c.b.a.com:2",
        "127.0.0.1:*",
    ]);
    let word = prop::sample::select(vec!["x", "y", "z"]);
    let paths = || prop::collection::vec(path.clone(), 0..5);
    let words = || prop::collection::vec(word.clone(), 0..3);
    (paths(), paths(), prop::collection::vec(host, 0..6), words(), words(), words()).prop_map(
        |(read, write, allow, env, secrets, run)| {
            permissions(json!({
                "filesystem": { "read": read, "write": write },
                "network": { "allow": allow },
                "env": { "allow": env },
                "secrets": secrets,
                "run": run,
            }))
        },
    )
}

proptest! {
    #[test]
    fn an_intersection_is_the_largest_subset_of_both(
        a in any_permissions(), b in any_permissions(), c in any_permissions(),
    ) {
        let both = a.intersect(&b);
        prop_assert!(both.is_subset_of(&a) && both.is_subset_of(&b));
        prop_assert_eq!(&both, &b.intersect(&a));
        prop_assert_eq!(&both, &both.intersect(&both));
        prop_assert_eq!(both.intersect(&c), a.intersect(&b.intersect(&c)));
        prop_assert!(a.is_subset_of(&a.intersect(&a)));
        prop_assert_eq!(a.is_subset_of(&b), a.is_subset_of(&both));
        if c.is_subset_of(&a) && c.is_subset_of(&b) {
            prop_assert!(c.is_subset_of(&both));
        }
        prop_assert!(Permissions::default().is_subset_of(&a));
        let either = a.union(&b);
        prop_assert!(a.is_subset_of(&either) && b.is_subset_of(&either));
        prop_assert!(a.beyond(&b).is_empty() == a.is_subset_of(&b));
        prop_assert!(a.is_subset_of(&b.union(&a.beyond(&b))));
        prop_assert!(a.renewal(&b, &c).approved().is_subset_of(&a));
    }
}

fn permits(json: &str) -> Permissions {
    serde_json::from_str(json).unwrap()
}

#[test]
fn what_nothing_known_covers_is_new() {
    for (asked, known, new) in [
        ("{}", "{}", "{}"),
        (r#"{"run":["git"]}"#, "{}", r#"{"run":["git"]}"#),
        (r#"{"run":["git"]}"#, r#"{"run":["git"]}"#, "{}"),
        (
            r#"{"network":{"allow":["a.example.com:443","b.example.com:443"]}}"#,
            r#"{"network":{"allow":["a.example.com:443"]}}"#,
            r#"{"network":{"allow":["b.example.com:443"]}}"#,
        ),
        // Covered by something wider, and only in part.
        (
            r#"{"network":{"allow":["a.example.com:443"]}}"#,
            r#"{"network":{"allow":["*.example.com:*"]}}"#,
            "{}",
        ),
        (
            r#"{"filesystem":{"read":["${home}/x"]}}"#,
            r#"{"filesystem":{"read":["${home}/x/y"]}}"#,
            r#"{"filesystem":{"read":["${home}/x"]}}"#,
        ),
        // Reading is not writing.
        (
            r#"{"filesystem":{"write":["${data}"]}}"#,
            r#"{"filesystem":{"read":["${data}"]}}"#,
            r#"{"filesystem":{"write":["${data}"]}}"#,
        ),
    ] {
        assert_eq!(permits(asked).beyond(&permits(known)), permits(new), "{asked} {known}");
    }
}

#[test]
fn a_renewal_neither_gives_back_what_was_taken_nor_grants_what_is_new() {
    let before = permits(r#"{"network":{"allow":["a.example.com:443","b.example.com:443"]}}"#);
    let granted = permits(r#"{"network":{"allow":["a.example.com:443"]}}"#);
    let same = before.renewal(&before, &granted);
    assert_eq!((&same.kept, same.added.is_empty()), (&granted, true), "the lock stays as it is");

    let asked = permits(
        r#"{"network":{"allow":["a.example.com:443","b.example.com:443","c.example.com:443"]}}"#,
    );
    let renewal = asked.renewal(&before, &granted);
    assert_eq!(renewal.kept, granted);
    assert_eq!(renewal.added, permits(r#"{"network":{"allow":["c.example.com:443"]}}"#));
    let approved = permits(r#"{"network":{"allow":["a.example.com:443","c.example.com:443"]}}"#);
    assert_eq!(renewal.approved(), approved);

    let less = permits("{}").renewal(&before, &granted);
    assert!(less.approved().is_empty(), "what is no longer asked for is no longer granted");
}
