//! What it takes to follow a registry.
//!
//! The source is generated (see `mcpkg_registry_server::generate`), but for what a mirror
//! checks: each release has a Sigstore bundle of its own, over its own `server.json`. So
//! nothing of the mirror's work is left out. It is measured inside the mirror, from the
//! checkpoint to the moment in which the new tree is served.

use std::path::Path;
use std::time::{Duration, Instant};

use mcpkg_core::publisher::Publisher;
use mcpkg_core::server_json::ServerJson;
use mcpkg_registry_server::{
    Config, ConfigFile, GeneratedRelease, LogAction, Overrides, generate, manage,
};
use mcpkg_test_support::{Binaries, Draft, RegistryProcess};
use serde_json::Value;

use crate::client::Client;
use crate::figures::{Times, ms};
use crate::stock::Stock;
use crate::{Result, say};

/// How many releases each package has.
const VERSIONS: u64 = 10;

/// How often one release more is followed.
const MORE: usize = 15;

/// How many indexes are read from the source and from the mirror, each this often.
const INDEXES: u64 = 64;
const READS: usize = 20;

/// The fewest releases a second, and the most that one release more may take.
///
/// Source: the project's targets for a mirror.
const RELEASES_PER_SECOND: f64 = 200.0;
const INCREMENT: Duration = Duration::from_millis(100);

/// Follows a registry of so many releases, and prints what that took.
pub(crate) fn run(releases: u64) -> Result<()> {
    let binaries = Binaries::build(&["mcpkg-registry"])?;
    let program = binaries.program("mcpkg-registry");
    let stock = Stock::new();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (near, far) = (folder.path().join("source"), folder.path().join("mirror"));

    let began = Instant::now();
    runtime.block_on(make(&stock, &near, releases))?;
    say(&format!("{releases} releases: signed and written in {} s", began.elapsed().as_secs()));
    RegistryProcess::configure(&near, &stock.trusted_root(), "")?;
    let source = RegistryProcess::launch_configured(&program, &near)?.listening()?;
    let client = Client::new(source.url())?;
    let key = runtime.block_on(client.log())?.key;
    let more = format!(
        "[[source]]\nname = 'source'\nurl = '{}'\nlog_key = '{key}'\nnamespaces = ['*']\n\
         refresh_seconds = 1\ntrust_public_good = false\n[[source.trust_root]]\n\
         file = 'trusted_root.json'\nnamespaces = ['*', 'io.github.acme/*']",
        source.url()
    );
    RegistryProcess::configure(&far, &stock.trusted_root(), &more)?;
    let mirror = RegistryProcess::launch_configured(&program, &far)?.listening()?;
    let whole = Duration::from_millis(followed(&far, releases)?);
    let per_second = f64::from(u32::try_from(releases)?) / whole.as_secs_f64();
    say(&format!("followed in {:.1} s: {per_second:.0} releases a second", whole.as_secs_f64()));

    let (sigstore, signer) = stock.signer();
    let mut increments = Times::default();
    for number in 0..MORE {
        let version = format!("9.{number}.0");
        let submission = Draft::new("io.github.acme/more", &version).sign(sigstore, signer);
        runtime.block_on(client.publish(&submission))?;
        let size = releases + u64::try_from(number)? + 1;
        increments.add(Duration::from_millis(followed(&far, size)?));
    }
    let (median, max) = (increments.median(), increments.max());
    say(&format!("one release more: {} in the middle, {} at most", ms(median), ms(max)));

    let copy = Client::new(&format!("{}/source/source", mirror.url()))?;
    let (mut honest, mut copied) = runtime.block_on(reads(&client, &copy))?;
    let (honest, copied) = (honest.median(), copied.median());
    say(&format!("an index: {} from the source, {} from the mirror", ms(honest), ms(copied)));
    if per_second < RELEASES_PER_SECOND {
        return Err(format!("{per_second:.0} releases a second").into());
    }
    if median > INCREMENT {
        return Err(format!("one release more takes {}", ms(median)).into());
    }
    Ok(())
}

