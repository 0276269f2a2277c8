//! Whether an entry of somebody else's log may follow those before it.

use std::collections::BTreeSet;

use mcpkg_core::archive::Limits;
use mcpkg_core::log::{Entry, Publish};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, Digest, PackageName};
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::release::find;
use super::releases::{binding_at, lookalike};
use super::row::unsigned;
use super::source::Withholding;
use super::statements::stated;

/// The first rule of a log that `entry` breaks, given everything before it.
///
/// These are the rules of [`mcpkg_core::log::Replay`], asked of the database: a mirror has
/// more packages than it would keep in memory.
pub(super) async fn broken_rule(
    connection: &mut SqliteConnection,
    entry: &Entry,
) -> Result<Option<Withholding>, StoreError> {
    let name = entry.name();
    let broken = |code, reason: String| Ok(Some(Withholding::lasting(code, reason)));
    let package = lookalike(connection, name).await?;
    if let Some((_, found)) = package.as_ref().filter(|(_, found)| found != name) {
        return broken(Code::Name, format!("`{name}` is too like `{found}`, which exists"));
    }
    let last = last_of(connection, name).await?;
    if entry.previous() != last {
        let found = entry.previous();
        let reason = format!("it builds upon {found:?}, and the last of `{name}` is {last:?}");
        return broken(Code::LogSubject, reason);
    }
    if let Some(bundle) = bundle_of(entry)
        && let Some(index) = stated(connection, bundle).await?
    {
        return broken(Code::Conflict, format!("entry {index} is the same statement"));
    }
    let signer = match entry {
        Entry::Publish(publish) if !has_one_artifact_each(publish) => {
            return broken(Code::LogSubject, "its artifacts contradict each other".to_owned());
        }
        Entry::Publish(publish) if publish.evidence.is_empty() => {
            return broken(Code::Provenance, "it was published without evidence".to_owned());
        }
        Entry::Publish(publish) => Some(&publish.publisher),
        Entry::Status(change) => Some(&change.publisher),
        Entry::Binding(change) => Some(&change.signer),
        Entry::Rebuild(_) => None,
    };
    let Some((package_id, _)) = package else {
        let is_first = matches!(entry, Entry::Publish(_));
        let reason = || format!("nothing of `{name}` was published");
        return if is_first { Ok(None) } else { broken(Code::LogSubject, reason()) };
    };
    let bound = binding_at(connection, package_id, entry.time()).await?.bound;
    if let Some(reason) = signer.and_then(|signer| unbound(&bound, signer)) {
        return broken(Code::Publisher, reason);
    }
    let (version, has_to_be) = match entry {
        Entry::Publish(publish) => (&publish.version, false),
        Entry::Status(change) => (&change.version, true),
        Entry::Rebuild(rebuild) => (&rebuild.version, true),
        Entry::Binding(_) => return Ok(None),
    };
    match find(connection, name, version).await?.is_some() {
        is_there if is_there == has_to_be => Ok(None),
        true => broken(Code::Immutable, format!("{name}@{version} was published before")),
        false => broken(Code::LogSubject, format!("{name}@{version} was not published")),
    }
}

/// The bundle of a statement.
fn bundle_of(entry: &Entry) -> Option<Digest> {
    match entry {
        Entry::Publish(_) => None,
        Entry::Status(change) => Some(change.evidence),
        Entry::Binding(change) => Some(change.evidence),
        Entry::Rebuild(rebuild) => Some(rebuild.evidence),
    }
}

/// Whether there is at most one artifact for a platform, and each has a length that an
/// artifact can have.
fn has_one_artifact_each(publish: &Publish) -> bool {
    let most = Limits::default().archive_bytes;
    let platforms: BTreeSet<String> =
        publish.artifacts.iter().map(|artifact| artifact.platform.to_string()).collect();
    platforms.len() == publish.artifacts.len()
        && publish.artifacts.iter().all(|artifact| (1..=most).contains(&artifact.size_bytes))
}

fn unbound(bound: &Publisher, signer: &Publisher) -> Option<String> {
    let difference = bound.difference(signer)?;
    let (what, bound, found) = (difference.what, difference.bound, difference.found);
    Some(format!("the name is bound to another: its {what} is `{bound}`, and this is `{found}`"))
}

/// The index of the last entry about a package, be it one that is withheld.
async fn last_of(
    connection: &mut SqliteConnection,
    name: &PackageName,
) -> Result<Option<u64>, StoreError> {
    let last: Option<i64> = sqlx::query_scalar(
        "select max(log_index) from (
             select log_index from entry join package using (package_id) where fold_key = ?1
              union all select log_index from withheld where fold_key = ?1)",
    )
    .bind(name.fold_key())
    .fetch_one(connection)
    .await?;
    last.map(|last| unsigned("entry.log_index", last)).transpose()
}
