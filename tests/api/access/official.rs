//! Who reads and writes through the MCP registry's API.

use mcpkg_core::Code;
use mcpkg_registry_server::{NamedRegistry, OfficialConfig};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Reply, Setup, TestIssuer, TestKey, TestRegistry};
use reqwest::Method;
use serde_json::Value;

use super::{Company, Rules, audited};
use crate::release;

const WEATHER: &str = "/servers/io.github.acme%2Fweather/versions/1.0.0";
const NEWS: &str = "/servers/io.github.acme%2Fnews/versions/1.0.0";
const EVIDENCE: &str = "/x/dev.mcpkg/servers/io.github.acme%2Fweather/versions/1.0.0";

/// A company with two packages, and two registries that have all of them: `team`, which is
/// for everybody, and `board`, which is not.
fn company(policy: &str) -> Company {
    let registry = |name: &str, anonymous| NamedRegistry {
        name: name.to_owned(),
        packages: Vec::new(),
        sources: None,
        anonymous,
    };
    let official = OfficialConfig {
        publish: vec!["com.acme/*".parse().unwrap()],
        ..OfficialConfig::default()
    };
    let registries = vec![registry("team", true), registry("board", false)];
    let setup = Setup { registries, official, ..Setup::default() };
    let company = Company::with(Rules { policy, setup, ..Rules::default() });
    let news = Draft::new("io.github.acme/news", "1.0.0");
    company.registry.accept(&news.sign(&company.sigstore, &crate::acme_news()));
    company
}

