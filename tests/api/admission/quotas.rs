//! How much a namespace may have.

use mcpkg_core::Code;
use mcpkg_test_support::Draft;
use mcpkg_test_support::sigstore::TestSigstore;

use crate::process::Place;
use crate::{NAME, acme, acme_news};

#[test]
fn a_namespace_has_no_more_releases_than_it_may_and_others_are_not_asked() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    place.configure("[[quota]]\nnamespace = 'io.github.ACME'\nreleases = 2\n[[quota]]\nnamespace = '*'\nreleases = 0");
    let process = place.serve();
    let http = &process.http;
    let release = |version: &str| Draft::new(NAME, version).sign(&sigstore, &acme());
    let (one, two) = (release("1.0.0"), release("1.1.0"));
    assert_eq!(http.publish(&one).status, 201);
    assert_eq!(http.publish(&two).status, 201);
    for submission in
        [release("1.2.0"), Draft::new("io.github.acme/news", "1.0.0").sign(&sigstore, &acme_news())]
    {
        assert_eq!(http.publish(&submission).outcome(), (429, Some(Code::Quota)));
    }
    // What is there is there, however often it is sent.
    assert_eq!(http.publish(&one).status, 200);
    assert_eq!(http.get(&format!("/v1/packages/{NAME}/1.2.0")).status, 404);
}

#[test]
fn a_namespace_has_no_more_bytes_than_it_may() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    place.configure("[[quota]]\nnamespace = '*'\nbytes = 100000");
    let process = place.serve();
    let release =
        |version: &str, bytes| Draft::new(NAME, version).with_bytes(bytes).sign(&sigstore, &acme());
    assert_eq!(process.http.publish(&release("1.0.0", 60_000)).status, 201);
    let reply = process.http.publish(&release("1.1.0", 60_000));
    assert_eq!(reply.outcome(), (413, Some(Code::Quota)));
    assert_eq!(process.http.publish(&release("1.1.0", 1000)).status, 201);
    assert_eq!(place.fsck().code, Some(0));
}
