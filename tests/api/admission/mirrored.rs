//! What a mirror gives out of a source.

use mcpkg_core::Code;
use mcpkg_test_support::{Draft, TestRegistry};

use super::{ALL, Stage, answers, asking, forbid, found, listed, withheld};
use crate::process::Process;
use crate::{NAME, acme};

/// A mirror of a registry with two releases, the second of which asks for a host.
fn mirror(
    policies: &str,
    more: &str,
) -> (Stage, TestRegistry, [mcpkg_test_support::Submission; 2]) {
    let stage = Stage::new(policies);
    let source = TestRegistry::start(&stage.sigstore.trusted_root_json());
    let releases = [
        Draft::new(NAME, "1.0.0").sign(&stage.sigstore, &acme()),
        asking("1.1.0", "evil.example:443").with_bytes(1000).sign(&stage.sigstore, &acme()),
    ];
    for release in &releases {
        source.accept(release);
    }
    configure(&stage, source.url(), &source, more);
    (stage, source, releases)
}

/// Has a stage mirror `source`, which is reached at `url`.
pub(super) fn configure(stage: &Stage, url: &str, source: &TestRegistry, more: &str) {
    let key = source.log_key().verifier();
    stage.place.configure(&format!(
        "[[source]]\nname = 'public'\nurl = '{url}'\nlog_key = '{key}'\nnamespaces = ['*']\n\
         trust_public_good = false\n{more}\n[[source.trust_root]]\nfile = 'trusted_root.json'\n\
         namespaces = ['*', 'io.github.acme/*']",
    ));
}

fn serve(stage: &Stage) -> Process {
    let process = stage.place.serve();
    process.wait_for_log("followed the source");
    process
}

#[test]
fn what_policy_does_not_admit_of_a_source_is_given_out_nowhere() {
    let hosts = forbid("hosts", "@approval(\"two\")", "!resource.permissions.hosts.isEmpty()");
    let (stage, _source, [one, other]) = mirror(&format!("{ALL}{hosts}"), "");
    let process = serve(&stage);
    let (http, base) = (&process.http, "/source/public");
    let held = withheld(http, base);
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!((held[0].version.to_string().as_str(), held[0].code), ("1.1.0", Code::Quarantined));
    assert_eq!(answers(http, base, &one, "1.0.0"), [(200, None); 3]);
    assert_eq!(answers(http, base, &other, "1.1.0"), [(403, Some(Code::Quarantined)); 3]);
    assert_eq!(found(http, base), ["1.0.0"]);
    assert_eq!(listed(http), ["1.0.0"]);
    let versions = "/v0.1/servers/io.github.acme%2Fweather/versions";
    let latest: serde_json::Value = http.get(&format!("{versions}/latest")).json();
    assert_eq!(latest["server"]["version"], "1.0.0", "the newest that is admitted");
    let one = http.get(&format!("{versions}/1.1.0?include_deleted=true"));
    assert_eq!(one.outcome(), (404, Some(Code::NotFound)));
    // It was looked for at the source and nowhere else.
    let explained =
        stage.place.json(&["admission", "explain", &format!("{NAME}@1.1.0"), "--source", "public"]);
    assert_eq!(explained["facts"]["source"], "public");
    assert_eq!(explained["decision"]["approvals"]["needed"], 2);
}

#[test]
fn an_artifact_is_fetched_to_be_looked_into_where_policy_asks_what_is_in_it() {
    let inside = forbid("inside", "", "!resource.isInspected");
    let (stage, _source, [one, _]) = mirror(&format!("{ALL}{inside}"), "");
    let process = serve(&stage);
    assert_eq!(answers(&process.http, "/source/public", &one, "1.0.0"), [(200, None); 3]);
    assert!(withheld(&process.http, "/source/public").is_empty());
}
