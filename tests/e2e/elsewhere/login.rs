//! Servers elsewhere that want their users to log in, as the protocol has it.

use mcpkg_test_support::{Gate, Rules, TestIdentityProvider};

use super::*;
use crate::guard::agent::{Agent, initialize};
use crate::guard::last_failure;
use crate::login::{Login, browse, keep_in_file};

/// The server behind a door, and who lets people in.
struct Club {
    remote: TestRemote,
    issuer: TestIdentityProvider,
    gate: Gate,
    fixture: Fixture,
}

impl Club {
    fn new(rules: Rules) -> Self {
        Self::described(rules, |_| ())
    }

    fn described(rules: Rules, describe: fn(&mut Value)) -> Self {
        let (remote, fixture) = (TestRemote::start(), Fixture::empty());
        let issuer = TestIdentityProvider::start_with(rules);
        let gate = Gate::start_with(None, remote.url(), &issuer, describe);
        let mut document = server("1.2.0", &format!("{}/mcp", gate.url()));
        document["remotes"][0] =
            json!({ "type": "streamable-http", "url": format!("{}/mcp", gate.url()) });
        publish(&fixture, &document);
        Self { remote, issuer, gate, fixture }
    }

    /// Somebody who has installed it, and has not logged in.
    fn stranger(&self) -> World {
        let world = self.fixture.developer();
        keep_in_file(&world);
        world.ok(&["install", NAME, "--yes"]);
        world
    }

    /// Somebody who has logged in, with a code.
    fn member(&self) -> World {
        let world = self.stranger();
        let issuer = ["--issuer", self.issuer.url()];
        let mut login =
            Login::begin(&world, &[&["login", "weather", "--device"], issuer.as_slice()].concat());
        let code = login.shown("and type");
        self.issuer.approve(&code);
        let outcome = login.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        world
    }
}

/// What an agent hears first.
fn first(world: &World) -> Value {
    let mut agent = Agent::start(world, &["weather"]);
    let answer = agent.ask("initialize", &initialize(&json!({})));
    agent.end();
    answer
}

