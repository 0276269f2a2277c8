//! Who may publish without a signature: policies decide it, and it is written down.

use mcpkg_core::Code;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Reply, TestRegistry, TestSignOn};
use reqwest::Method;
use serde_json::{Value, json};

use super::listed;
use crate::process::{Place, Process};
use crate::{NAME, acme_news, release};

const AUDIENCE: &str = "https://mcp.acme.example";

/// A company whose people publish by what their single sign-on says of them.
pub(super) struct Company {
    pub(super) sigstore: TestSigstore,
    issuer: TestSignOn,
    pub(super) place: Place,
}

impl Company {
    pub(super) fn new(publish: &str, more: &str) -> Self {
        let (sigstore, issuer) = (TestSigstore::start(), TestSignOn::start());
        let place = Place::new(&sigstore);
        // It has to come first in TOML.
        let path = place.folder().join("registry.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("public_url = '{AUDIENCE}'\n{text}")).unwrap();
        place.configure(&format!(
            "[official]\npublish = ['{publish}']\naudience = '{AUDIENCE}'\n\
             [[official.issuer]]\nissuer = '{}'\nnames = ['{publish}']\n\
             claims = {{ groups = 'publishers' }}\n{}",
            issuer.url(),
            more.replace("{issuer}", issuer.url())
        ));
        Self { sigstore, issuer, place }
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.place.folder().join("acme.cedar"), text).unwrap();
    }

    /// A token of the registry, for somebody in these groups.
    pub(super) fn token(&self, process: &Process, groups: &[&str]) -> String {
        let token = self.issuer.token(&json!({ "aud": AUDIENCE, "groups": groups }));
        let body = json!({ "oidc_token": token }).to_string();
        let reply = process.http.send_with(Method::POST, "/v0/auth/oidc", &[], body);
        assert_eq!(reply.status, 200, "{reply}");
        reply.json::<Value>()["registry_token"].as_str().unwrap().to_owned()
    }

    /// What was written down of writes: who, what, with what, and what came of it.
    fn audited(&self) -> Vec<Value> {
        let output = self.place.run(&["audit", "export"]);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn send(process: &Process, method: Method, path: &str, token: &str, body: &Value) -> Reply {
    let bearer = format!("Bearer {token}");
    process.http.send_with(method, path, &[("authorization", &bearer)], body.to_string())
}

pub(super) fn publish(process: &Process, token: &str, name: &str) -> Reply {
    let body = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "name": name,
        "version": "1.0.0",
        "description": "Forecasts for the next ten days",
        "remotes": [{ "type": "streamable-http", "url": "https://mcp.acme.example/" }],
    });
    send(process, Method::POST, "/v0/publish", token, &body)
}

fn deprecate(process: &Process, token: &str) -> Reply {
    let path = "/v0/servers/com.acme%2Fweather/versions/1.0.0/status";
    send(process, Method::PATCH, path, token, &json!({ "status": "deprecated" }))
}

#[test]
fn policies_decide_who_publishes_unsigned_and_it_is_written_down_before_it_is_done() {
    let company = Company::new("com.acme/*", "[policy]\nfiles = ['acme.cedar']");
    company.policy(
        "@id(\"frozen\") forbid (principal is Prover, action == Action::\"publish\", \
         resource == Package::\"com.acme/frozen\");",
    );
    let process = company.place.serve();
    let token = company.token(&process, &["publishers"]);
    let reply = publish(&process, &token, "com.acme/weather");
    assert_eq!(reply.status, 200, "{reply}");
    let reply = deprecate(&process, &token);
    assert_eq!(reply.status, 200, "{reply}");
    let denied = publish(&process, &token, "com.acme/frozen");
    assert_eq!(denied.outcome(), (403, Some(Code::Denied)), "{denied}");
    assert!(denied.problem().detail.contains("`frozen` forbids it"), "{denied}");
    let page: Value = process.http.get("/v0.1/servers").json();
    assert_eq!(listed(&page), ["com.acme/weather@1.0.0"]);
    assert!(process.terminate().success());

    let who = format!("Prover::\"{} release@acme.example\"", company.issuer.url());
    let found = company.audited();
    let said = |record: &Value| {
        assert_eq!(record["actor"], who.as_str(), "{record}");
        let parts = ["action", "resource", "outcome", "policies"];
        parts.map(|part| record[part].clone())
    };
    let [published, stated, refused] = &found[..] else { panic!("{found:?}") };
    let (weather, by) = ("Package::\"com.acme/weather\"", json!(["provers-publish-unsigned"]));
    assert_eq!(said(published), [json!("publish"), json!(weather), json!("allowed"), by.clone()]);
    assert_eq!(published["reason"], "without a signature, the version 1.0.0");
    assert_eq!(said(stated), [json!("state"), json!(weather), json!("allowed"), by]);
    assert_eq!(stated["reason"], "without a signature, deprecated of 1.0.0");
    let frozen = "Package::\"com.acme/frozen\"";
    let why = json!(["frozen"]);
    assert_eq!(said(refused), [json!("publish"), json!(frozen), json!("denied"), why]);
}