/// Makes a registry of so many releases, each signed.
async fn make(stock: &Stock, folder: &Path, releases: u64) -> Result<()> {
    let overrides = Overrides { data: Some(folder.join("data")), ..Overrides::default() };
    let file = ConfigFile { trust_public_good: Some(false), ..ConfigFile::default() };
    let config: Config = file.resolve(&overrides)?;
    manage(&config, LogAction::Init).await?;
    let (sigstore, signer) = stock.signer();
    let packages = releases.div_ceil(VERSIONS);
    let mut publisher = None;
    let mut made = Vec::new();
    for index in 0..releases {
        let (name, version) = name_of(index, packages);
        let submission = Draft::of_remotes(&name, &version).sign(sigstore, signer);
        let bundle = submission.bundles.into_iter().next().ok_or("nothing was signed")?;
        if publisher.is_none() {
            publisher = Some(publisher_of(stock, &submission.server_json, &bundle)?);
        }
        made.push(GeneratedRelease {
            server: ServerJson::read_strict(&submission.server_json)?,
            previous: index.checked_sub(packages),
            is_readable: true,
            bundle: Some(bundle),
        });
    }
    let publisher = publisher.ok_or("nothing was signed")?;
    generate(&config, &publisher, b"{}", made).await?;
    Ok(())
}

/// Who signed, as a registry finds out.
fn publisher_of(stock: &Stock, server_json: &[u8], bundle: &[u8]) -> Result<Publisher> {
    let root = mcpkg_verify::TrustRoot::from_json(&stock.trusted_root())?;
    let names = vec!["io.github.acme/*".parse()?];
    let server = ServerJson::read_strict(server_json)?;
    let vouchers = mcpkg_verify::TrustStore::new(vec![(names, root)]).for_name(server.name())?;
    let subjects = mcpkg_verify::ReleaseSubjects {
        name: server.name().clone(),
        version: server.version().clone(),
        metadata: server.digest(),
        artifacts: Vec::new(),
    };
    let evidence = mcpkg_verify::verify_release(&subjects, &[bundle], &vouchers)?;
    let evidence = evidence.first().ok_or("the bundle proves nothing")?;
    Ok(Publisher::of(&evidence.signer)?)
}

fn name_of(index: u64, packages: u64) -> (String, String) {
    let name = format!("io.github.acme/package-{}", index % packages);
    (name, format!("1.{}.0", index / packages))
}

/// Waits until the mirror in `folder` has followed its source to `size`, and gives how
/// long the last step took, in milliseconds.
fn followed(folder: &Path, size: u64) -> Result<u64> {
    let began = Instant::now();
    loop {
        let log = std::fs::read_to_string(folder.join("registry.log"))?;
        let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let fields = events.map(|event| event["fields"].clone());
        let mut ends = fields.filter(|it| it["message"] == "followed the source");
        if let Some(found) = ends.find(|it| it["to"].as_u64() == Some(size)) {
            return found["elapsed_ms"].as_u64().ok_or_else(|| "it took no time".into());
        }
        if began.elapsed() > Duration::from_mins(10) {
            return Err(format!("the mirror never came to {size} entries:\n{log}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Reads the same indexes from both, one after the other. The first time of each is not
/// counted: the mirror fetches what its source has to sign.
async fn reads(source: &Client, mirror: &Client) -> Result<(Times, Times)> {
    let (mut honest, mut copied) = (Times::default(), Times::default());
    for turn in 0..=READS {
        for index in 0..INDEXES {
            let path = format!("/v1/packages/io.github.acme/package-{index}");
            for (client, times) in [(source, &mut honest), (mirror, &mut copied)] {
                let began = Instant::now();
                client.get(&path).await?;
                if turn > 0 {
                    times.add(began.elapsed());
                }
            }
        }
    }
    Ok((honest, copied))
}
