//! `kill -9`, many times over.
//!
//! In each round publishers and readers are at work when the registry is killed, at
//! a random moment. It is started again, sometimes killed once more while it starts,
//! and then held to everything it has ever said: see [`Auditor`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mcpkg_core::api::ReleaseDocument;
use mcpkg_core::log::{Hash, LogTrust, Receipt};
use mcpkg_test_support::{Binaries, RegistryProcess};
use reqwest::StatusCode;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::auditor::{Auditor, Finding, Scope};
use crate::catalogue::Catalogue;
use crate::client::Client;
use crate::figures::{Times, ms};
use crate::random::Random;
use crate::reader::{Complaint, Reader};
use crate::stock::{Parcel, Stock};
use crate::{Result, say};

const PUBLISHERS: usize = 6;
const READERS: usize = 6;

/// How many releases wait to be published when a round begins. No round gets
/// through all of them.
const STOCK: usize = 96;

/// One release in so many is published by two at once.
const TWICE_IN: u64 = 8;

/// When the registry is killed, in milliseconds after the load began.
const KILLED_AFTER_MS: std::ops::Range<u64> = 5..450;

/// One start in so many is killed too, at most so many milliseconds into it.
const START_KILLED_IN: u64 = 4;
const START_KILLED_WITHIN_MS: u64 = 60;

/// After how many rounds every release is looked at again, and the data folder is
/// checked as a whole.
const CHECK_EVERY: u64 = 50;

/// How many older releases are looked at again after each round.
const SAMPLE: usize = 8;

/// What came of it so far.
#[derive(Default)]
struct Tally {
    lost: usize,
    half_visible: usize,
    wrong: usize,
    /// Retries that were answered with the release that was there already.
    converged: u64,
    /// Retries that were published by it.
    repeated: u64,
    reads: u64,
    starts_killed: u64,
    fsck_runs: u64,
    starts: Times,
}

/// What happened until the registry was killed.
#[derive(Default)]
struct Before {
    acknowledged: Vec<ReleaseDocument>,
    unanswered: Vec<Arc<Parcel>>,
    seen: BTreeMap<u64, Hash>,
    reads: u64,
    complaints: Vec<String>,
}

/// A registry that is killed and started again.
struct Victim {
    program: PathBuf,
    folder: TempDir,
    trusted_root: String,
}

/// Kills the registry `rounds` times. Fails if anything was lost, half-visible or
/// otherwise wrong.
pub(crate) fn run(rounds: u64, seed: u64) -> Result<()> {
    say(&format!("{rounds} rounds, seed {seed}"));
    let binaries = Binaries::build(&["mcpkg-registry"])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut random = Random::new(seed);
    let mut stock = Stock::new();
    let victim = Victim {
        program: binaries.program("mcpkg-registry"),
        folder: tempfile::tempdir()?,
        trusted_root: stock.trusted_root(),
    };
    let catalogue = Arc::new(Catalogue::default());
    let mut tally = Tally::default();
    let mut registry = victim.start(&mut tally)?;
    let log = runtime.block_on(Client::new(registry.url())?.log())?;
    let mut auditor = Auditor::new(LogTrust::new(log.key));
    let began = Instant::now();
    for round in 1..=rounds {
        stock.fill(STOCK, Some(TWICE_IN));
        let trust = auditor.trust().clone();
        let Before { acknowledged, unanswered, seen, reads, complaints } =
            runtime.block_on(disturb(registry, &stock, &catalogue, trust, &mut random))?;
        tally.reads += reads;
        let mut findings: Vec<Finding> = complaints.into_iter().map(Finding::Wrong).collect();
        for document in &acknowledged {
            findings.extend(auditor.remember(document).err());
        }
        registry = victim.start_again(&mut random, &mut tally)?;
        let client = Client::new(registry.url())?;
        runtime.block_on(async {
            let audit = auditor.audit(&client, &seen, Scope::Sample(SAMPLE), &mut random);
            findings.extend(audit.await);
            for parcel in unanswered {
                let retried = retry(&client, &parcel, &mut auditor, &mut tally).await;
                findings.extend(retried.err());
            }
        });
        if round % CHECK_EVERY == 0 || round == rounds {
            let nothing = BTreeMap::new();
            let audit = auditor.audit(&client, &nothing, Scope::All, &mut random);
            findings.extend(runtime.block_on(audit));
            tally.fsck_runs += 1;
            findings.extend(victim.fsck().err().map(Finding::Wrong));
            say(&format!(
                "round {round}: {} acknowledged, {} entries, {} s",
                auditor.acknowledged(),
                auditor.size(),
                began.elapsed().as_secs()
            ));
        }
        tally.count(&findings);
        if !findings.is_empty() {
            break;
        }
    }
    tally.report(rounds, &auditor, began.elapsed());
    if tally.lost + tally.half_visible + tally.wrong == 0 {
        return Ok(());
    }
    drop(registry);
    let folder = victim.folder.keep();
    Err(format!("the data folder is kept in {}", folder.display()).into())
}

