//! `/v1/packages/…`

use mcpkg_core::Code;
use mcpkg_core::api::{BundleDocument, PackageIndex};
use reqwest::Method;

use crate::{NAME, release, start};

#[test]
fn an_index_lists_the_newest_version_first() {
    let (sigstore, registry) = start();
    for version in ["1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.3"] {
        registry.accept(&release(&sigstore, version));
        // So that each publish finds an index in the cache, and must change it.
        assert_eq!(registry.http().get(&format!("/v1/packages/{NAME}")).status, 200);
    }
    for name in [NAME, "io.github.Acme/WEATHER"] {
        let index: PackageIndex = registry.http().get(&format!("/v1/packages/{name}")).json();
        let versions: Vec<String> =
            index.releases.iter().map(|line| line.version.to_string()).collect();
        assert_eq!(versions, ["2.0.0-rc.1", "1.10.0", "1.9.0", "1.2.3"]);
        assert_eq!(index.name.as_str(), NAME, "in the case of the first release");
    }
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    for path in [
        format!("/v1/packages/{NAME}"),
        format!("/v1/packages/{NAME}/1.0.0"),
        format!("/v1/packages/{NAME}/1.0.0/evidence"),
    ] {
        let first = registry.http().get(&path);
        assert_eq!(first.header("content-type"), "application/json", "{path}");
        assert_eq!(first.header("cache-control"), "no-cache", "{path}");
        assert_eq!(first.header("x-content-type-options"), "nosniff", "{path}");
        let tag = first.header("etag");
        let again = registry.http().get_with(&path, &[("if-none-match", tag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), tag, "{path}");

        let head = registry.http().request(Method::HEAD, &path, &[]).unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(head.header("content-length"), first.body.len().to_string(), "{path}");
    }
    let path = format!("/v1/packages/{NAME}");
    let stale = registry.http().get(&path);
    registry.accept(&release(&sigstore, "1.1.0"));
    let fresh = registry.http().get_with(&path, &[("if-none-match", stale.header("etag"))]);
    assert_eq!(fresh.status, 200);
    assert_ne!(fresh.body, stale.body);
}

#[test]
fn the_evidence_can_be_had_alone() {
    let (sigstore, registry) = start();
    let submission = release(&sigstore, "1.0.0");
    registry.accept(&submission);
    let evidence: Vec<BundleDocument> =
        registry.http().get(&format!("/v1/packages/{NAME}/1.0.0/evidence")).json();
    assert_eq!(evidence.len(), 1);
    assert_eq!(evidence[0].bundle.get().as_bytes(), submission.bundles[0]);
}

#[test]
fn what_cannot_be_there_is_a_problem_with_its_own_code() {
    let (sigstore, registry) = start();
    registry.accept(&release(&sigstore, "1.0.0"));
    let long = "a".repeat(200);
    for (path, status, code) in [
        ("/v1/packages/io.github.acme/news", 404, Code::NotFound),
        ("/v1/packages/io.github.acme/weather/1.0.1", 404, Code::NotFound),
        ("/v1/packages/io.github.acme/weather/1.0.1/evidence", 404, Code::NotFound),
        ("/v1/packages/io.github.acme", 404, Code::NotFound),
        ("/v1/packages/io.github.acme/weather/", 404, Code::NotFound),
        ("/v1/packages/io.github.acme/weather/1.0.0/x", 404, Code::NotFound),
        ("/", 404, Code::NotFound),
        ("/v1", 404, Code::NotFound),
        ("/%2e%2e/etc/passwd", 404, Code::NotFound),
        ("/v1/packages/io.github.acme/%2e%2e%2fetc", 400, Code::Name),
        ("/v1/packages/io.github.acme/a%2fb", 400, Code::Name),
        ("/v1/packages/io.github.acme%2fweather/1.0.0", 400, Code::Name),
        ("/v1/packages/io.github.acme/con", 400, Code::Name),
        ("/v1/packages/io.github.acme/.x", 400, Code::Name),
        ("/v1/packages/io.github.acme/x%00", 400, Code::Name),
        ("/v1/packages/io.github.acme/%FF", 400, Code::Name),
        ("/v1/packages/io.github.acme/w%E2%80%8Beather", 400, Code::Name),
        ("/v1/packages/io.github.acme/%E2%80%AErehtaew", 400, Code::Name),
        ("/v1/packages/%D0%B0%D1%81%D0%BC%D0%B5/weather", 400, Code::Name),
        (&format!("/v1/packages/{long}/x"), 400, Code::Name),
        ("/v1/packages/io.github.acme/weather/1.0", 400, Code::Version),
        ("/v1/packages/io.github.acme/weather/latest", 400, Code::Version),
        ("/v1/packages/io.github.acme/weather?x=1", 400, Code::Request),
        ("/v1/packages/io.github.acme/weather/1.0.0/evidence?", 400, Code::Request),
        ("/v1/search?limit=0", 400, Code::Request),
        (&format!("/v1/search?q={}", long.repeat(20)), 414, Code::Limit),
    ] {
        let reply = registry.http().get(path);
        assert_eq!(reply.outcome(), (status, Some(code)), "{path}: {reply}");
    }
}

#[test]
fn other_methods_are_refused_by_name() {
    let (_, registry) = start();
    for (method, path) in [
        (Method::POST, format!("/v1/packages/{NAME}")),
        (Method::DELETE, format!("/v1/packages/{NAME}/1.0.0")),
        (Method::PUT, "/v1/publish".to_owned()),
        (Method::GET, "/v1/publish".to_owned()),
    ] {
        let reply = registry.http().request(method.clone(), &path, &[]).unwrap();
        assert_eq!(reply.outcome(), (405, Some(Code::Request)), "{method} {path}");
        assert!(!reply.header("allow").is_empty(), "{method} {path}");
    }
}

#[test]
fn a_server_says_that_it_lives() {
    let (_, registry) = start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(registry.http().get(path).status, 200, "{path}");
    }
}
