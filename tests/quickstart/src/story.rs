//! The story, in the order in which its people live it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use mcpkg_core::{Digest, Platform};
use mcpkg_test_support::sigstore::{Identity, TestSigstore, surgery};
use mcpkg_test_support::{Binaries, LyingRegistry, RegistryProcess, World};
use serde_json::{Value, json};

use crate::agent;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const NAME: &str = "io.github.acme/weather";

/// Says a line of the story.
pub(crate) fn say(line: &str) {
    // There is nobody left to tell if this fails.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Tells all of it.
pub(crate) fn tell() -> Result<()> {
    say("building the programs (the first time takes a few minutes)");
    let binaries = Binaries::build(&["mcpkg", "mcpkg-registry", "weather-server"])?;
    let sigstore = TestSigstore::start();
    let folder = tempfile::tempdir()?;
    let trusted_root = sigstore.trusted_root_json();
    let registry = RegistryProcess::start(
        &binaries.program("mcpkg-registry"),
        &folder.path().join("registry"),
        &trusted_root,
    )?;

    say("\n# An author publishes from CI. There is no token, no account and no stored secret.");
    let author = author(&binaries, &sigstore)?;
    trust(&author, registry.url(), &trusted_root)?;
    let platform = Platform::current().ok_or("this platform has no name here")?.to_string();
    step(&author, &["pack", "package", "--platform", &platform])?;
    step(&author, &["publish", "dist"])?;

    say("\n# A developer finds the server, sees who built it, and installs it.");
    let developer = World::new(binaries.program("mcpkg"));
    trust(&developer, registry.url(), &trusted_root)?;
    developer.file(".claude.json", "{\n  \"theme\": \"dark\"\n}\n");
    step(&developer, &["search", "weather"])?;
    step(&developer, &["install", NAME, "--agent", "claude-code", "--yes"])?;
    say("\n~/.claude.json is now");
    say(&developer.read(".claude.json"));

    say("# The agent starts what its settings say, and calls a tool.");
    let answer = agent::ask(&developer.path().join(".claude.json"), developer.path())?;
    say(&format!("tools: {}", answer.tools.join(", ")));
    say(&format!("forecast(Lisbon) = {}", answer.forecast));
    step(&developer, &["verify", "--offline"])?;

    say("\n# Three attacks on the way from the registry to the next developer.");
    attacks(&binaries, &registry, &sigstore, &trusted_root)
}

/// The author's machine: a CI job with an identity, and the package's source.
fn author(binaries: &Binaries, sigstore: &TestSigstore) -> Result<World> {
    let mut author = World::new(binaries.program("mcpkg"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/weather/package");
    for file in ["manifest.json", "server.json"] {
        author.file(&format!("package/{file}"), fs::read(Path::new(source).join(file))?);
    }
    let program = author.path().join("package/server/weather-server");
    fs::create_dir_all(author.path().join("package/server"))?;
    fs::copy(binaries.program("weather-server"), &program)?;
    author.file("signing_config.json", sigstore.signing_config_json());
    let job = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
    author.set(sigstore.github_environment(&job));
    let config = author.path().join("signing_config.json").display().to_string();
    author.set([("MCPKG_SIGNING_CONFIG".to_owned(), config)]);
    Ok(author)
}

/// Adds the registry, and says whose signatures count there.
fn trust(world: &World, url: &str, trusted_root: &str) -> Result<()> {
    world.file("trusted_root.json", trusted_root);
    let args = ["registry", "add", "quickstart", url, "--private", "--no-public-good"];
    let root = ["--trusted-root", "trusted_root.json", "--trust-for", "io.github.acme/*"];
    step(world, &[args.as_slice(), &root].concat())
}

/// Runs one command and shows it, as its user sees it.
fn step(world: &World, args: &[&str]) -> Result<()> {
    say(&format!("\n$ mcpkg {}", args.join(" ")));
    let outcome = world.run(args);
    say(format!("{}{}", outcome.stderr, outcome.stdout).trim_end());
    if outcome.code == Some(0) {
        Ok(())
    } else {
        Err(format!("exit code {:?}", outcome.code).into())
    }
}

fn attacks(
    binaries: &Binaries,
    registry: &RegistryProcess,
    sigstore: &TestSigstore,
    trusted_root: &str,
) -> Result<()> {
    let flipped = LyingRegistry::start(registry.url(), |path, mut answer| {
        if path.starts_with("/v1/blobs/") {
            let middle = answer.body.len() / 2;
            answer.body[middle] ^= 1;
        }
        answer
    });
    let statement = statement(registry)?;
    let mallory = Identity::github("mallory/weather").git_ref("refs/tags/v1.2.0");
    let bundle: Value = serde_json::from_str(&sigstore.sign_statement(&mallory, &statement))?;
    let resigned = LyingRegistry::start(registry.url(), move |path, answer| {
        if !path.ends_with("/1.2.0") {
            return answer;
        }
        answer.edit(|release| release["evidence"][0]["bundle"] = bundle.clone())
    });
    let edited = LyingRegistry::start(registry.url(), |path, answer| {
        if !path.ends_with("/1.2.0") {
            return answer;
        }
        answer.edit(|release| {
            let meta = "io.modelcontextprotocol.registry/publisher-provided";
            release["serverJson"]["_meta"][meta]["mcpkg"]["permissions"] =
                json!({ "network": { "allow": ["exfiltrate.example:443"] } });
            // The liar is careful, and fixes the digest too.
            let canonical = mcpkg_core::json::canonical(&release["serverJson"]);
            release["serverJson"] = serde_json::from_slice(&canonical).unwrap_or_default();
            release["metadata"] = json!(Digest::of(&canonical));
        })
    });
    for (attack, registry, code) in [
        ("one byte of the artifact is flipped", &flipped, "E_DIGEST"),
        ("the release is signed by somebody else", &resigned, "E_NAMESPACE"),
        ("server.json asks for one more permission", &edited, "E_METADATA"),
    ] {
        let victim = World::new(binaries.program("mcpkg"));
        trust(&victim, registry.url(), trusted_root)?;
        let args = ["install", NAME, "--agent", "claude-code", "--yes"];
        say(&format!("\n{attack}:\n$ mcpkg {}", args.join(" ")));
        let outcome = victim.run(&args);
        say(outcome.stderr.trim_end());
        let is_refused = outcome.code == Some(3) && outcome.codes() == [code];
        if !is_refused || victim.path().join(".claude.json").exists() {
            return Err(format!("the attack was not refused with {code}:\n{outcome}").into());
        }
    }
    Ok(())
}

/// The very statement that the author signed, for somebody else to sign.
fn statement(registry: &RegistryProcess) -> Result<Vec<u8>> {
    let url = format!("{}/v1/packages/{NAME}/1.2.0/evidence", registry.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let body = runtime.block_on(async { reqwest::get(url).await?.bytes().await })?;
    let evidence: Value = serde_json::from_slice(&body)?;
    Ok(surgery::bytes(&evidence[0]["bundle"], surgery::PAYLOAD))
}
