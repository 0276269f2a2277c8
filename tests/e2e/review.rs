//! Two people look at a release before anybody gets it: the real command, whose users have
//! logged in, and a registry that checks their tokens itself.

use mcpkg_test_support::{
    AccessFile, AdmissionFile, Draft, Outcome, PolicyFile, Rules, Setup, TestCa,
    TestIdentityProvider, TestProxy, TlsFront, World, world,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, NAME, acme};
use crate::login::{Login, keep_in_file};

const REGISTRY: &str = "https://mcp.acme.example";
const SSO: &str = "https://sso.acme.example";

/// Everything is given out but what asks for a host, which two have to look at.
const POLICIES: &str = r#"
    @id("all")
    permit (principal, action == Action::"admit", resource);
    @id("hosts") @approval("two") @reason("it connects to somewhere")
    forbid (principal, action == Action::"admit", resource)
    unless { resource.permissions.hosts.isEmpty() };
"#;

/// A company with its sign-on, its proxy, and a registry that people approve at.
struct Company {
    fixture: Fixture,
    issuer: TestIdentityProvider,
    ca: TestCa,
    proxy: TestProxy,
    /// What is on the way, and the files that the registry reads.
    _between: (TlsFront, TlsFront, TestProxy, TempDir),
}

impl Company {
    /// Its owners are `ada` and `bob`, and `carol` reads.
    fn new() -> Self {
        let (ca, folder) = (TestCa::generate("Acme"), tempfile::tempdir().unwrap());
        let rules = Rules { url: Some(SSO.to_owned()), ..Rules::default() };
        let issuer = TestIdentityProvider::start_with(rules);
        let sso = TlsFront::start(&ca, &["sso.acme.example"], issuer.own_url());
        let known = ("sso.acme.example:443", sso.address());
        let way_out = TestProxy::start(&[known]);
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let admission = json!({ "judge": ["own"] });
        let access = json!({
            "ca": write("ca.pem", ca.pem()),
            "proxy": way_out.url(),
            "dpop": "required",
            "dpop_nonce": "required",
            "issuer": [{
                "name": "sso", "url": SSO, "token_types": ["JWT"], "algorithms": ["ES256"],
                "login": { "client_id": "mcpkg", "scopes": ["read"] },
            }],
            "role": [
                { "role": "owner", "issuer": "sso", "subjects": ["7", "bob"] },
                { "role": "reader", "issuer": "sso", "subjects": ["carol"] },
            ],
        });
        let policy =
            PolicyFile { files: vec![write("company.cedar", POLICIES)], ..PolicyFile::default() };
        let fixture = Fixture::set_up(Setup {
            public_url: Some(REGISTRY.to_owned()),
            access: Some(serde_json::from_value::<AccessFile>(access).unwrap()),
            admission: serde_json::from_value::<AdmissionFile>(admission).unwrap(),
            policy,
            ..Setup::default()
        });
        let front = TlsFront::start(&ca, &["mcp.acme.example"], fixture.registry.url());
        let proxy = TestProxy::start(&[known, ("mcp.acme.example:443", front.address())]);
        let between = (sso, front, way_out, folder);
        Self { fixture, issuer, ca, proxy, _between: between }
    }

    /// Somebody who has logged in.
    fn user(&self, person: &str) -> World {
        let world = world!();
        world.file("ca.pem", self.ca.pem());
        world.file(".claude.json", "{}\n");
        let way = ["--private", "--ca", "ca.pem", "--proxy", &self.proxy.url()];
        self.fixture.add_registry(&world, REGISTRY, &way);
        keep_in_file(&world);
        // Nobody says as what: the registry does.
        let mut login = Login::begin(&world, &["login", "test", "--device", "--issuer", SSO]);
        let code = login.shown("and type");
        self.issuer.approve_as(&code, person);
        let outcome = login.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        world
    }

    fn publish(&self, draft: &Draft) {
        self.fixture.registry.accept(&draft.sign(&self.fixture.sigstore, &acme()));
    }
}

/// A release that asks to reach a host, and has other files.
fn asking(version: &str, host: &str) -> Draft {
    let mut draft = Draft::new(NAME, version);
    draft.server["_meta"] = json!({
        "io.modelcontextprotocol.registry/publisher-provided": {
            "mcpkg": { "permissions": { "network": { "allow": [host] } } },
        },
    });
    draft.artifacts[0].files[0].1 = b"console.log('other')\n".to_vec();
    draft
}

