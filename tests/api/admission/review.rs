//! What a person is shown of a release that is held back, and what they may say.

use mcpkg_core::Code;
use mcpkg_core::review::{NewVote, Outcome, Review, ReviewLine, ReviewList};
use mcpkg_core::surface::{Item, Kind, Surface};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Draft, Reply, TestIssuer, TestKey};
use serde_json::{Value, json};

use super::{ALL, Stage, answers, asking, forbid};
use crate::NAME;
use crate::process::Process;

const BASE: &str = "https://mcp.acme.example";

/// A company: owners may approve, staff may read.
pub(super) struct Company {
    pub(super) stage: Stage,
    issuer: TestIssuer,
}

impl Company {
    pub(super) fn new(policies: &str) -> Self {
        let stage = Stage::new(policies);
        let issuer = TestIssuer::start(TestKey::ecdsa());
        let config = stage.place.folder().join("registry.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        stage.write("registry.toml", &format!("public_url = '{BASE}'\n{text}"));
        stage.place.configure(&format!(
            "[access]\nanonymous = 'read'\n[[access.issuer]]\nname = 'sso'\nurl = '{}'\n\
             groups_claim = 'groups'\n[[access.role]]\nrole = 'owner'\nissuer = 'sso'\n\
             groups = ['admins']\n[[access.role]]\nrole = 'reader'\nissuer = 'sso'\ngroups = ['staff']",
            issuer.url()
        ));
        Self { stage, issuer }
    }

    fn token(&self, subject: &str, group: &str) -> String {
        let mut claims = self.issuer.claims(BASE, subject);
        claims["groups"] = json!([group]);
        format!("Bearer {}", self.issuer.sign(&claims))
    }

    pub(super) fn owner(&self, subject: &str) -> String {
        self.token(subject, "admins")
    }
}

fn get(process: &Process, path: &str, token: &str) -> Reply {
    process.http.get_with(path, &[("authorization", token)])
}

pub(super) fn review(process: &Process, version: &str, token: &str) -> Review {
    let reply = get(process, &format!("/v1/review/{NAME}/{version}"), token);
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()
}

/// Says something of a release, about what was shown to whoever says it.
pub(super) fn vote(
    process: &Process,
    version: &str,
    token: &str,
    verb: &str,
    review: &Review,
) -> Reply {
    let vote = NewVote { reason: "I have looked".to_owned(), fingerprint: review.fingerprint };
    let path = format!("/v1/review/{NAME}/{version}/{verb}");
    let body = serde_json::to_vec(&vote).unwrap();
    process.http.post_with(&path, &[("authorization", token)], body).unwrap()
}

pub(super) fn held(approval: &str) -> String {
    let annotations = format!("@approval(\"{approval}\")");
    let hosts = "!resource.permissions.hosts.isEmpty()";
    format!("{ALL}{}", forbid("hosts", &annotations, hosts))
}

#[test]
fn a_release_that_one_person_has_to_approve_is_given_out_when_one_has() {
    let company = Company::new(&held("one"));
    let process = company.stage.place.serve();
    let release = company.stage.publish(&process, &asking("1.0.0", "api.example.com:443"));
    let owner = company.owner("alice@acme.example");
    let list: ReviewList = get(&process, "/v1/review", &owner).json();
    assert_eq!(list.releases.len(), 1);
    assert_eq!(list.releases[0].decision.policies, ["hosts"]);
    assert_eq!(answers(&process.http, "", &release, "1.0.0")[0], (403, Some(Code::Quarantined)));

    let shown = review(&process, "1.0.0", &owner);
    assert_eq!(shown.difference.since, None);
    assert_eq!(shown.difference.permissions_added.describe(), ["connect to api.example.com:443"]);
    let line: ReviewLine = vote(&process, "1.0.0", &owner, "approve", &shown).json();
    assert_eq!(line.decision.outcome, Outcome::Admitted);
    assert_eq!(answers(&process.http, "", &release, "1.0.0"), [(200, None); 3]);

    // Who approved it, and why, is written down.
    let mut export = company.stage.place.command("audit");
    let audit = export.arg("export").output().unwrap();
    let audit = String::from_utf8(audit.stdout).unwrap();
    let said = |line: &&str| {
        line.contains("approve: I have looked") && line.contains("alice@acme.example")
    };
    assert_eq!(audit.lines().filter(said).count(), 1, "{audit}");
    // It stays approved when everything is decided again, be it that the database is
    // made again too.
    assert_eq!(company.stage.outcome("1.0.0"), "admitted");
    assert!(process.terminate().success());
    let rebuilt = company.stage.place.run(&["fsck", "--rebuild"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(company.stage.outcome("1.0.0"), "admitted");
    let process = company.stage.place.serve();
    assert_eq!(answers(&process.http, "", &release, "1.0.0"), [(200, None); 3]);
}

#[test]
fn two_have_to_be_two_and_a_rejection_stands() {
    for approval in ["two", ""] {
        let policies = if approval.is_empty() {
            let hosts = "!resource.permissions.hosts.isEmpty()";
            format!("{ALL}{}", forbid("hosts", "", hosts))
        } else {
            held(approval)
        };
        let company = Company::new(&policies);
        let process = company.stage.place.serve();
        company.stage.publish(&process, &asking("1.0.0", "api.example.com:443"));
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|it| company.owner(it));
        let say = |who: &str, verb: &str| -> ReviewLine {
            let shown = review(&process, "1.0.0", who);
            vote(&process, "1.0.0", who, verb, &shown).json()
        };
        let before = if approval.is_empty() { Outcome::Denied } else { Outcome::Quarantined };
        for _ in 0..2 {
            let decision = say(&alice, "approve").decision;
            assert_eq!((decision.outcome, decision.approvals.unwrap().given), (before, 1));
        }
        assert_eq!(say(&bob, "approve").decision.outcome, Outcome::Admitted, "{approval}");
        assert_eq!(say(&carol, "reject").decision.outcome, Outcome::Denied);
        assert_eq!(say(&alice, "approve").decision.outcome, Outcome::Denied);
        assert_eq!(say(&carol, "approve").decision.outcome, Outcome::Admitted);
    }
}

#[test]
fn whoever_may_not_approve_is_told_that_there_is_nothing() {
    let company = Company::new(&held("one"));
    let process = company.stage.place.serve();
    company.stage.publish(&process, &asking("1.0.0", "api.example.com:443"));
    let owner = company.owner("alice");
    let shown = review(&process, "1.0.0", &owner);
    for token in [company.token("rita", "staff"), company.token("eve", "nobody")] {
        let list: ReviewList = get(&process, "/v1/review", &token).json();
        assert!(list.releases.is_empty());
        let path = format!("/v1/review/{NAME}/1.0.0");
        assert_eq!(get(&process, &path, &token).outcome(), (404, Some(Code::NotFound)));
        let reply = vote(&process, "1.0.0", &token, "approve", &shown);
        assert_eq!(reply.outcome(), (404, Some(Code::NotFound)));
    }
    assert_eq!(process.http.get("/v1/review").json::<ReviewList>().releases.len(), 0);
    let missing = get(&process, &format!("/v1/review/{NAME}/9.9.9"), &owner);
    assert_eq!(missing.outcome(), (404, Some(Code::NotFound)));
    assert_eq!(company.stage.outcome("1.0.0"), "quarantined");
}

#[test]
fn nobody_approves_what_they_signed_or_what_they_have_not_seen() {
    let company = Company::new(&held("one"));
    let stage = &company.stage;
    stage.place.configure(&format!(
        "[[trust_root]]\nfile = 'trusted_root.json'\nnamespaces = ['com.acme/*']\n\
         [[namespace]]\npattern = 'com.acme/*'\n[[namespace.identities]]\n\
         issuer = '{}'\nsubject = 'alice@acme.example'",
        stage.sigstore.url()
    ));
    let process = stage.place.serve();
    let name = "com.acme/weather";
    let mut draft = asking("1.0.0", "api.example.com:443");
    draft.server["name"] = name.into();
    let by = Identity::email("alice@acme.example");
    let reply = process.http.publish(&draft.sign(&stage.sigstore, &by));
    assert_eq!(reply.status, 201, "{reply}");
    let path = format!("/v1/review/{name}/1.0.0");
    let say = |who: &str, change: &dyn Fn(&mut Value)| {
        let shown: Review = get(&process, &path, who).json();
        let mut vote = json!({ "reason": "fine", "fingerprint": shown.fingerprint });
        change(&mut vote);
        let headers = [("authorization", who)];
        process.http.post_with(&format!("{path}/approve"), &headers, vote.to_string()).unwrap()
    };
    let (alice, bob) = (company.owner("alice@acme.example"), company.owner("bob@acme.example"));
    let as_it_is = |_: &mut Value| ();
    assert_eq!(say(&alice, &as_it_is).outcome(), (403, Some(Code::Denied)));
    for (change, status, code) in [
        (json!({ "fingerprint": mcpkg_core::Digest::of(b"x") }), 409, Code::Conflict),
        (json!({ "reason": "  " }), 400, Code::Request),
        (json!({ "reason": "two\nlines" }), 400, Code::Request),
        (json!({ "more": true }), 400, Code::Request),
    ] {
        let apply = |vote: &mut Value| {
            for (key, value) in change.as_object().unwrap() {
                vote[key] = value.clone();
            }
        };
        assert_eq!(say(&bob, &apply).outcome(), (status, Some(code)), "{change}");
    }
    assert_eq!(say(&bob, &as_it_is).status, 200);
}

#[test]
fn what_is_shown_is_the_difference() {
    let company = Company::new(&held("one"));
    let process = company.stage.place.serve();
    let stage = &company.stage;
    stage.publish(&process, &Draft::new(NAME, "1.0.0"));
    let mut draft = asking("1.1.0", "api.example.com:443");
    let mut surface = Surface::under("2025-11-25");
    let tool = json!({ "name": "forecast", "description": "rain" });
    let (name, item) = Item::read(Kind::Tool, &tool).unwrap();
    surface.add(Kind::Tool, name, item).unwrap();
    let own = "io.modelcontextprotocol.registry/publisher-provided";
    draft.server["_meta"][own]["mcpkg"]["surface"] = json!([surface]);
    draft.server["remotes"] = Draft::of_remotes(NAME, "1.1.0").server["remotes"].clone();
    let artifact = &mut draft.artifacts[0];
    artifact.manifest["license"] = "MIT".into();
    artifact.files[0].1 = b"console.log('other')\n".to_vec();
    artifact.files.push((
        "server/node_modules/left-pad/package.json".into(),
        br#"{"version":"1.3.0","license":"WTFPL"}"#.to_vec(),
    ));
    stage.publish(&process, &draft);

    let shown = review(&process, "1.1.0", &company.owner("alice"));
    let difference = shown.difference;
    assert_eq!(difference.since.unwrap().to_string(), "1.0.0");
    assert_eq!(difference.publisher, None);
    assert_eq!(difference.permissions_added.describe(), ["connect to api.example.com:443"]);
    assert_eq!(difference.tools, ["the tool `forecast` was added"]);
    assert_eq!(difference.licences_added, ["MIT", "WTFPL"]);
    assert_eq!(difference.elsewhere_added, ["remote https://mcp.acme.example/"]);
    assert!(difference.elsewhere_removed.is_empty());
    assert_eq!(difference.dependencies_added, ["npm:left-pad 1.3.0"]);
    let files = &difference.files["any"];
    let paths = |lines: &[mcpkg_core::review::FileLine]| {
        lines.iter().map(|it| it.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&files.added), ["server/node_modules/left-pad/package.json"]);
    assert_eq!(paths(&files.changed), ["manifest.json", "server/index.js"]);
    assert!(files.removed.is_empty() && difference.unknown.is_empty());
    assert_eq!(shown.line.decision.policies, ["hosts"]);
}
