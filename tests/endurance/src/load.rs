//! Readers beside publishers, all at once, for as long as one likes.
//!
//! Each of them has one connection, which is kept open, and sends its next request
//! when the last was answered: nobody waits in between. That is far more than as
//! many clients would do, and the load generator takes its share of the same cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mcpkg_core::Digest;
use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::log::Receipt;
use mcpkg_test_support::{Binaries, RegistryProcess};
use tokio::task::JoinSet;

use crate::catalogue::{Catalogue, Known};
use crate::client::{Client, Failure};
use crate::figures::{Times, memory_mib, ms};
use crate::random::Random;
use crate::stock::{Queue, Stock};
use crate::{Result, say};

const READERS: usize = 64;
const PUBLISHERS: usize = 8;

/// How many releases are signed ahead for each second. Signing would take a core.
const STOCK_PER_SECOND: usize = 60;

/// How long each publisher takes for one release, if the registry is quicker than
/// that: then all of them together publish as many as were signed ahead.
const PACE: Duration = Duration::from_millis(1000 * PUBLISHERS as u64 / STOCK_PER_SECOND as u64);

/// Releases that are there before anybody reads.
const READY: usize = 128;

/// The longest that one read in a hundred may take.
///
/// Source: the project's targets, "64 readers and 8 publishers".
const READ_P99: Duration = Duration::from_millis(25);

/// How much the memory may differ between the middle and the end, in MiB.
const FLAT_MIB: f64 = 16.0;

/// What is read, and how often of a hundred times.
const MIX: [(&str, u64); 4] =
    [("index", 70), ("release document", 20), ("small blob", 5), ("checkpoint", 5)];

/// What everybody knows.
#[derive(Default)]
struct Common {
    catalogue: Catalogue,
    /// The size of the newest tree that somebody was shown.
    size: AtomicU64,
    is_over: AtomicBool,
}

/// What one of them has measured.
#[derive(Default)]
struct Part {
    reads: [Times; MIX.len()],
    publishes: Times,
    errors: Vec<String>,
}

/// Reads and publishes for so many seconds. Fails if there was an error, if the
/// memory grew, or if reads were slower than they may be.
pub(crate) fn run(seconds: u64) -> Result<()> {
    let binaries = Binaries::build(&["mcpkg-registry"])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut stock = Stock::new();
    let wanted = READY + STOCK_PER_SECOND * usize::try_from(seconds)? * 11 / 10;
    let began = Instant::now();
    stock.fill(wanted, None);
    say(&format!("{wanted} releases signed in {} s", began.elapsed().as_secs()));
    let folder = tempfile::tempdir()?;
    let registry = RegistryProcess::start(
        &binaries.program("mcpkg-registry"),
        folder.path(),
        &stock.trusted_root(),
    )?;
    let (part, memory, entries) = runtime.block_on(measure(&registry, &stock, seconds))?;
    report(part, &memory, entries, seconds)
}

async fn measure(
    registry: &RegistryProcess,
    stock: &Stock,
    seconds: u64,
) -> Result<(Part, Vec<f64>, u64)> {
    let common = Arc::new(Common::default());
    let first = Client::new(registry.url())?;
    for _ in 0..READY {
        let parcel = stock.queue().take().ok_or("nothing was signed")?;
        common.add(&first.publish(&parcel.submission).await?.1)?;
    }
    let mut random = Random::new(1);
    let mut work = JoinSet::new();
    for _ in 0..READERS {
        work.spawn(read(Client::new(registry.url())?, Arc::clone(&common), random.fork()));
    }
    for _ in 0..PUBLISHERS {
        work.spawn(publish(Client::new(registry.url())?, Arc::clone(&common), stock.queue()));
    }
    let mut memory = Vec::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) {
        memory.push(memory_mib(registry.id()).ok_or("the registry is gone")?);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    memory.push(memory_mib(registry.id()).ok_or("the registry is gone")?);
    common.is_over.store(true, Ordering::SeqCst);
    let mut whole = Part::default();
    for part in work.join_all().await {
        for (times, more) in whole.reads.iter_mut().zip(part.reads) {
            times.join(more);
        }
        whole.publishes.join(part.publishes);
        whole.errors.extend(part.errors);
    }
    Ok((whole, memory, common.size.load(Ordering::SeqCst)))
}

impl Common {
    fn add(&self, document: &ReleaseDocument) -> Result<()> {
        self.catalogue.add(document);
        let receipt: Receipt = document.log.receipt.parse()?;
        self.size.fetch_max(receipt.index + 1, Ordering::SeqCst);
        Ok(())
    }
}

