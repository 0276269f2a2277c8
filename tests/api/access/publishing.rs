//! Publishing to a private registry: a signature decides, and a policy may forbid more.

use mcpkg_core::api::Status;
use mcpkg_core::log::read_bundle;
use mcpkg_core::statement::BuildsOn;
use mcpkg_core::{Code, Digest};
use mcpkg_test_support::sigstore::Identity;
use mcpkg_test_support::{Basis, Draft, Submission};

use super::{Company, Rules};
use crate::{NAME, acme, release};

/// A release that somebody signed who has nothing to say about the name.
fn of_a_stranger(company: &Company, name: &str) -> Submission {
    Draft::new(name, "1.0.0").sign(&company.sigstore, &Identity::github("mallory/tools"))
}

#[test]
fn whoever_the_name_belongs_to_publishes_without_a_token() {
    let company = Company::start();
    company.registry.accept(&release(&company.sigstore, "1.1.0"));
}

#[test]
fn a_policy_forbids_what_a_signature_allows() {
    let policy = "@id(\"frozen\") forbid (principal, action == Action::\"publish\", \
                  resource == Package::\"io.github.acme/news\");
                  @id(\"tags\") forbid (principal is Signer, action == Action::\"publish\", resource) \
                  unless { principal has repositoryId };";
    let company = Company::with(Rules { policy, ..Rules::default() });
    company.registry.accept(&release(&company.sigstore, "1.1.0"));
    let news = Draft::new("io.github.acme/news", "1.0.0");
    let reply = company.registry.publish(&news.sign(&company.sigstore, &crate::acme_news()));
    assert_eq!(reply.outcome(), (403, Some(Code::Denied)), "{reply}");
    assert!(reply.problem().detail.contains("`frozen` forbids it"), "{reply}");
    let token = company.reader();
    assert_eq!(company.get("/v1/packages/io.github.acme/news", &token).status, 404);
}

#[test]
fn strangers_who_publish_do_not_learn_what_is_there() {
    let company = Company::start();
    let [there, absent] = ["io.github.acme/weather", "io.github.acme/absence"]
        .map(|name| company.registry.publish(&of_a_stranger(&company, name)));
    assert_eq!(there.outcome(), (403, Some(Code::Denied)), "{there}");
    let text = absent.to_string().replace("absence", "weather");
    assert_eq!(there.to_string(), text);
    // A name that would be taken for one that is there.
    let alike = company.registry.publish(&of_a_stranger(&company, "io.github.Acme/Weather"));
    assert_eq!(there.to_string(), alike.to_string().replace("Acme/Weather", "acme/weather"));
}

/// What a statement about `name` builds upon, as far as somebody can guess.
fn guessed(company: &Company, name: &str, leaf: &[u8]) -> Basis {
    let log = company.registry.log_key().verifier().name().to_owned();
    let on = BuildsOn { log, entry: 0 };
    Basis { name: name.to_owned(), on, digest: Digest::of(leaf) }
}

#[test]
fn strangers_who_state_something_do_not_learn_what_is_there() {
    let company = Company::start();
    let mallory = Identity::github("mallory/tools");
    let state = |name: &str| {
        let basis = guessed(&company, name, b"a guess");
        let yank = basis.status("1.0.0", Status::Yanked, None);
        let bundle = basis.sign(&yank, &company.sigstore, &mallory);
        company.registry.http().post("/v1/statements", bundle).unwrap()
    };
    let [there, absent] = [NAME, "io.github.acme/absence"].map(state);
    assert_eq!(there.outcome(), (403, Some(Code::Denied)), "{there}");
    assert_eq!(there.to_string(), absent.to_string().replace("absence", "weather"));
}

#[test]
fn whoever_the_name_belongs_to_states_without_a_token_unless_a_policy_forbids() {
    let policy = "@id(\"kept\") forbid (principal, action == Action::\"state\", resource);";
    for (policy, outcome) in [("", (201, None)), (policy, (403, Some(Code::Denied)))] {
        let company = Company::with(Rules { policy, ..Rules::default() });
        let bundle = company.get("/v1/log/tile/entries/000.p/1", &company.reader()).body;
        let leaf = read_bundle(&bundle).unwrap()[0].to_vec();
        let basis = guessed(&company, NAME, &leaf);
        let yank = basis.status("1.0.0", Status::Yanked, None);
        let bundle = basis.sign(&yank, &company.sigstore, &acme());
        let reply = company.registry.http().post("/v1/statements", bundle).unwrap();
        assert_eq!(reply.outcome(), outcome, "{reply}");
    }
}

#[test]
fn a_statement_says_that_it_is_json() {
    let company = Company::start();
    let http = company.registry.http();
    let reply = http
        .request(reqwest::Method::POST, "/v1/statements", &[("content-type", "text/plain")])
        .unwrap();
    assert_eq!(reply.outcome(), (415, Some(Code::Request)));
    let reply = http.request(reqwest::Method::POST, "/v1/statements", &[]).unwrap();
    assert_eq!(reply.outcome(), (415, Some(Code::Request)));
    let json = http.post("/v1/statements", "{}").unwrap();
    assert_eq!(json.status, 422, "{json}");
}
