//! What is given out, and what is not: by policy, by people, and by how much there is.

mod advisories;
mod given_out;
mod kept;
mod mirrored;
mod newest;
mod news;
mod policies;
mod quotas;
mod restored;
mod review;
mod webhooks;

use std::fs;

use mcpkg_core::Code;
use mcpkg_core::api::{PackageIndex, SearchPage, WithheldRelease};
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Http, Submission};
use serde_json::{Value, json};

use crate::process::{Place, Process};
use crate::{NAME, acme};

/// Everything is admitted that nothing forbids.
pub(crate) const ALL: &str =
    "@id(\"all\")\npermit (principal, action == Action::\"admit\", resource);\n";

/// A registry that gives out what its policies admit, be it its own.
pub(crate) struct Stage {
    sigstore: TestSigstore,
    pub(crate) place: Place,
}

impl Stage {
    /// One with these policies.
    pub(crate) fn new(policies: &str) -> Self {
        let sigstore = TestSigstore::start();
        let place = Place::new(&sigstore);
        place.configure(
            "[policy]\nfiles = ['company.cedar']\n[admission]\njudge = ['own', 'sources']",
        );
        let stage = Self { sigstore, place };
        stage.say(policies);
        stage
    }

    /// Writes other policies.
    pub(crate) fn say(&self, policies: &str) {
        self.write("company.cedar", policies);
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.place.folder().join(name), text).unwrap();
    }

    pub(crate) fn publish(&self, process: &Process, draft: &Draft) -> Submission {
        let submission = draft.sign(&self.sigstore, &acme());
        let reply = process.http.publish(&submission);
        assert_eq!(reply.status, 201, "{reply}");
        submission
    }

    /// What `admission explain` says of a release of the package.
    fn explain(&self, version: &str, more: &[&str]) -> Value {
        let release = format!("{NAME}@{version}");
        self.place.json(&[&["admission", "explain", &release], more].concat())
    }

    /// What was decided of a release of the package.
    fn outcome(&self, version: &str) -> String {
        let explained = self.explain(version, &[]);
        explained["decision"]["outcome"].as_str().unwrap().to_owned()
    }
}

/// A forbid by this name of what meets a condition, with these annotations.
pub(crate) fn forbid(id: &str, annotations: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\")\n{annotations}\nforbid (principal, action == Action::\"admit\", resource)\n\
         when {{ {condition} }};\n"
    )
}

/// A release that asks to reach a host.
fn asking(version: &str, host: &str) -> Draft {
    let mut draft = Draft::new(NAME, version);
    draft.server["_meta"] = json!({
        "io.modelcontextprotocol.registry/publisher-provided": {
            "mcpkg": { "permissions": { "network": { "allow": [host] } } },
        },
    });
    draft
}

/// What is not given out of the package below `base`.
#[track_caller]
fn withheld(http: &Http, base: &str) -> Vec<WithheldRelease> {
    let reply = http.get(&format!("{base}/v1/packages/{NAME}"));
    assert_eq!(reply.status, 200, "{reply}");
    reply.json::<PackageIndex>().withheld
}

/// The releases that a search shows below `base`.
fn found(http: &Http, base: &str) -> Vec<String> {
    let page: SearchPage = http.get(&format!("{base}/v1/search?q=weather")).json();
    page.packages.iter().map(|hit| hit.version.to_string()).collect()
}

/// The versions that the MCP registry's API lists.
#[track_caller]
fn listed(http: &Http) -> Vec<String> {
    let page: Value = http.get("/v0.1/servers").json();
    let servers = page["servers"].as_array().unwrap();
    servers.iter().map(|it| it["server"]["version"].as_str().unwrap().to_owned()).collect()
}

/// Status and code of the answer to each address of a release below `base`: its document,
/// its evidence and its artifact.
fn answers(
    http: &Http,
    base: &str,
    submission: &Submission,
    version: &str,
) -> [(u16, Option<Code>); 3] {
    let release = format!("{base}/v1/packages/{NAME}/{version}");
    let blob = format!("{base}/v1/blobs/{}", submission.artifact(0));
    [release.clone(), format!("{release}/evidence"), blob].map(|path| {
        let reply = http.get(&path);
        (reply.status, (reply.status >= 400).then(|| reply.problem().code))
    })
}
