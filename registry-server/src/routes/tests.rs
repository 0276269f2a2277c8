//! That no address is open by mistake.

use super::{METADATA, METADATA_BELOW, Need, official, others, reading, table};

fn of<P>(table: Vec<super::Address<P>>, need: Need) -> Vec<P> {
    table.into_iter().filter(|(_, it, _)| *it == need).map(|(path, ..)| path).collect()
}

#[test]
fn what_is_not_guarded_by_its_address_is_listed_here() {
    // Whoever adds one here says why it shows nothing that somebody may not read.
    assert_eq!(
        of(others(), Need::Nothing),
        [METADATA, METADATA_BELOW, "/healthz", "/readyz", "/openapi.json"]
    );
    assert_eq!(
        of(reading(), Need::Handler),
        [
            // Looks up which packages a blob belongs to.
            "/v1/blobs/{digest}",
            // Leaves out what the caller may not read.
            "/v1/search",
        ]
    );
    assert_eq!(
        of(others(), Need::Handler),
        [
            // A signature in the body decides.
            "/v1/publish",
            "/v1/statements",
            // Shows what the caller may approve.
            "/v1/review",
            "/v1/review/{namespace}/{name}/{version}",
            "/v1/review/{namespace}/{name}/{version}/approve",
            "/v1/review/{namespace}/{name}/{version}/reject",
            // Answers about the caller, and looks nothing up.
            "/v1/access/can-i",
        ]
    );
    assert_eq!(of(reading(), Need::Nothing), Vec::<&str>::new());
    assert!(of(table(), Need::Package).iter().all(|path| path.contains("{namespace}/{name}")));
}

#[test]
fn what_the_mcp_registry_s_api_has_is_guarded_by_its_audience_or_a_proof() {
    // `Audience` is asked for by each of these, and names are looked at one by one.
    assert_eq!(
        of(official::reading(), Need::Handler),
        [
            "/servers",
            "/servers/{serverName}/versions",
            "/servers/{serverName}/versions/{version}",
            "/x/dev.mcpkg/servers/{serverName}/versions/{version}",
        ]
    );
    assert_eq!(official::reading().len(), 4);
    assert_eq!(of(official::others(), Need::Nothing), ["/ping", "/health", "/version"]);
    assert_eq!(
        of(table(), Need::Proof).into_iter().filter(|path| !path.starts_with("/v0")).count(),
        0
    );
    assert_eq!(
        of(official::others(), Need::Proof),
        [
            "/auth/dns",
            "/auth/http",
            "/auth/oidc",
            "/auth/github-oidc",
            "/publish",
            // Reads nothing but what it is sent.
            "/validate",
            "/servers/{serverName}/versions/{version}/status",
            "/servers/{serverName}/status",
        ]
    );
}