/// Uses it as an agent does.
fn use_it(world: &World) {
    let mut agent = Agent::initialized(world, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast"]);
    assert_eq!(agent.call("forecast")["result"]["content"][0]["text"], "forecast");
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn who_has_not_logged_in_is_told_how_and_who_has_is_let_in() {
    let club = Club::new(Rules { nonces: true, ..Rules::default() });
    let world = club.stranger();
    let answer = first(&world);
    assert_eq!(answer["error"]["data"]["code"], "E_LOGIN", "{answer}");
    let how = "`mcpkg login io.github.acme/weather`";
    assert!(answer["error"].to_string().contains(how), "{answer}");
    assert!(last_failure(&world, NAME).contains(how));
    assert!(club.remote.sent().is_empty());
    // Nobody is there to say that this is the right place to type a password.
    world.refused(&["login", "weather", "--device"], 1, &["E_LOGIN"]);
    world.refused(&["whoami", "weather"], 1, &["E_LOGIN"]);

    let world = club.member();
    use_it(&world);
    let said: Value =
        serde_json::from_str(&world.ok(&["whoami", "weather", "--json"]).stdout).unwrap();
    assert_eq!((&said["registry"], &said["isBound"]), (&json!(NAME), &json!(true)));
    let secrets = club.issuer.secrets();
    assert!(!secrets.is_empty());
    for file in world.files() {
        let content = std::fs::read(world.path().join(&file)).unwrap();
        let content = String::from_utf8_lossy(&content);
        assert!(secrets.iter().all(|secret| !content.contains(secret)), "{file}");
    }
    world.ok(&["inspect", "weather"]);
    world.ok(&["logout", "weather"]);
    assert_eq!(first(&world)["error"]["data"]["code"], "E_LOGIN");

    // Whoever removes a server is not logged in at it any more.
    let world = club.member();
    world.ok(&["remove", "weather"]);
    world.ok(&["install", NAME, "--yes"]);
    assert_eq!(first(&world)["error"]["data"]["code"], "E_LOGIN");
}

#[test]
fn a_token_is_renewed_before_its_end_and_when_it_is_not_taken_any_more() {
    // Each is nearly over when it is given.
    let club = Club::new(Rules { lifetime_seconds: 20, dpop: false, ..Rules::default() });
    let world = club.member();
    use_it(&world);
    assert!(club.issuer.asked().iter().any(|grant| grant == "refresh_token"));

    let club = Club::new(Rules::default());
    let world = club.member();
    let mut agent = Agent::initialized(&world, &["weather"], &json!({}));
    assert_eq!(agent.tools(), ["forecast"]);
    club.gate.distrust_all();
    assert_eq!(agent.tools(), ["forecast"], "with another token, and nobody noticed");
    club.issuer.end_all();
    club.gate.distrust_all();
    let answer = agent.ask("tools/list", &json!({}));
    assert_eq!(answer["error"]["data"]["code"], "E_LOGIN", "{answer}");
    agent.end();
}

#[test]
fn an_issuer_that_knows_nobody_gets_to_know_this_program_at_each_log_in() {
    fn registers(document: &mut Value) {
        let url = document["issuer"].as_str().unwrap();
        document["registration_endpoint"] = format!("{url}/register").into();
    }
    fn names_no_client(document: &mut Value) {
        document.as_object_mut().unwrap().shift_remove("mcpkg_client_id");
    }
    let club = Club::described(Rules { describe: registers, ..Rules::default() }, names_no_client);
    let world = club.stranger();
    for round in 1..=2 {
        let args = ["login", "weather", "--browser", "--no-open", "--issuer", club.issuer.url()];
        let mut login = Login::begin(&world, &args);
        assert_eq!(browse(&login.shown("open")), 200);
        let outcome = login.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        assert_eq!(club.issuer.registered().len(), round);
    }
    use_it(&world);
    for described in club.issuer.registered() {
        let back = described["redirect_uris"][0].as_str().unwrap();
        assert!(back.starts_with("http://127.0.0.1:") && back.ends_with("/callback"), "{back}");
        assert_eq!(described["client_name"], "mcpkg");
    }

    // One with a secret is none that every copy of a program could be.
    let rules = Rules {
        describe: registers,
        grant: |document| document["client_secret"] = "s3cr3t".into(),
        ..Rules::default()
    };
    let club = Club::described(rules, names_no_client);
    let login = ["login", "weather", "--device", "--issuer", club.issuer.url()];
    club.stranger().refused(&login, 3, &["E_REGISTRY"]);
    // And where nobody can become known, a name has to be given.
    let club = Club::described(Rules::default(), names_no_client);
    let login = ["login", "weather", "--device", "--issuer", club.issuer.url()];
    club.stranger().refused(&login, 1, &["E_CONFIG"]);
}

#[test]
fn a_token_is_for_one_server_and_a_door_that_speaks_for_another_is_refused() {
    let club = Club::described(Rules::default(), |document| {
        document["resource"] = "https://bank.example/".into();
    });
    let world = club.stranger();
    let login = ["login", "weather", "--device", "--issuer", club.issuer.url()];
    world.refused(&login, 3, &["E_REGISTRY"]);
    assert!(club.issuer.asked().is_empty(), "nothing was asked for");

    // Another issuer than the one that was accepted.
    let club = Club::new(Rules::default());
    let world = club.member();
    let other = TestIdentityProvider::start();
    let config = world.read(".config/mcpkg/config.toml");
    assert!(config.contains("[login.\"io.github.acme/weather\"]"), "{config}");
    world.file(".config/mcpkg/config.toml", config.replace(club.issuer.url(), other.url()));
    assert_eq!(first(&world)["error"]["data"]["code"], "E_LOGIN", "the log-in is of another");
    world.refused(&["login", "weather", "--device"], 3, &["E_ISSUER"]);
    assert!(other.asked().is_empty());
    world.refused(&["login", "nothing"], 2, &["E_CONFIG"]);
}