/// Approves or rejects, without being asked.
fn say(world: &World, verb: &str, version: &str, reason: &str) -> Outcome {
    let release = format!("{NAME}@{version}");
    world.ok(&["review", verb, &release, "--yes", "--reason", reason])
}

#[track_caller]
fn listed(world: &World, outcome: &str) -> Value {
    let found = world.ok(&["review", "list", "--outcome", outcome, "--json"]);
    serde_json::from_str::<Value>(&found.stdout).unwrap()["releases"].clone()
}

#[test]
fn two_people_look_at_what_is_new_in_a_release_before_anybody_gets_it() {
    let company = Company::new();
    company.publish(&Draft::new(NAME, "1.0.0"));
    company.publish(&asking("1.1.0", "api.example.com:443"));
    let [ada, bob, carol] = ["ada", "bob", "carol"].map(|person| company.user(person));
    let release = format!("{NAME}@1.1.0");

    // Whoever only reads gets what is given out, and is told of nothing else.
    carol.refused(&["install", &release, "--yes"], 3, &["E_QUARANTINED"]);
    assert_eq!(listed(&carol, "quarantined"), json!([]));
    carol.refused(&["review", "show", &release], 1, &["E_NOT_FOUND"]);
    let vote = ["review", "approve", &release, "--yes", "--reason", "mine"];
    carol.refused(&vote, 1, &["E_NOT_FOUND"]);
    carol.ok(&["install", NAME, "--yes"]);
    assert!(carol.read(".config/mcpkg/mcpkg.lock").contains("\"1.0.0\""));

    // Whoever may approve sees the difference, not the release.
    let waiting = listed(&ada, "quarantined");
    assert_eq!(waiting.as_array().unwrap().len(), 1, "{waiting}");
    assert_eq!(waiting[0]["decision"]["sentence"], "it connects to somewhere");
    let shown = ada.ok(&["review", "show", &release]).stdout;
    for expected in [
        "1.1.0: quarantined, 0 of 2 have approved",
        "compared to 1.0.0",
        "may now connect to api.example.com:443",
        "server/index.js",
        "policies hosts",
    ] {
        assert!(shown.contains(expected), "{expected}:\n{shown}");
    }

    // Nobody approves without a reason, and nobody by not answering.
    ada.refused(&["review", "approve", &release, "--yes"], 2, &[]);
    ada.refused(&["review", "approve", &release, "--reason", "fine"], 2, &["E_PERMISSION"]);
    assert_eq!(listed(&ada, "quarantined")[0]["decision"]["approvals"]["given"], 0);

    let reason = "the host is their own status page";
    let once = say(&ada, "approve", "1.1.0", reason).stderr;
    assert!(once.contains("quarantined, 1 of 2 have approved"), "{once}");
    let twice = say(&ada, "approve", "1.1.0", reason).stderr;
    assert!(twice.contains("1 of 2"), "a person counts once:\n{twice}");
    carol.refused(&["install", &release, "--yes"], 3, &["E_QUARANTINED"]);

    // The other one sees what was said, and approves what they have looked at.
    let shown = bob.ok(&["review", "show", &release, "--json"]).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["votes"][0]["by"], "ada@acme.example");
    assert_eq!(shown["votes"][0]["reason"], reason);
    let fingerprint = shown["fingerprint"].as_str().unwrap();
    let vote = ["review", "approve", &release, "--reason", "looks right"];
    let stale = format!("sha256:{}", "0".repeat(64));
    bob.refused(&[vote.as_slice(), &["--fingerprint", &stale]].concat(), 3, &["E_CONFLICT"]);
    bob.ok(&[vote.as_slice(), &["--fingerprint", fingerprint]].concat());
    company.user("carol").ok(&["install", &release, "--yes"]);

    // What somebody rejects nobody gets, whoever else approved it.
    say(&bob, "reject", "1.1.0", "the page is somebody else's by now");
    let denied = listed(&ada, "denied");
    let sentence = denied[0]["decision"]["sentence"].as_str().unwrap();
    assert_eq!(sentence, "bob@acme.example rejected it: the page is somebody else's by now");
    say(&ada, "approve", "1.1.0", reason);
    carol.refused(&["install", &release, "--yes"], 3, &["E_NOT_ADMITTED"]);
}
