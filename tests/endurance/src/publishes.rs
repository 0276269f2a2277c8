//! How long a publish takes, and how many there can be in a second.
//!
//! A small release is signed, logged and timestamped by the Sigstore of the tests, whose
//! services are in this process, and published to a registry that verifies all of it and
//! answers with the receipt. Uploading, and what real services take, come on top.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcpkg_core::server_json::ServerJson;
use mcpkg_core::{Digest, archive};
use mcpkg_test_support::{Binaries, RegistryProcess, Submission};
use mcpkg_verify::{ReleaseSubjects, TrustRoot, Vouchers, verify_release};
use tokio::task::JoinSet;

use crate::client::Client;
use crate::figures::{Times, ms};
use crate::stock::{Queue, Stock};
use crate::{Result, say};

/// How many are published one after the other, to see what one takes.
const ALONE: usize = 50;

/// How many publish at once, to see how many there can be.
const PUBLISHERS: usize = 16;

/// What signing, logging and publishing may take together.
///
/// Source: the project's targets.
const ONE: Duration = Duration::from_millis(150);

/// How many publishes a second there have to be.
///
/// Source: the project's targets.
const PER_SECOND: f64 = 50.0;

/// Publishes `count` releases, and fails if one takes too long or too few go through.
pub(crate) fn run(count: usize) -> Result<()> {
    let binaries = Binaries::build(&["mcpkg-registry"])?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut stock = Stock::new();
    let folder = tempfile::tempdir()?;
    let root = stock.trusted_root();
    let registry =
        RegistryProcess::start(&binaries.program("mcpkg-registry"), folder.path(), &root)?;

    let (mut signing, mut publishing, mut both) = <(Times, Times, Times)>::default();
    let mut verifying = Times::default();
    let client = runtime.block_on(async { Client::new(registry.url()) })?;
    let vouchers = Vouchers::from(&TrustRoot::from_json(&root)?);
    for _ in 0..ALONE {
        let began = Instant::now();
        stock.fill(1, None);
        let signed = began.elapsed();
        let parcel = stock.queue().take().ok_or("nothing was signed")?;
        let sent = Instant::now();
        runtime.block_on(client.publish(&parcel.submission))?;
        let published = sent.elapsed();
        signing.add(signed);
        publishing.add(published);
        both.add(signed + published);
        verifying.add(verify(&parcel.submission, &vouchers)?);
    }
    say(&format!("sign, log and timestamp: {} at the median", ms(signing.median())));
    say(&format!("publish, until the receipt: {} at the median", ms(publishing.median())));
    let median = both.median();
    say(&format!("both: {} at the median, {} at most, of {ALONE}", ms(median), ms(both.max())));
    say(&format!("of which verifying the evidence alone: {}", ms(verifying.median())));

    stock.fill(count, None);
    let took = runtime.block_on(all_at_once(registry.url(), &stock.queue()))?;
    #[expect(clippy::cast_precision_loss, reason = "it is a rate for people")]
    let rate = count as f64 / took.as_secs_f64();
    say(&format!("{PUBLISHERS} at once: {count} in {}, {rate:.0} a second", ms(took)));
    if median > ONE {
        return Err(format!("one takes {}, expected at most {}", ms(median), ms(ONE)).into());
    }
    if rate < PER_SECOND {
        return Err(format!("{rate:.0} a second, expected at least {PER_SECOND}").into());
    }
    Ok(())
}

/// How long it takes to verify what a release is signed with, its tree known.
fn verify(submission: &Submission, vouchers: &Vouchers) -> Result<Duration> {
    let server = ServerJson::read_strict(&submission.server_json)?;
    let artifacts = submission
        .artifacts
        .iter()
        .map(|bytes| {
            let mut archive =
                archive::Archive::read(std::io::Cursor::new(bytes), &archive::Limits::default())?;
            Ok((Digest::of(bytes), Some(archive.tree_digest()?)))
        })
        .collect::<Result<Vec<_>>>()?;
    let release = ReleaseSubjects {
        name: server.name().clone(),
        version: server.version().clone(),
        metadata: server.digest(),
        artifacts,
    };
    let bundles: Vec<&[u8]> = submission.bundles.iter().map(Vec::as_slice).collect();
    let began = Instant::now();
    verify_release(&release, &bundles, vouchers)?;
    Ok(began.elapsed())
}

async fn all_at_once(url: &str, queue: &Queue) -> Result<Duration> {
    let mut work: JoinSet<Result<()>> = JoinSet::new();
    let began = Instant::now();
    for _ in 0..PUBLISHERS {
        let (client, queue) = (Arc::new(Client::new(url)?), queue.clone());
        work.spawn(async move {
            while let Some(parcel) = queue.take() {
                client.publish(&parcel.submission).await?;
            }
            Ok(())
        });
    }
    for result in work.join_all().await {
        result?;
    }
    Ok(began.elapsed())
}
