//! What it costs to decide whether releases are given out, with fifty policies.
//!
//! One release of which everything is known; and everything that the index of a package
//! with a thousand versions needs when a policy was changed, from the database on.

use std::fmt::Write as _;

use divan::{Bencher, black_box};
use mcpkg_core::publisher::{Identity, Publisher};
use mcpkg_core::server_json::ServerJson;
use mcpkg_registry_server::{
    Config, ConfigFile, GeneratedRelease, Judging, LogAction, Overrides, PolicyFile, generate,
    manage,
};
use mcpkg_test_support::Draft;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const NAME: &str = "io.github.acme/weather";
const POLICIES: usize = 50;
const VERSIONS: u64 = 1000;

fn main() {
    divan::main();
}

/// A registry with one package.
struct Setting {
    runtime: Runtime,
    judging: Judging,
    _folder: TempDir,
}

impl Setting {
    fn new(versions: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let policies = folder.path().join("company.cedar");
        std::fs::write(&policies, company()).expect("a file can be made");
        let file = ConfigFile {
            trust_public_good: Some(false),
            policy: PolicyFile { files: vec![policies], ..PolicyFile::default() },
            ..ConfigFile::default()
        };
        let data = Some(folder.path().join("data"));
        let config = file.resolve(&Overrides { data, ..Overrides::default() });
        let config = config.expect("the configuration makes sense");
        let runtime = Runtime::new().expect("the system has a poller");
        let judging = runtime.block_on(async {
            fill(&config, versions).await;
            let name = NAME.parse().expect("it is a name");
            Judging::open(&config, name).await.expect("the package is there")
        });
        Self { runtime, judging, _folder: folder }
    }
}

/// One policy that permits everything, and others that do not forbid it: each looks at
/// something else, as those of a company do.
fn company() -> String {
    let mut text = "permit (principal, action == Action::\"admit\", resource);\n".to_owned();
    for number in 1..POLICIES {
        let condition = match number % 5 {
            0 => format!("resource.licences.contains(\"LicenseRef-{number}\")"),
            1 => format!("resource.permissions.hosts.contains(\"host-{number}.example:443\")"),
            2 => format!("resource.ageSeconds < 0 - {number}"),
            3 => format!("resource.advisories.ids.contains(\"GHSA-{number}\")"),
            _ => format!("resource.namespace == \"com.example-{number}\""),
        };
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "@id(\"policy-{number}\") forbid (principal, action == Action::\"admit\", resource) \
             when {{ {condition} }};"
        );
    }
    text
}

async fn fill(config: &Config, versions: u64) {
    std::fs::create_dir_all(&config.data).expect("a folder can be made");
    manage(config, LogAction::Init).await.expect("the log is begun");
    let releases = (0..versions).map(|index| {
        let draft = Draft::of_remotes(NAME, &format!("1.{index}.0")).server;
        let bytes = serde_json::to_vec(&draft).expect("JSON can be written");
        GeneratedRelease {
            server: ServerJson::read_strict(&bytes).expect("the draft is a server.json"),
            previous: index.checked_sub(1),
            is_readable: true,
            bundle: None,
        }
    });
    let publisher = Publisher::Identity(Identity {
        issuer: "https://sso.acme.example".to_owned(),
        subject: "ada@acme.example".to_owned(),
    });
    generate(config, &publisher, b"{}", releases).await.expect("the registry is made");
}

#[divan::bench]
fn one_release_with_fifty_policies(bencher: Bencher<'_, '_>) {
    let setting = Setting::new(1);
    bencher.bench_local(|| black_box(setting.judging.decide()));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn a_thousand_versions_with_fifty_policies(bencher: Bencher<'_, '_>) {
    let setting = Setting::new(VERSIONS);
    bencher.bench_local(|| {
        let decided = setting.runtime.block_on(setting.judging.decide_all());
        assert_eq!(decided.expect("it can be decided"), 1000);
    });
}
