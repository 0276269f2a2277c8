//! The same with real pip and Python's index.

use std::process::Command;

use mcpkg_core::Digest;
use mcpkg_test_support::ecosystem::pypi_publish;
use mcpkg_test_support::{TestEcosystem, World, world};
use serde_json::{Value, json};

use crate::fixture::{Fixture, acme};

const NAME: &str = "org.pypi/acme-weather";
const SERVER: &str = "from clouds import now\n\n\ndef main():\n    print(now())\n";

pub(super) struct Python {
    pub(super) fixture: Fixture,
    pub(super) ecosystem: TestEcosystem,
}

impl Python {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub(super) fn new() -> Option<Self> {
        let pip = ["-I", "-m", "pip", "--version"];
        if !Command::new("/usr/bin/python3").args(pip).output().is_ok_and(|it| it.status.success())
        {
            eprintln!("skipped: /usr/bin/python3 has no pip");
            return None;
        }
        let (fixture, ecosystem) = (Fixture::empty(), TestEcosystem::start());
        let clouds = [("clouds.py", "def now():\n    return 'cloudy'\n")];
        ecosystem.pypi(("clouds", "2.0"), &[], "clouds:now", &clouds);
        Some(Self { fixture, ecosystem })
    }

    pub(super) fn publish(&self, version: &str) -> (String, Digest) {
        self.publish_needing(version, "clouds>=2")
    }

    /// The same, of what needs something.
    pub(super) fn publish_needing(&self, version: &str, needs: &str) -> (String, Digest) {
        let files = [("acme_weather/__init__.py", ""), ("acme_weather/server.py", SERVER)];
        let (named, main) = (("acme-weather", version), "acme_weather.server:main");
        self.ecosystem.pypi(named, &[needs], main, &files)
    }

    /// Has the wheel of a release be yanked, or not any more.
    pub(super) fn yank(&self, name: &str, version: &str, yanked: &Value) {
        let wheel = format!("{}-{version}-py3-none-any.whl", name.replace('-', "_"));
        self.ecosystem.edit(&format!("/simple/{name}/"), |document| {
            for file in document["files"].as_array_mut().unwrap() {
                if file["filename"] == wheel.as_str() {
                    file["yanked"] = yanked.clone();
                }
            }
        });
    }

    pub(super) fn attest(&self, (file, digest): &(String, Digest)) {
        let statement = pypi_publish(file, *digest).to_string();
        let bundle = self.fixture.sigstore.sign_statement(&acme(), statement.as_bytes());
        let publisher =
            json!({ "kind": "GitHub", "repository": "acme/weather", "workflow": "release.yml" });
        self.ecosystem.pypi_attest(file, &publisher, &[bundle]);
    }

    pub(super) fn developer(&self) -> World {
        let world = world!();
        world.file(".claude.json", "{}\n");
        world.file(".config/mcpkg/root.json", self.fixture.sigstore.trusted_root_json());
        let pypi = self.ecosystem.pypi_url();
        let config = format!("[upstream]\npypi = \"{pypi}\"\ntrusted_root = \"root.json\"\n");
        world.file(".config/mcpkg/config.toml", config);
        world
    }
}

fn first(stdout: &str) -> Value {
    serde_json::from_str::<Value>(stdout).unwrap()["servers"][0].clone()
}

#[test]
fn a_project_of_pypi_is_updated_locked_and_made_again_elsewhere() {
    let Some(python) = Python::new() else { return };
    python.attest(&python.publish("1.2"));
    let developer = python.developer();
    developer.file("mcpkg.toml", "[servers]\n");
    let install = ["install", "pypi:acme-weather", "--scope", "project", "--yes", "--unconfined"];
    developer.ok(&[install.as_slice(), &["--accept-fresh", "pypi:acme-weather@1.2"]].concat());
    let wanted = format!(
        "[servers]\n\"{NAME}\" = {{ version = \"^1.2.0\", from = \"pypi:acme-weather\" }}\n"
    );
    assert_eq!(developer.read("mcpkg.toml"), wanted);

    python.publish("1.3");
    python.attest(&python.publish("1.4"));
    python.publish("1.5rc1");
    python.publish("2.0");
    python.yank("acme-weather", "1.3", &json!("it loses rain"));
    let outcome = developer.run(&["outdated", "--json"]);
    let server = first(&outcome.stdout);
    assert_eq!((outcome.code, &server["allowed"]), (Some(4), &json!("1.4.0")), "{outcome}");
    let passed: Vec<_> = server["passedOver"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&passed[0]["version"], &passed[1]["version"]),
        (&json!("2.0.0"), &json!("1.5.0-rc.1"))
    );

    developer.ok(&["update", "--yes", "--accept-fresh", "pypi:acme-weather@1.4"]);
    let lock = developer.read("mcpkg.lock");
    assert!(lock.contains("pypi:acme-weather@1.4") && lock.contains("clouds-2.0-py3"), "{lock}");

    // Elsewhere it is the same to the byte, and pip chooses nothing there.
    let colleague = python.developer();
    for file in ["mcpkg.toml", "mcpkg.lock"] {
        colleague.file(file, developer.read(file));
    }
    python.ecosystem.put("/simple/clouds/", "text/plain", "nothing");
    colleague.ok(&["sync", "--frozen"]);
    assert_eq!(colleague.read("mcpkg.lock"), lock);
    colleague.ok(&["verify"]);
    colleague.ok(&["--offline", "sync", "--frozen"]);
}