async fn read(client: Client, common: Arc<Common>, mut random: Random) -> Part {
    let mut part = Part::default();
    while !common.is_over.load(Ordering::Relaxed) {
        let Some(known) = common.catalogue.pick(&mut random) else { break };
        let kind = kind(&mut random);
        let size = common.size.load(Ordering::Relaxed);
        // Clients come back after more or less time.
        let seen = size - random.within(0..size.min(1000));
        let started = Instant::now();
        let result = read_one(&client, &known, kind, seen).await;
        part.reads[kind].add(started.elapsed());
        part.errors.extend(result.err());
    }
    part
}

/// Which of [`MIX`].
fn kind(random: &mut Random) -> usize {
    let mut rest = random.within(0..100);
    for (kind, &(_, share)) in MIX.iter().enumerate() {
        match rest.checked_sub(share) {
            None => return kind,
            Some(less) => rest = less,
        }
    }
    0
}

async fn read_one(
    client: &Client,
    known: &Known,
    kind: usize,
    seen: u64,
) -> std::result::Result<(), String> {
    let Known { name, version, blob } = known;
    let failed = |failure: Failure| failure.to_string();
    let path = match kind {
        0 => format!("/v1/packages/{name}?seen={seen}"),
        1 => format!("/v1/packages/{name}/{version}?at={seen}"),
        2 => format!("/v1/blobs/{blob}"),
        _ => "/v1/log/checkpoint".to_owned(),
    };
    let body = client.get(&path).await.map_err(failed)?;
    match kind {
        2 if Digest::of(&body) != *blob => Err(format!("other bytes are served as {blob}")),
        _ => Ok(()),
    }
}

async fn publish(client: Client, common: Arc<Common>, queue: Queue) -> Part {
    let mut part = Part::default();
    let mut turns = tokio::time::interval(PACE);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !common.is_over.load(Ordering::Relaxed) {
        turns.tick().await;
        let Some(parcel) = queue.take() else {
            part.errors.push("too few releases were signed".to_owned());
            break;
        };
        let started = Instant::now();
        let result = client.publish(&parcel.submission).await;
        part.publishes.add(started.elapsed());
        match result {
            Ok((_, document)) => {
                part.errors.extend(common.add(&document).err().map(|error| error.to_string()));
            }
            Err(failure) => part.errors.push(failure.to_string()),
        }
    }
    part
}

fn report(part: Part, memory: &[f64], entries: u64, seconds: u64) -> Result<()> {
    let Part { reads, mut publishes, errors } = part;
    let mut all = Times::default();
    for times in &reads {
        all.join(times.clone());
    }
    say(&format!(
        "\n{READERS} readers and {PUBLISHERS} publishers for {seconds} s, load generator and \
         registry on the same {} cores:\n",
        std::thread::available_parallelism()?
    ));
    say("| what | a second | p50 | p99 | longest |\n|---|---|---|---|---|");
    let row = |what: &str, times: &mut Times| {
        let rate = times.count() as u64 / seconds.max(1);
        let [p50, p99] = [50, 99].map(|percent| ms(times.percentile(percent)));
        say(&format!("| {what} | {rate} | {p50} | {p99} | {} |", ms(times.max())));
    };
    row("**reads**", &mut all);
    for ((what, share), mut times) in MIX.into_iter().zip(reads) {
        row(&format!("{what}, {share} %"), &mut times);
    }
    row("**publishes**", &mut publishes);
    let at = |part: usize| memory.get((memory.len() - 1) * part / 10).copied().unwrap_or(0.0);
    let [start, tenth, middle, end] = [0, 1, 5, 10].map(at);
    say(&format!(
        "\n{} errors; {entries} entries; resident memory {start:.0} MiB at the start, {tenth:.0} \
         after a tenth, {middle:.0} in the middle, {end:.0} at the end",
        errors.len()
    ));
    for error in errors.iter().take(5) {
        say(error);
    }
    let p99 = all.percentile(99);
    if !errors.is_empty() {
        return Err(format!("{} errors", errors.len()).into());
    }
    if p99 > READ_P99 {
        return Err(
            format!("one read in a hundred takes {}, wanted: {}", ms(p99), ms(READ_P99)).into()
        );
    }
    if (end - middle).abs() > FLAT_MIB {
        return Err(format!("the memory is not flat: {middle:.0} MiB, then {end:.0} MiB").into());
    }
    Ok(())
}
