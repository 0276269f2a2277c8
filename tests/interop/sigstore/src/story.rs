//! What is published, and who accepts it.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::Digest;
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Binaries, RegistryProcess, World};
use serde_json::{Value, json};

use crate::clients::{Clients, SIGNER};
use crate::process::get;
use crate::services::Services;
use crate::{Result, say};

const NAME: &str = "io.github.acme/weather";

/// Tells all of it, with the programs of others from this folder.
pub(crate) fn tell(programs: &Path) -> Result<()> {
    let binaries = Binaries::build(&["mcpkg", "mcpkg-registry"])?;
    let folder = tempfile::tempdir()?;
    // Only the issuer of tokens is ours: nobody else signs for GitHub.
    let issuer = TestSigstore::start();
    let keys = format!("{}/.well-known/jwks", issuer.url());
    let services = Services::start(programs, folder.path(), &keys)?;
    let clients = Clients::new(programs, &services, folder.path())?;
    let trusted_root = fs::read_to_string(&services.trusted_root)?;
    let registry = RegistryProcess::start(
        &binaries.program("mcpkg-registry"),
        &folder.path().join("registry"),
        &trusted_root,
    )?;
    let job = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
    let mut author = author(&binaries, &registry, &trusted_root)?;
    author.set(issuer.github_environment(&job));
    let config = services.signing_config.display().to_string();
    author.set([("MCPKG_SIGNING_CONFIG".to_owned(), config)]);

    say("mcpkg signs, with real services, and everybody verifies");
    step(&author, &["pack", "package", "--out", "ours"])?;
    step(&author, &["publish", "ours"])?;
    let evidence = get(&format!("{}/v1/packages/{NAME}/1.2.0/evidence", registry.url()))?;
    let evidence: Value = serde_json::from_str(&evidence)?;
    let bundle = author.file("ours.sigstore.json", evidence[0]["bundle"].to_string());
    everybody_verifies(&author, &clients, "ours", &bundle)?;

    say("cosign signs, and everybody verifies; the registry takes it as the next release");
    package(&author, "1.2.1")?;
    step(&author, &["pack", "package", "--out", "theirs"])?;
    let statement = statement(&author.path().join("theirs"))?;
    let statement = author.file("statement.json", statement.to_string());
    let bundle = author.path().join("theirs.sigstore.json");
    clients.attest(&statement, &issuer.token(&job), &bundle)?;
    everybody_verifies(&author, &clients, "theirs", &bundle)?;
    step(&author, &["publish", "theirs", "--bundle", "theirs.sigstore.json"])?;

    say("a developer installs what cosign signed");
    step(&author, &["install", &format!("{NAME}@1.2.1"), "--yes", "--agent", "claude-code"])
}

/// The author's machine, with the package's source.
fn author(binaries: &Binaries, registry: &RegistryProcess, trusted_root: &str) -> Result<World> {
    let author = World::new(binaries.program("mcpkg"));
    package(&author, "1.2.0")?;
    author.file("package/server/weather-server", "#!/bin/sh\nexit 0\n");
    author.file("trusted_root.json", trusted_root);
    let args = ["registry", "add", "interop", registry.url(), "--private", "--no-public-good"];
    let root = ["--trusted-root", "trusted_root.json", "--trust-for", "io.github.acme/*"];
    step(&author, &[args.as_slice(), &root].concat())?;
    Ok(author)
}

/// Writes the package's two files, as of this version.
fn package(author: &World, version: &str) -> Result<()> {
    let source =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/weather/package"));
    for file in ["manifest.json", "server.json"] {
        let mut document: Value = serde_json::from_slice(&fs::read(source.join(file))?)?;
        document["version"] = json!(version);
        author.file(&format!("package/{file}"), document.to_string());
    }
    Ok(())
}

/// Everybody accepts the bundle for the artifact in `folder`, and nobody does
/// once a byte of the artifact is another.
fn everybody_verifies(
    world: &World,
    clients: &Clients<'_>,
    folder: &str,
    bundle: &Path,
) -> Result<()> {
    let artifact = artifact(&world.path().join(folder))?;
    let paths = [artifact.display().to_string(), bundle.display().to_string()];
    let ours = ["verify", &paths[0], "--bundle", &paths[1], "--offline"];
    step(world, &ours)?;
    for (client, outcome) in clients.verify(&artifact, bundle) {
        outcome.map_err(|error| format!("{client} refuses what it should accept: {error}"))?;
        say(&format!("accepted by {client}"));
    }

    let honest = fs::read(&artifact)?;
    let mut changed = honest.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    fs::write(&artifact, changed)?;
    let outcome = world.run(&ours);
    if outcome.code != Some(3) {
        return Err(format!("mcpkg takes another byte: {outcome}").into());
    }
    say(&format!("one byte changed: refused by mcpkg, {}", outcome.codes().join(", ")));
    for (client, outcome) in clients.verify(&artifact, bundle) {
        match outcome {
            Ok(()) => return Err(format!("{client} takes another byte").into()),
            Err(_) => say(&format!("one byte changed: refused by {client}")),
        }
    }
    fs::write(&artifact, honest)?;
    Ok(())
}

/// The one artifact that was packed.
fn artifact(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mcpb") {
            return Ok(path);
        }
    }
    Err(format!("no artifact in {}", folder.display()).into())
}

/// What GitHub's `actions/attest-build-provenance` says of the files in `folder`.
fn statement(folder: &Path) -> Result<Value> {
    let subject = |path: &Path| -> Result<Value> {
        let name = path.file_name().ok_or("no name")?.to_string_lossy();
        Ok(json!({ "name": name, "digest": { "sha256": Digest::of(&fs::read(path)?).to_hex() } }))
    };
    Ok(json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [subject(&artifact(folder)?)?, subject(&folder.join("server.json"))?],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": { "workflow": {
                    "ref": "refs/tags/v1.2.0",
                    "repository": "https://github.com/acme/weather",
                    "path": ".github/workflows/release.yml",
                } },
                "resolvedDependencies": [{
                    "uri": "git+https://github.com/acme/weather@refs/tags/v1.2.0",
                    "digest": { "gitCommit": "0123456789abcdef0123456789abcdef01234567" },
                }],
            },
            "runDetails": { "builder": { "id": SIGNER } },
        },
    }))
}

/// Runs one command of ours and shows it, as its user sees it.
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
