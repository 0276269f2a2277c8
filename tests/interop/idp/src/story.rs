//! What somebody in a company does, from the first refusal to the log-out.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use mcpkg_test_support::{Binaries, Outcome, TestCa, TestProxy, World};

use crate::person::Person;
use crate::provider::{ISSUER, Provider};
use crate::registry::{NAME, REGISTRY, Registry};
use crate::{Result, say};

pub(crate) fn tell() -> Result<()> {
    let binaries = Binaries::beside()?;
    let folder = tempfile::tempdir()?;
    let ca = TestCa::generate("Acme");
    let provider = Provider::start(folder.path(), &ca, REGISTRY)?;
    let known = ("sso.acme.example:443", provider.address);
    let way_out = TestProxy::start(&[known]);
    let registry = Registry::start(&binaries, folder.path().join("registry"), &ca, &way_out.url())?;
    let proxy = TestProxy::start(&[known, ("mcp.acme.example:443", registry.process.address())]);
    let world = employee(&binaries, &registry, &ca, &proxy)?;

    refused(&world, &["install", NAME, "--yes"], "E_LOGIN")?;
    say("nobody who has not logged in is let in");
    refused(&world, &["login", "acme", "--device"], "E_LOGIN")?;
    refused(&world, &["login", "acme", "--issuer", "https://sso.evil.example"], "E_ISSUER")?;
    say("nobody is sent to an issuer that they have not accepted");

    log_in(&world, &["--device", "--issuer", ISSUER], &mut Person::new("ada", &ca, &proxy.url())?)?;
    done(&world, &["install", NAME, "--yes"])?;
    let who = done(&world, &["whoami"])?.stdout;
    if !who.contains("ada") || !who.contains("tied to a key") {
        return Err(format!("it is somebody else:\n{who}").into());
    }
    say("a code is typed elsewhere, and the token is for this registry and this machine");

    // Tokens live shorter than the margin, so each command has a new one; and a refresh
    // token that is used twice would end all of it.
    for _ in 0..3 {
        done(&world, &["search", "weather"])?;
    }
    let renewed = provider.granted("refresh_token")?;
    if renewed < 4 {
        return Err(format!("renewed {renewed} times, expected at least 4").into());
    }
    say(&format!("renewed {renewed} times, each time with another refresh token"));
    done(&world, &["logout"])?;
    refused(&world, &["search", "weather"], "E_LOGIN")?;
    say("who has logged out is not let in");

    log_in(&world, &["--browser", "--no-open"], &mut Person::new("ada", &ca, &proxy.url())?)?;
    done(&world, &["info", NAME])?;
    say("a browser comes back with a code, which is tied to this machine too");
    let other = employee(&binaries, &registry, &ca, &proxy)?;
    log_in(&other, &["--device", "--issuer", ISSUER], &mut Person::new("eve", &ca, &proxy.url())?)?;
    refused(&other, &["info", NAME], "E_NOT_FOUND")?;
    say("who is known there and has no role here is told that there is nothing");

    let seen = proxy.asked();
    if seen.iter().any(|line| !line.starts_with("CONNECT ")) {
        return Err(format!("the proxy has seen more than names: {seen:?}").into());
    }
    let asked = way_out.asked();
    if asked.is_empty() || asked.iter().any(|line| line != "CONNECT sso.acme.example:443 HTTP/1.1")
    {
        return Err(format!("the registry asked for something else: {asked:?}").into());
    }
    say(&format!("all of it in {} tunnels of the proxy", seen.len() + asked.len()));

    let (said, audited) = registry.stop()?;
    // Every token of this issuer's, and every proof, begins with these letters.
    if said.contains("eyJ") || audited.contains("eyJ") {
        return Err(format!("a token is in a log of the registry's:\n{said}{audited}").into());
    }
    if !said.contains("User::\\\"sso/ada") || !denied(&audited, "eve") {
        return Err(format!("nobody remembers who came:\n{said}{audited}").into());
    }
    say("the registry has it who came, and no token of theirs");
    Ok(())
}

/// Somebody who was told the registry's address, its authority, and the key of its log.
fn employee(
    binaries: &Binaries,
    registry: &Registry,
    ca: &TestCa,
    proxy: &TestProxy,
) -> Result<World> {
    let world = World::new(binaries.program("mcpkg"));
    world.file(".claude.json", "{}\n");
    world.file("ca.pem", ca.pem());
    world.file("trusted_root.json", registry.sigstore.trusted_root_json());
    let key = registry.log_key()?.to_string();
    let add = ["registry", "add", "acme", REGISTRY, "--private", "--no-public-good"];
    let trust = ["--trusted-root", "trusted_root.json", "--trust-for", "io.github.acme/*"];
    let way = ["--ca", "ca.pem", "--proxy", &proxy.url(), "--log-key", &key];
    done(&world, &[add.as_slice(), &trust, &way].concat())?;
    let passphrase = world.file("passphrase", "correct horse");
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600))?;
    let config = world.read(".config/mcpkg/config.toml");
    let secrets = format!("\n[secrets]\npassphrase = \"file:{}\"\n", passphrase.display());
    world.file(".config/mcpkg/config.toml", config + &secrets);
    Ok(world)
}

/// Whether it was written down that somebody was denied something.
fn denied(audited: &str, name: &str) -> bool {
    let is_it = |line: &str| line.contains(&format!("sso/{name}")) && line.contains("denied");
    audited.lines().any(is_it)
}

/// Logs in, which this person finishes.
fn log_in(world: &World, flags: &[&str], person: &mut Person) -> Result<()> {
    let mut command = world.command(&[&["login", "acme"], flags].concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stderr = BufReader::new(child.stderr.take().ok_or("it has no stderr")?);
    let (mut said, mut address, mut code) = (String::new(), None, None);
    while address.is_none() || (code.is_none() && flags.contains(&"--device")) {
        let start = said.len();
        if stderr.read_line(&mut said)? == 0 {
            return Err(format!("the log-in ended:\n{said}").into());
        }
        let line = said[start..].trim();
        address = address.or(line.strip_prefix("open ").map(str::to_owned));
        code = code.or(line.strip_prefix("and type ").map(str::to_owned));
    }
    let address = address.unwrap_or_default();
    let last = person.say_yes(&address, &code.unwrap_or_default())?;
    stderr.read_to_string(&mut said)?;
    let outcome = Outcome::from(child.wait_with_output()?);
    match outcome.code {
        Some(0) => Ok(()),
        _ => Err(format!("could not log in:\n{said}\nthe last page was:\n{last}").into()),
    }
}

fn done(world: &World, args: &[&str]) -> Result<Outcome> {
    let outcome = world.run(args);
    if outcome.code == Some(0) { Ok(outcome) } else { Err(format!("{args:?}: {outcome}").into()) }
}

fn refused(world: &World, args: &[&str], code: &str) -> Result<()> {
    let outcome = world.run(args);
    if outcome.codes() == [code] {
        return Ok(());
    }
    Err(format!("{args:?} should be {code}: {outcome}").into())
}
