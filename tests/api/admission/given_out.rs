//! One decision, at every address alike.

use mcpkg_core::Code;
use mcpkg_test_support::Draft;

use super::{ALL, Stage, answers, asking, forbid, found, listed, withheld};
use crate::NAME;

const GIVEN: [(u16, Option<Code>); 3] = [(200, None); 3];

#[test]
fn what_no_policy_permits_is_given_out_nowhere_and_stays_in_the_log() {
    let stage = Stage::new("");
    let process = stage.place.serve();
    let release = stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    let http = &process.http;

    let held = withheld(http, "");
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].version.to_string().as_str(), held[0].code), ("1.0.0", Code::NotAdmitted));
    assert_eq!(
        (held[0].policy.as_deref(), held[0].reason.as_str()),
        (None, "no policy permits it")
    );
    assert_eq!(answers(http, "", &release, "1.0.0"), [(403, Some(Code::NotAdmitted)); 3]);
    assert!(found(http, "").is_empty());
    assert!(listed(http).is_empty());
    // The log is whole, and who follows it learns that there is something.
    assert_eq!(http.get("/v1/log/entries/000.p/1").status, 200);
    assert_eq!(stage.place.fsck().code, Some(0));
}

#[test]
fn what_one_policy_forbids_is_held_back_and_the_release_before_it_is_not() {
    let hosts = "resource.permissions.hosts.contains(\"evil.example:443\")";
    let stage =
        Stage::new(&format!("{ALL}{}", forbid("hosts", "@reason(\"it calls home\")", hosts)));
    let process = stage.place.serve();
    let http = &process.http;
    let one = stage.publish(&process, &asking("1.0.0", "api.example.com:443"));
    let other = stage.publish(&process, &asking("1.1.0", "evil.example:443"));

    let held = withheld(http, "");
    assert_eq!(held.iter().map(|it| it.version.to_string()).collect::<Vec<_>>(), ["1.1.0"]);
    assert_eq!(held[0].policy.as_deref(), Some("hosts"));
    assert_eq!(held[0].reason, "it calls home");
    assert_eq!(answers(http, "", &one, "1.0.0")[0], GIVEN[0]);
    assert_eq!(answers(http, "", &other, "1.1.0")[0], (403, Some(Code::NotAdmitted)));
    assert_eq!(found(http, ""), ["1.0.0"]);
    assert_eq!(listed(http), ["1.0.0"]);
    let official = format!("/v0.1/servers/{}/versions", NAME.replace('/', "%2F"));
    assert_eq!(http.get(&format!("{official}/1.0.0")).status, 200);
    let held = http.get(&format!("{official}/1.1.0"));
    assert_eq!(held.outcome(), (404, Some(Code::NotFound)), "{held}");
    // The bytes are those of both, so they are given out with the one that is admitted.
    assert_ne!(one.server_json, other.server_json);
}

#[test]
fn a_policy_that_is_tightened_holds_for_the_next_request_and_one_that_is_loosened_too() {
    let stage = Stage::new(ALL);
    let process = stage.place.serve();
    let http = &process.http;
    let release = stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    assert!(withheld(http, "").is_empty());
    assert_eq!(answers(http, "", &release, "1.0.0"), GIVEN);
    assert_eq!(found(http, ""), ["1.0.0"]);

    stage.say(&format!("{ALL}{}", forbid("none", "", "resource.sizeBytes > 0")));
    process.wait_for_log("the policies were reloaded");
    assert_eq!(withheld(http, "")[0].policy.as_deref(), Some("none"));
    assert_eq!(answers(http, "", &release, "1.0.0"), [(403, Some(Code::NotAdmitted)); 3]);
    assert!(found(http, "").is_empty());

    stage.say(ALL);
    process.wait_for_log("the policies were reloaded");
    assert!(withheld(http, "").is_empty());
    assert_eq!(answers(http, "", &release, "1.0.0"), GIVEN);
}

#[test]
fn without_a_word_about_it_nothing_is_held_back() {
    let stage = Stage::new("");
    let text = std::fs::read_to_string(stage.place.folder().join("registry.toml")).unwrap();
    stage.write("registry.toml", &text.replace("'own', 'sources'", "'sources'"));
    let process = stage.place.serve();
    let release = stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    assert!(withheld(&process.http, "").is_empty());
    assert_eq!(answers(&process.http, "", &release, "1.0.0"), GIVEN);
    assert_eq!(found(&process.http, ""), ["1.0.0"]);
}