#[test]
fn whoever_has_roles_has_them_at_this_door_too() {
    let company = Company::new(
        "com.acme/*",
        "[access]\nanonymous = 'read'\n\
         [[access.issuer]]\nname = 'sso'\nurl = '{issuer}'\ngroups_claim = 'groups'\n\
         [[access.role]]\nrole = 'publisher'\nissuer = 'sso'\ngroups = ['team']\n\
         [[access.role]]\nrole = 'operator'\nissuer = 'sso'\ngroups = ['platform']",
    );
    let process = company.place.serve();
    let of = |groups: &[&str]| company.token(&process, groups);
    let nobody = publish(&process, &of(&["publishers"]), "com.acme/weather");
    assert_eq!(nobody.outcome(), (403, Some(Code::Denied)), "no role, {nobody}");
    let operator = publish(&process, &of(&["publishers", "team", "platform"]), "com.acme/weather");
    assert_eq!(operator.outcome(), (403, Some(Code::Denied)), "{operator}");
    assert!(operator.problem().detail.contains("`operators-publish-nothing`"), "{operator}");
    let token = of(&["publishers", "team"]);
    assert_eq!(publish(&process, &token, "com.acme/weather").status, 200);
    let reply = deprecate(&process, &token);
    assert_eq!(reply.outcome(), (403, Some(Code::Denied)), "a publisher states nothing: {reply}");
    assert!(process.terminate().success());
    let allowed: Vec<Value> =
        company.audited().into_iter().filter(|it| it["outcome"] == "allowed").collect();
    assert_eq!(allowed.len(), 1, "{allowed:?}");
    assert_eq!(allowed[0]["actor"], "User::\"sso/release@acme.example\"");
    assert_eq!(allowed[0]["policies"], json!(["publishers-publish"]));
}

#[test]
fn where_nothing_else_decides_it_is_written_down_all_the_same() {
    let company = Company::new("com.acme/*", "");
    let process = company.place.serve();
    let token = company.token(&process, &["publishers"]);
    assert_eq!(publish(&process, &token, "com.acme/weather").status, 200);
    // Nothing is done that is refused for another reason, and so there is nothing to tell.
    let reply = publish(&process, &token, "org.other/weather");
    assert_eq!(reply.outcome(), (403, Some(Code::Namespace)));
    assert!(process.terminate().success());
    let found = company.audited();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["outcome"], &found[0]["policies"]), (&json!("allowed"), &json!([])));
}

#[test]
fn a_name_of_a_source_is_not_published_here_and_one_of_ours_not_taken_by_it() {
    let company = Company::new("*", "");
    let source = TestRegistry::start(&company.sigstore.trusted_root_json());
    source.accept(&release(&company.sigstore, "1.0.0"));
    company.place.configure(&format!(
        "[[source]]\nname = 'public'\nurl = '{}'\nlog_key = '{}'\nmode = 'fallback'\n\
         namespaces = ['com.partner/*', '*']\ntrust_public_good = false\n\
         [[source.trust_root]]\nfile = 'trusted_root.json'\n\
         namespaces = ['*', 'io.github.acme/*']",
        source.url(),
        source.log_key().verifier()
    ));
    company.place.json(&["mirror", "sync"]);
    let process = company.place.serve();
    let token = company.token(&process, &["publishers"]);
    for (name, code) in [
        ("com.partner/tool", Code::NamespaceOwner),
        (NAME, Code::SourceChanged),
        ("io.github.acme/Weather", Code::SourceChanged),
    ] {
        let reply = publish(&process, &token, name);
        assert_eq!(reply.outcome(), (409, Some(code)), "{name}: {reply}");
        let path = format!("/v0/servers/{}/status", name.replace('/', "%2F"));
        let reply =
            send(&process, Method::PATCH, &path, &token, &json!({ "status": "deprecated" }));
        assert_eq!(reply.outcome(), (409, Some(code)), "{name}: {reply}");
    }
    let news = "io.github.acme/news";
    assert_eq!(publish(&process, &token, news).status, 200);
    assert!(process.terminate().success());

    source.accept(&Draft::new(news, "2.0.0").sign(&company.sigstore, &acme_news()));
    company.place.json(&["mirror", "sync"]);
    let process = company.place.serve();
    let theirs = process.http.get(&format!("/source/public/v1/packages/{news}/2.0.0"));
    assert_eq!(theirs.outcome(), (403, Some(Code::NamespaceOwner)), "{theirs}");
    let page: Value = process.http.get("/v0.1/servers").json();
    assert_eq!(listed(&page), ["io.github.acme/news@1.0.0", "io.github.acme/weather@1.0.0"]);
}