impl Victim {
    fn start(&self, tally: &mut Tally) -> Result<RegistryProcess> {
        let started = Instant::now();
        let registry =
            RegistryProcess::start(&self.program, self.folder.path(), &self.trusted_root)?;
        tally.starts.add(started.elapsed());
        Ok(registry)
    }

    /// Starts it after it was killed, and sometimes kills it while it recovers.
    fn start_again(&self, random: &mut Random, tally: &mut Tally) -> Result<RegistryProcess> {
        while random.once_in(START_KILLED_IN) {
            tally.starts_killed += 1;
            let (program, folder) = (&self.program, self.folder.path());
            let starting = RegistryProcess::launch(program, folder, &self.trusted_root)?;
            std::thread::sleep(Duration::from_millis(random.within(0..START_KILLED_WITHIN_MS)));
            drop(starting);
        }
        self.start(tally)
    }

    /// What `mcpkg-registry fsck` says, if it is not content.
    fn fsck(&self) -> std::result::Result<(), String> {
        let config: &Path = &self.folder.path().join("registry.toml");
        let output = Command::new(&self.program)
            .args(["fsck", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        Err(format!("fsck: {}: {}", output.status, String::from_utf8_lossy(&text)))
    }
}

/// Reads and publishes until the registry is killed.
async fn disturb(
    registry: RegistryProcess,
    stock: &Stock,
    catalogue: &Arc<Catalogue>,
    trust: LogTrust,
    random: &mut Random,
) -> Result<Before> {
    let is_dying = Arc::new(AtomicBool::new(false));
    let mut work = JoinSet::new();
    for _ in 0..READERS {
        let client = Client::new(registry.url())?;
        let reader = Reader::new(client, trust.clone(), Arc::clone(catalogue), random.fork());
        work.spawn(read(reader, Arc::clone(&is_dying)));
    }
    for _ in 0..PUBLISHERS {
        let client = Client::new(registry.url())?;
        let (stock, catalogue) = (stock.queue(), Arc::clone(catalogue));
        work.spawn(publish(client, stock, catalogue, Arc::clone(&is_dying)));
    }
    tokio::time::sleep(Duration::from_millis(random.within(KILLED_AFTER_MS))).await;
    is_dying.store(true, Ordering::SeqCst);
    // Kills it.
    drop(registry);
    let mut before = Before::default();
    for part in work.join_all().await {
        before.acknowledged.extend(part.acknowledged);
        before.unanswered.extend(part.unanswered);
        before.reads += part.reads;
        before.complaints.extend(part.complaints);
        for (size, root) in part.seen {
            if before.seen.insert(size, root).is_some_and(|other| other != root) {
                before.complaints.push(format!("two readers saw two trees of {size}"));
            }
        }
    }
    Ok(before)
}

async fn read(mut reader: Reader, is_dying: Arc<AtomicBool>) -> Before {
    let mut part = Before::default();
    while !is_dying.load(Ordering::SeqCst) {
        match reader.read().await {
            Ok(()) => part.reads += 1,
            Err(Complaint::Failure(failure))
                if failure.is_gone() && is_dying.load(Ordering::SeqCst) =>
            {
                break;
            }
            Err(complaint) => {
                part.complaints.push(complaint.to_string());
                break;
            }
        }
    }
    part.seen = reader.into_seen();
    part
}

async fn publish(
    client: Client,
    stock: crate::stock::Queue,
    catalogue: Arc<Catalogue>,
    is_dying: Arc<AtomicBool>,
) -> Before {
    let mut part = Before::default();
    while !is_dying.load(Ordering::SeqCst) {
        let Some(parcel) = stock.take() else { break };
        match client.publish(&parcel.submission).await {
            Ok((_, document)) => {
                catalogue.add(&document);
                if let Ok(receipt) = document.log.receipt.parse::<Receipt>() {
                    part.complaints.extend(note_tree(&receipt, &mut part.seen).err());
                }
                part.acknowledged.push(document);
            }
            Err(failure) if failure.is_gone() && is_dying.load(Ordering::SeqCst) => {
                part.unanswered.push(parcel);
            }
            Err(failure) => part.complaints.push(failure.to_string()),
        }
    }
    part
}

/// Notes the tree of a receipt, whose signature is checked when it is remembered.
fn note_tree(receipt: &Receipt, seen: &mut BTreeMap<u64, Hash>) -> std::result::Result<(), String> {
    let text = receipt.checkpoint.split("\n\n").next().unwrap_or_default();
    let checkpoint = mcpkg_core::log::Checkpoint::parse(&format!("{text}\n"));
    let tree = checkpoint.map_err(|error| error.to_string())?.tree;
    match seen.insert(tree.size, tree.root) {
        Some(root) if root != tree.root => Err(format!("two roots of the tree of {}", tree.size)),
        _ => Ok(()),
    }
}

/// Publishes again what was not answered: it is there already, or it is now.
async fn retry(
    client: &Client,
    parcel: &Parcel,
    auditor: &mut Auditor,
    tally: &mut Tally,
) -> std::result::Result<(), Finding> {
    let Parcel { name, version, submission } = parcel;
    let (status, document) = client
        .publish(submission)
        .await
        .map_err(|failure| Finding::Wrong(format!("a retry of {name}@{version}: {failure}")))?;
    match status {
        StatusCode::OK => tally.converged += 1,
        _ => tally.repeated += 1,
    }
    auditor.remember(&document)
}

impl Tally {
    fn count(&mut self, findings: &[Finding]) {
        for finding in findings {
            say(&format!("{finding:?}"));
            match finding {
                Finding::Lost(_) => self.lost += 1,
                Finding::HalfVisible(_) => self.half_visible += 1,
                Finding::Wrong(_) => self.wrong += 1,
            }
        }
    }

    fn report(&mut self, rounds: u64, auditor: &Auditor, took: Duration) {
        let rows = [
            ("rounds of `kill -9`", rounds.to_string()),
            ("starts that were killed too", self.starts_killed.to_string()),
            ("releases acknowledged", auditor.acknowledged().to_string()),
            ("**lost**", self.lost.to_string()),
            ("**half-visible**", self.half_visible.to_string()),
            ("otherwise wrong", self.wrong.to_string()),
            ("retries: it was there, it is now", format!("{}, {}", self.converged, self.repeated)),
            ("reads, each checked", self.reads.to_string()),
            ("`fsck` runs, all content", self.fsck_runs.to_string()),
            (
                "start after a kill, median and longest",
                format!("{}, {}", ms(self.starts.median()), ms(self.starts.max())),
            ),
            ("took", format!("{} s", took.as_secs())),
        ];
        say("\n| what | figure |\n|---|---|");
        for (what, figure) in rows {
            say(&format!("| {what} | {figure} |"));
        }
    }
}
