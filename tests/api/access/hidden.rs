//! That those who may not read learn nothing of what there is.

use mcpkg_core::Code;
use mcpkg_test_support::Reply;
use serde_json::{Value, json};

use super::{Company, PACKAGE, Rules};

/// A package that is not there, with a name as long as that of the one that is.
const ABSENT: &str = "/v1/packages/io.github.acme/absence";

fn body(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).replace("absence", "weather")
}

/// What is there, and what is not, in pairs.
fn pairs(company: &Company) -> Vec<(String, String)> {
    let document: Value = company.get(&format!("{PACKAGE}/1.0.0"), &company.reader()).json();
    let digest = document["artifacts"][0]["digest"].as_str().unwrap().to_owned();
    let other = format!("sha256:{}", "0".repeat(64));
    vec![
        (PACKAGE.to_owned(), ABSENT.to_owned()),
        (format!("{PACKAGE}?seen=1"), format!("{ABSENT}?seen=1")),
        (format!("{PACKAGE}/1.0.0"), format!("{ABSENT}/1.0.0")),
        (format!("{PACKAGE}/1.0.0/evidence"), format!("{ABSENT}/1.0.0/evidence")),
        (format!("/v1/blobs/{digest}"), format!("/v1/blobs/{other}")),
        ("/v1/search?q=weather".to_owned(), "/v1/search?q=absence".to_owned()),
        ("/v1/log/tile/0/000.p/1".to_owned(), "/v1/log/tile/0/001".to_owned()),
        ("/v1/log/entries/000.p/1".to_owned(), "/v1/log/entries/001".to_owned()),
        ("/v1/log".to_owned(), "/v1/log".to_owned()),
        ("/v1/log/checkpoint".to_owned(), "/v1/log/checkpoint".to_owned()),
    ]
}

#[test]
fn without_a_token_everything_is_401_whether_it_is_there_or_not() {
    let company = Company::start();
    for (there, absent) in pairs(&company) {
        let [found, missing] = [&there, &absent].map(|path| company.registry.http().get(path));
        assert_eq!(found.outcome(), (401, Some(Code::Unauthenticated)), "{there}: {found}");
        assert_eq!(missing.status, 401, "{absent}");
        assert_eq!(body(&found), body(&missing), "{there}");
        assert_eq!(found.headers.len(), missing.headers.len(), "{there}");
    }
}

#[test]
fn with_a_token_that_does_not_suffice_it_is_404_as_if_it_were_not_there() {
    let company = Company::start();
    let token = company.stranger();
    for (there, absent) in pairs(&company) {
        let [found, missing] = [&there, &absent].map(|path| company.get(path, &token));
        if there.starts_with("/v1/search") {
            let nothing = json!({ "packages": [] });
            assert_eq!(found.json::<Value>()["packages"], nothing["packages"]);
            assert_eq!(body(&found), body(&missing));
            continue;
        }
        assert_eq!(found.outcome(), (404, Some(Code::NotFound)), "{there}: {found}");
        // A digest stands in the answer as it was asked for.
        let name = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        let missing = body(&missing).replace(&name(&absent), &name(&there));
        assert_eq!(body(&found), missing, "{there}");
    }
}

#[test]
fn what_is_not_there_reads_alike_for_those_who_may() {
    let company = Company::start();
    let reply = company.get(ABSENT, &company.reader());
    let denied = company.get(ABSENT, &company.stranger());
    assert_eq!(reply.outcome(), (404, Some(Code::NotFound)));
    assert_eq!(reply.body, denied.body);
}

#[test]
fn health_is_for_everybody_and_says_nothing() {
    let company = Company::start();
    for path in ["/healthz", "/readyz"] {
        let reply = company.registry.http().get(path);
        assert_eq!((reply.status, &reply.body[..]), (200, &b"ok\n"[..]), "{path}");
    }
}

#[test]
fn whoever_reads_one_package_finds_that_one_alone() {
    let policy = "@id(\"guests\") permit (principal in Group::\"sso/guests\", \
                  action == Action::\"read\", resource == Package::\"io.github.acme/weather\");";
    let company = Company::with(Rules { policy, ..Rules::default() });
    let news = mcpkg_test_support::Draft::new("io.github.acme/news", "1.0.0")
        .description("News of the weather");
    company.registry.accept(&news.sign(&company.sigstore, &crate::acme_news()));
    let document: Value =
        company.get("/v1/packages/io.github.acme/news/1.0.0", &company.reader()).json();
    let hidden = document["artifacts"][0]["digest"].as_str().unwrap();

    let token = company.stranger();
    let found: Value = company.get("/v1/search?q=weather", &token).json();
    let names = |page: &Value| -> Vec<Value> {
        page["packages"].as_array().unwrap().iter().map(|hit| hit["name"].clone()).collect()
    };
    assert_eq!(names(&found), ["io.github.acme/weather"]);
    let found: Value = company.get("/v1/search?q=weather", &company.reader()).json();
    assert_eq!(names(&found).len(), 2);
    // The newest is the one that is hidden: its page is passed over, and not shown empty.
    let found: Value = company.get("/v1/search?limit=1", &token).json();
    assert_eq!(names(&found), ["io.github.acme/weather"]);
    let nobody = company.issuer.sign(&company.claims("nora", &[]));
    let found: Value = company.get("/v1/search?limit=1", &nobody).json();
    assert_eq!(found, json!({ "packages": [] }), "nothing tells that there is something");

    let document: Value = company.get(&format!("{PACKAGE}/1.0.0"), &token).json();
    for field in ["metadata", "artifact", "bundle"] {
        let digest = match field {
            "metadata" => &document["metadata"],
            "artifact" => &document["artifacts"][0]["digest"],
            _ => &document["evidence"][0]["digest"],
        };
        let path = format!("/v1/blobs/{}", digest.as_str().unwrap());
        assert_eq!(company.get(&path, &token).status, 200, "{field}");
    }
    assert_eq!(company.get(&format!("/v1/blobs/{hidden}"), &token).status, 404);
    assert_eq!(company.get("/v1/packages/io.github.acme/news", &token).status, 404);
    // The log names every package.
    assert_eq!(company.get("/v1/log/entries/000.p/2", &token).status, 404);
}

#[test]
fn a_page_of_somebody_elses_may_ask_whether_it_may_ask() {
    let company = Company::start();
    let options = reqwest_method("OPTIONS");
    let reply = company.registry.http().request(options, PACKAGE, &[]).unwrap();
    assert_eq!(reply.status, 405, "no token is asked for, and nothing is told");
}

fn reqwest_method(name: &str) -> reqwest::Method {
    name.parse().unwrap()
}
