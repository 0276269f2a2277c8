//! What is remembered of who did what.

use mcpkg_core::Code;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, TestIssuer, TestKey};
use serde_json::{Value, json};

use super::{BASE, PACKAGE};
use crate::process::{Place, Process};
use crate::{NAME, acme_news, release};

/// What a company adds to its configuration.
pub(super) fn configured(issuer: &TestIssuer) -> String {
    let url = issuer.url();
    format!(
        "[access]\naudience = '{BASE}'\n\
         [[access.issuer]]\nname = 'sso'\nurl = '{url}'\ngroups_claim = 'groups'\n\
         [[access.role]]\nrole = 'reader'\nissuer = 'sso'\ngroups = ['staff']\n\
         [policy]\nfiles = ['acme.cedar']\n"
    )
}

/// A place for a registry with these policies. `public_url` has to come first in TOML.
pub(super) fn place(sigstore: &TestSigstore, issuer: &TestIssuer, policy: &str) -> Place {
    let place = Place::new(sigstore);
    let path = place.folder().join("registry.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("public_url = '{BASE}'\n{text}")).unwrap();
    place.configure(&configured(issuer));
    write_policy(&place, policy);
    place
}

pub(super) fn write_policy(place: &Place, policy: &str) {
    std::fs::write(place.folder().join("acme.cedar"), policy).unwrap();
}

pub(super) fn get(process: &Process, path: &str, token: &str) -> mcpkg_test_support::Reply {
    process.http.get_with(path, &[("authorization", &format!("Bearer {token}"))])
}

pub(super) fn token(issuer: &TestIssuer, subject: &str, group: &str) -> String {
    let mut claims = issuer.claims(BASE, subject);
    claims["groups"] = json!([group]);
    issuer.sign(&claims)
}

fn exported(place: &Place, more: &[&str]) -> Vec<Value> {
    let output = place.run(&[&["audit", "export"], more].concat());
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn writes_and_denials_are_remembered_with_their_policies_and_reads_are_not() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let policy = "@id(\"frozen\") forbid (principal, action == Action::\"publish\", \
                  resource == Package::\"io.github.acme/news\");";
    let place = place(&sigstore, &issuer, policy);
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    let news = Draft::new("io.github.acme/news", "1.0.0").sign(&sigstore, &acme_news());
    assert_eq!(process.http.publish(&news).outcome(), (403, Some(Code::Denied)));
    assert_eq!(get(&process, PACKAGE, &token(&issuer, "rita", "staff")).status, 200);
    assert_eq!(get(&process, PACKAGE, &token(&issuer, "simon", "guests")).status, 404);
    // Nobody in particular: the server's own log has it, and no more.
    assert_eq!(process.http.get(PACKAGE).status, 401);
    assert!(process.terminate().success());

    let records = exported(&place, &[]);
    let shown: Vec<_> = records
        .iter()
        .map(|it| [&it["action"], &it["resource"], &it["outcome"], &it["policies"]])
        .collect();
    let package = |name: &str| json!(format!("Package::\"{name}\""));
    assert_eq!(
        shown,
        [
            [
                &json!("publish"),
                &package(NAME),
                &json!("allowed"),
                &json!(["owners-of-a-name-publish"])
            ],
            [
                &json!("publish"),
                &package("io.github.acme/news"),
                &json!("denied"),
                &json!(["frozen"])
            ],
            [&json!("read"), &package(NAME), &json!("denied"), &json!([])],
        ]
    );
    assert!(
        records[0]["actor"].as_str().unwrap().starts_with("Signer::\"github.com/acme/weather#")
    );
    assert_eq!(records[2]["actor"], "User::\"sso/simon\"");
    assert!(exported(&place, &["--since", "2126-01-01T00:00:00Z"]).is_empty());
}

#[test]
fn the_audit_log_outlives_the_database_of_the_registry() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let place = place(&sigstore, &issuer, "");
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    assert!(process.terminate().success());
    assert!(place.run(&["fsck", "--rebuild"]).status.success());
    assert_eq!(exported(&place, &[]).len(), 1);
}

#[test]
fn a_write_that_cannot_be_remembered_is_not_done() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let place = place(&sigstore, &issuer, "");
    let process = place.serve();
    let locked = std::process::Command::new("sqlite3").arg("--version").output().is_ok();
    if !locked {
        eprintln!("skipped: there is no sqlite3 to break the audit log with");
        return;
    }
    let database = place.data().join("audit.sqlite3");
    let broken = std::process::Command::new("sqlite3")
        .arg(&database)
        .arg("create trigger broken before insert on audit begin select raise(abort, 'x'); end")
        .status();
    assert!(broken.unwrap().success());
    let reply = process.http.publish(&release(&sigstore, "1.0.0"));
    assert_eq!(reply.status, 500, "{reply}");
    assert_eq!(get(&process, PACKAGE, &token(&issuer, "rita", "staff")).status, 404);
}
