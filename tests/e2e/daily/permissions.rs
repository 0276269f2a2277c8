//! `permissions`: granted is at most what was asked for, and what was taken stays away.

use serde_json::json;

use super::{asking, data, installed, network, publish};
use crate::fixture::{Fixture, NAME};

const BOTH: [&str; 2] = ["a.example.com:443", "b.example.com:443"];

#[test]
fn what_was_taken_stays_away_over_installs_and_updates() {
    let fixture = Fixture::empty();
    publish(&fixture, &asking(NAME, "1.2.0", &network(&BOTH)));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    developer.ok(&["permissions", "revoke", "weather", "--network", "b.example.com:443"]);
    let show = || data(&developer.ok(&["permissions", "show", "weather", "--json"]).stdout);
    let shown = show();
    assert_eq!(shown["granted"], network(&["a.example.com:443"]));
    assert_eq!(shown["withheld"], network(&["b.example.com:443"]));

    developer.ok(&["install", NAME]);
    assert_eq!(show()["granted"], network(&["a.example.com:443"]), "nothing new was asked");
    publish(&fixture, &asking(NAME, "1.3.0", &network(&BOTH)));
    developer.ok(&["update", "--yes"]);
    assert_eq!(installed(&developer), "1.3.0");
    assert_eq!(show()["granted"], network(&["a.example.com:443"]));
    developer.ok(&["permissions", "grant", "weather", "--all"]);
    assert_eq!(show()["granted"], network(&BOTH));
}

#[test]
fn a_grant_never_exceeds_what_was_signed() {
    let fixture = Fixture::empty();
    let asked = json!({ "filesystem": { "read": ["${home}/x"] } });
    publish(&fixture, &asking(NAME, "1.2.0", &asked));
    let developer = fixture.developer();
    developer.ok(&["install", NAME, "--yes"]);
    let lock = developer.read(".config/mcpkg/mcpkg.lock");
    let permissions = |verb: &'static str, flag: &'static str, value: &'static str| {
        ["permissions", verb, "weather", flag, value]
    };
    let excess = [("--network", "evil.example:443"), ("--write", "${home}/x"), ("--program", "sh")];
    for (flag, value) in excess {
        let outcome = developer.refused(&permissions("grant", flag, value), 3, &["E_PERMISSION"]);
        assert!(outcome.stderr.contains("does not ask for this"), "{outcome}");
    }
    // A part of what is granted cannot be taken out of it.
    developer.refused(&permissions("revoke", "--read", "${home}/x/y"), 1, &["E_CONFIG"]);
    developer.refused(&["permissions", "grant", "weather"], 2, &["E_REQUEST"]);
    assert_eq!(developer.read(".config/mcpkg/mcpkg.lock"), lock);

    developer.ok(&["permissions", "revoke", "weather", "--all"]);
    developer.ok(&permissions("grant", "--read", "${home}/x/y"));
    let outcome = developer.ok(&["permissions", "show", "weather"]);
    assert_eq!(
        outcome.stdout,
        "granted   read files in ${home}/x/y\nwithheld  read files in ${home}/x\n"
    );
}

#[test]
fn what_the_users_file_holds_back_is_neither_granted_nor_asked_about() {
    let fixture = Fixture::empty();
    publish(&fixture, &asking(NAME, "1.2.0", &network(&BOTH)));
    let developer = fixture.developer();
    let limit = "permissions = { network = { allow = [\"a.example.com:443\"] } }";
    let wanted = format!("[servers]\n\"{NAME}\" = {{ version = \"*\", {limit} }}\n");
    developer.file(".config/mcpkg/mcpkg.toml", &wanted);
    let granted = || {
        data(&developer.ok(&["permissions", "show", "weather", "--json"]).stdout)["granted"].clone()
    };
    developer.ok(&["install", NAME, "--yes"]);
    assert_eq!(granted(), network(&["a.example.com:443"]));
    publish(&fixture, &asking(NAME, "1.3.0", &network(&[BOTH[0], BOTH[1], "c.example.com:443"])));
    developer.ok(&["update", "--yes"]);
    assert_eq!(installed(&developer), "1.3.0");
    assert_eq!(granted(), network(&["a.example.com:443"]));
    assert_eq!(developer.read(".config/mcpkg/mcpkg.toml"), wanted);
    developer.ok(&["sync", "--locked", "--scope", "user"]);
}
