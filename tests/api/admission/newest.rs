//! The newest release is the newest that can be had, wherever lists say which one that is.

use mcpkg_core::api::Status;
use mcpkg_test_support::{Basis, Draft, Http};
use serde_json::Value;

use super::{ALL, Stage, forbid, listed};
use crate::official::{listed as titles, meta};
use crate::{NAME, acme};

/// What is said to be the newest: by its address, in the list of the newest, and in its own.
#[track_caller]
fn newest(http: &Http) -> Option<String> {
    let path = "/v0.1/servers/io.github.acme%2Fweather/versions";
    let page: Value = http.get("/v0.1/servers?version=latest").json();
    let named = titles(&page).pop().map(|it| it.split_once('@').unwrap().1.to_owned());
    let one = http.get(&format!("{path}/latest"));
    let addressed = (one.status == 200).then(|| {
        let entry: Value = one.json();
        assert_eq!(meta(&entry)["isLatest"], true, "{entry}");
        entry["server"]["version"].as_str().unwrap().to_owned()
    });
    assert_eq!(named, addressed);
    addressed
}

#[test]
fn the_newest_is_the_newest_that_is_admitted_and_not_yanked() {
    let never = forbid("never", "", "resource.version like \"2.*\"");
    let stage = Stage::new(&format!("{ALL}{never}"));
    let process = stage.place.serve();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        stage.publish(&process, &Draft::new(NAME, version));
    }
    let http = &process.http;
    assert_eq!(listed(http), ["1.0.0", "1.1.0"]);
    assert_eq!(newest(http).as_deref(), Some("1.1.0"));
    for (version, left) in [("1.1.0", Some("1.0.0")), ("1.0.0", None)] {
        let basis = Basis::of(http, NAME);
        let yank = basis.status(version, Status::Yanked, Some("it loses rain"));
        let bundle = basis.sign(&yank, &stage.sigstore, &acme());
        assert_eq!(http.post("/v1/statements", bundle).unwrap().status, 201);
        assert_eq!(newest(http).as_deref(), left, "without {version}");
    }
    let all = "/v0.1/servers?updated_since=2001-01-01T00:00:00Z";
    assert_eq!(titles(&http.get(all).json()).len(), 2, "what is denied is not even deleted");
    assert!(process.terminate().success());

    // Admitted later, it is what has changed last.
    stage.say(ALL);
    let process = stage.place.serve();
    assert_eq!(newest(&process.http).as_deref(), Some("2.0.0"));
    let page: Value = process.http.get(all).json();
    assert_eq!(titles(&page).len(), 3);
    let last = page["servers"].as_array().unwrap().last().unwrap();
    assert_eq!(last["server"]["version"], "2.0.0");
    assert!(process.terminate().success());

    // And denied again, it is gone.
    stage.say(&format!("{ALL}{never}"));
    let process = stage.place.serve();
    assert_eq!(newest(&process.http), None);
    assert_eq!(listed(&process.http), Vec::<String>::new());
}