fn names(page: &Reply) -> Vec<String> {
    assert_eq!(page.status, 200, "{page}");
    let page: Value = page.json();
    let servers = page["servers"].as_array().unwrap();
    servers.iter().map(|it| it["server"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn without_a_token_everything_is_401_whether_it_is_there_or_not() {
    let company = company("");
    let http = company.registry.http();
    for face in ["/v0.1", "/v0", "/registry/board/v0.1", "/registry/nowhere/v0.1"] {
        for path in ["/servers", WEATHER, EVIDENCE, "/servers/a.b%2Fc/versions"] {
            let reply = http.get(&format!("{face}{path}"));
            assert_eq!(reply.outcome(), (401, Some(Code::Unauthenticated)), "{face}{path}");
            assert!(reply.header("www-authenticate").contains("resource_metadata"), "{reply}");
            assert_eq!(reply.header("access-control-allow-origin"), "*", "{face}{path}");
        }
    }
    for path in ["/openapi.json", "/v0.1/ping", "/v0/health", "/v0.1/version"] {
        assert_eq!(http.get(path).status, 200, "{path}");
    }
}

#[test]
fn a_reader_reads_and_a_registry_that_is_open_is_for_everybody() {
    let company = company("");
    let token = company.reader();
    for face in ["/v0.1", "/v0", "/registry/board/v0.1", "/registry/team/v0"] {
        assert_eq!(names(&company.get(&format!("{face}/servers"), &token)).len(), 2, "{face}");
        for path in [WEATHER, EVIDENCE] {
            let reply = company.get(&format!("{face}{path}"), &token);
            assert_eq!(reply.status, 200, "{face}{path}: {reply}");
        }
    }
    let http = company.registry.http();
    assert_eq!(names(&http.get("/registry/team/v0.1/servers")).len(), 2);
    assert_eq!(http.get(&format!("/registry/team/v0.1{WEATHER}")).status, 200);
}

#[test]
fn a_registry_that_may_not_be_read_is_as_one_that_does_not_exist() {
    let policy = "@id(\"board\") forbid (principal, action == Action::\"read\", \
                  resource in Registry::\"board\");";
    let company = company(policy);
    let token = company.reader();
    for path in ["/servers", WEATHER, EVIDENCE] {
        let hidden = company.get(&format!("/registry/board/v0.1{path}"), &token);
        let absent = company.get(&format!("/registry/nowhere/v0.1{path}"), &token);
        assert_eq!(hidden.outcome(), (404, Some(Code::NotFound)), "{path}: {hidden}");
        assert_eq!(hidden.body, absent.body, "{path}");
    }
}

#[test]
fn a_name_that_may_not_be_read_is_in_no_list_and_no_cursor() {
    let policy = "@id(\"guests\") permit (principal in Group::\"sso/guests\", \
                  action == Action::\"read\", resource == Package::\"io.github.acme/weather\");";
    let company = company(policy);
    let token = company.stranger();
    // The one that is hidden comes first: its page is passed over, and not shown empty.
    let page = company.get("/v0.1/servers?limit=1", &token);
    assert_eq!(names(&page), ["io.github.acme/weather"]);
    assert_eq!(page.json::<Value>()["metadata"]["nextCursor"], Value::Null);
    let nobody = company.issuer.sign(&company.claims("nora", &[]));
    let page = company.get("/v0.1/servers?limit=1", &nobody);
    assert_eq!(names(&page), Vec::<String>::new());
    assert_eq!(page.json::<Value>()["metadata"]["nextCursor"], Value::Null);

    assert_eq!(company.get(&format!("/v0.1{WEATHER}"), &token).status, 200);
    let hidden = company.get(&format!("/v0.1{NEWS}"), &token);
    let absent = company.get("/v0.1/servers/io.github.acme%2Fnone/versions/1.0.0", &token);
    assert_eq!(hidden.outcome(), (404, Some(Code::NotFound)), "{hidden}");
    let text = |reply: &Reply| String::from_utf8_lossy(&reply.body).replace("none", "news");
    assert_eq!(text(&hidden), text(&absent));
}

#[test]
fn what_is_written_is_decided_by_proofs_of_its_own() {
    let company = company("");
    let http = company.registry.http();
    let bearer = format!("Bearer {}", company.reader());
    let send = |path: &str, headers: &[(&str, &str)]| {
        http.send_with(Method::POST, path, headers, r#"{"name":"com.acme/x"}"#)
    };
    // A token of an issuer of `[access]` is none of this API's, and none is another answer
    // than the guard's.
    for headers in [&[][..], &[("authorization", bearer.as_str())]] {
        let reply = send("/v0.1/publish", headers);
        assert_eq!(reply.outcome(), (401, Some(Code::OidcToken)), "{reply}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    assert_eq!(send("/v0.1/validate", &[]).status, 200);
    assert_ne!(send("/v0.1/auth/oidc", &[]).outcome().1, Some(Code::Unauthenticated));
}

#[test]
fn what_is_mirrored_is_shown_to_whoever_may_read_it_here_and_at_its_source() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let source = TestRegistry::start(&sigstore.trusted_root_json());
    source.accept(&release(&sigstore, "1.0.0"));
    let policy = "@id(\"abroad\") forbid (principal == User::\"sso/ivan\", \
                  action == Action::\"read\", resource in Source::\"public\");\n\
                  @id(\"here\") forbid (principal == User::\"sso/hera\", \
                  action == Action::\"read\", resource == Package::\"io.github.acme/weather\") \
                  when { resource in Registry::\"own\" };";
    let place = audited::place(&sigstore, &issuer, policy);
    place.configure(&format!(
        "[[source]]\nname = 'public'\nurl = '{}'\nlog_key = '{}'\nmode = 'fallback'\n\
         namespaces = ['*']\ntrust_public_good = false\n\
         [[source.trust_root]]\nfile = 'trusted_root.json'\n\
         namespaces = ['*', 'io.github.acme/*']",
        source.url(),
        source.log_key().verifier()
    ));
    place.json(&["mirror", "sync"]);
    let process = place.serve();
    for (subject, sees) in [("rita", true), ("ivan", false), ("hera", false)] {
        let token = audited::token(&issuer, subject, "staff");
        let page = audited::get(&process, "/v0.1/servers", &token);
        assert_eq!(names(&page).len(), usize::from(sees), "{subject}: {page}");
        for path in [WEATHER, EVIDENCE] {
            let reply = audited::get(&process, &format!("/v0.1{path}"), &token);
            assert_eq!(reply.status, if sees { 200 } else { 404 }, "{subject}: {reply}");
        }
    }
    let nobody = process.http.get("/v0.1/servers");
    assert_eq!(nobody.outcome(), (401, Some(Code::Unauthenticated)));
}

#[test]
fn what_is_withdrawn_is_told_to_those_who_may_read_it_alone() {
    let (sigstore, issuer) = (TestSigstore::start(), TestIssuer::start(TestKey::ecdsa()));
    let policy = "@id(\"private\") forbid (principal == User::\"sso/hera\", \
                  action == Action::\"read\", resource == Package::\"io.github.acme/weather\");";
    let place = audited::place(&sigstore, &issuer, policy);
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    place.json(&["takedown", crate::NAME, "1.0.0", "--reason", "it was stolen"]);
    process.wait_for_log("what was taken down has changed");
    for (subject, told) in [("rita", 1), ("hera", 0)] {
        let token = audited::token(&issuer, subject, "staff");
        for query in ["?include_deleted=true", "?updated_since=2001-01-01T00:00:00Z"] {
            let page = audited::get(&process, &format!("/v0.1/servers{query}"), &token);
            assert_eq!(names(&page).len(), told, "{subject}{query}: {page}");
        }
        let one = audited::get(&process, &format!("/v0.1{WEATHER}?include_deleted=true"), &token);
        assert_eq!(one.status, if told == 1 { 200 } else { 404 }, "{subject}: {one}");
    }
}
