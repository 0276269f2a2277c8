//! A hundred thousand servers in the MCP registry's API, and what a page of them costs.
//!
//! As in [`scale`](crate::scale), the registry is generated and the server real. Every
//! page is read once, in order: of all, of the newest, of all changes since ever, and of
//! those since the last, as whoever follows asks again and again; and of a named registry.
//! The last page of each, before which all others lie, is then read again and again. Then
//! searches of each kind: for a name that one server has, for what a tenth of them have,
//! for what all have, for two letters, and for what nobody has.

use std::time::{Duration, Instant};

use mcpkg_core::official::REGISTRY_META;

use crate::client::Client;
use crate::figures::{Times, ms};
use crate::scale::Setting;
use crate::{Result, say};

/// How many servers there are.
const SERVERS: u64 = 100_000;

/// The longest a page of a hundred may take, and the longest a search.
///
/// Source: the project's targets, "The official API, exactly".
const PAGE: Duration = Duration::from_millis(5);
const SEARCH: Duration = Duration::from_millis(20);

/// How often each search is made, and the last page of all is read.
const TIMES: usize = 41;

/// All packages, and none.
const NAMED: &str = r#"
    [[registry]]
    name = "team"
    packages = ["io.github.acme/*", "com.acme/*"]
    anonymous = true
"#;

/// Where the lists are.
const WHOLE: &str = "/v0.1/servers?limit=100";
const TEAM: &str = "/registry/team/v0.1/servers?limit=100";

/// Measures, and fails if anything takes longer than it may.
pub(crate) fn run() -> Result<()> {
    let setting = Setting::new()?;
    let folder = tempfile::tempdir()?;
    setting.generate_listed(folder.path(), SERVERS)?;
    let registry = setting.start_with(folder.path(), NAMED)?;
    let client = Client::new(registry.url())?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(&client))
}

async fn measure(client: &Client) -> Result<()> {
    let mut newest = String::new();
    for list in [
        WHOLE,
        &format!("{WHOLE}&version=latest"),
        TEAM,
        &format!("{WHOLE}&updated_since=1970-01-01T00:00:00Z"),
    ] {
        let walked = pages(client, list).await?;
        if walked.listed != SERVERS {
            return Err(format!("{list} lists {} servers", walked.listed).into());
        }
        newest = walked.changed_at;
    }
    let walked = pages(client, &format!("{WHOLE}&updated_since={newest}")).await?;
    if walked.listed == 0 {
        return Err("the last change is not among those since then".into());
    }
    for (what, search) in [
        ("one name", "generated-77777"),
        ("a tenth", "ated-7"),
        ("all", "generated"),
        ("two letters", "77"),
        ("nothing", "nothing-like-it"),
        ("nothing, and two letters", "zz"),
    ] {
        let path = format!("{WHOLE}&version=latest&search={search}");
        let mut times = read_again(client, &path).await?;
        let (median, slow) = (times.median(), times.percentile(95));
        say(&format!("search for {what}: median {}, 95 % under {}", ms(median), ms(slow)));
        if slow > SEARCH {
            return Err(format!("a search for {what} takes {}", ms(slow)).into());
        }
    }
    Ok(())
}

/// What there was on all pages.
struct Walked {
    /// How many servers.
    listed: u64,
    /// When the last of them changed.
    changed_at: String,
}

/// Reads the same again and again.
async fn read_again(client: &Client, path: &str) -> Result<Times> {
    let mut times = Times::default();
    for _ in 0..TIMES {
        let began = Instant::now();
        client.get(path).await?;
        times.add(began.elapsed());
    }
    Ok(times)
}

/// Reads every page, says how long they took, and fails if that is too long.
async fn pages(client: &Client, of: &str) -> Result<Walked> {
    let mut times = Times::default();
    let mut walked = Walked { listed: 0, changed_at: String::new() };
    let mut path = of.to_owned();
    // Once before anything is measured: a connection, and a warm server.
    client.get(WHOLE).await?;
    loop {
        let began = Instant::now();
        let body = client.get(&path).await?;
        times.add(began.elapsed());
        let page: serde_json::Value = serde_json::from_slice(&body)?;
        let servers = page["servers"].as_array().ok_or("a page has servers")?;
        walked.listed += servers.len() as u64;
        if let Some(last) = servers.last() {
            let changed_at = &last["_meta"][REGISTRY_META]["updatedAt"];
            changed_at.as_str().ok_or("an entry has no time")?.clone_into(&mut walked.changed_at);
        }
        match page["metadata"]["nextCursor"].as_str() {
            Some(next) => path = format!("{of}&cursor={next}"),
            None => break,
        }
    }
    let last = read_again(client, &path).await?.median();
    let (median, slow, max) = (times.median(), times.percentile(99), times.max());
    say(&format!(
        "{} pages of {of}: median {}, 99 % under {}, longest {}; the last, median of {TIMES}: {}",
        times.count(),
        ms(median),
        ms(slow),
        ms(max),
        ms(last)
    ));
    if slow > PAGE || last > PAGE {
        return Err(format!("a page takes {}", ms(slow.max(last))).into());
    }
    Ok(walked)
}
