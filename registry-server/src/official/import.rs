//! Following another registry of the MCP registry's API.
//!
//! What it lists is listed here too, each document byte for byte as it came, with what
//! is off about it beside it. One in seven real documents breaks its own schema, so the
//! choice is between that and to drop or to rewrite what others have published.
//!
//! It is asked for what has changed since the newest change that was seen, and pages are
//! taken in one by one, each with the place to go on from: a run that stops goes on
//! where it stopped. Deletions are changes of status, and come along.
//!
//! None of it is believed. A name that belongs to a namespace of ours, or that somebody
//! else has listed, is refused, and the report says so; and what is taken in is signed
//! by nobody, so that our command does not install it.

mod client;

use std::collections::HashSet;
use std::fmt;

use jiff::Timestamp;
use mcpkg_core::namespace::NamespaceRule;
use mcpkg_core::official::{ListedServer, ServerPage};
use mcpkg_core::{Code, Coded, PackageName};
use serde::Serialize;

use crate::config::is_guarded;
use crate::store::{Holder, Import, NewListed, Progress, Store, StoreError};
use client::Client;

/// The most pages of one run: ten million entries.
const MAX_PAGES: u64 = 100_000;

/// What a registry is asked for first: everything, deleted entries included.
const EVER: &str = "1970-01-01T00:00:00Z";

/// What came of following a registry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowReport {
    /// How many pages were read.
    pub pages: u64,
    /// How many entries are new.
    pub new: u64,
    /// How many are otherwise than before.
    pub changed: u64,
    /// How many are as they were.
    pub same: u64,
    /// How many have something off about them.
    pub odd: u64,
    /// How many of these are in no list, because a client would lose the page.
    pub withheld: u64,
    /// What has no usable name or version: kept, and listed nowhere.
    pub set_aside: Vec<String>,
    /// What was refused.
    pub refused: Vec<RefusedEntry>,
    /// What to ask for the next time: changes since then.
    pub since: String,
}

/// An entry that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedEntry {
    /// Its name.
    pub name: PackageName,
    /// The stable code.
    pub code: Code,
    /// Why.
    pub reason: String,
}

/// Why a registry could not be followed any further. What was taken in stays.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The address is not one to follow.
    #[error("`{}` is not an https URL, or an http one on this machine", .0.escape_debug())]
    Address(String),
    /// There is no HTTP client, most likely for want of root certificates.
    #[error("the system has no HTTPS")]
    Client(#[source] reqwest::Error),
    /// It does not answer.
    #[error("could not read {url}")]
    Transport {
        /// What was asked for.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It answers something else.
    #[error("{url} answers with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The page is longer than any.
    #[error("{url} is longer than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// How long it may be.
        limit: usize,
    },
    /// It is no page.
    #[error("{url} is no page of servers")]
    Page {
        /// What was asked for.
        url: String,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Its pages have no end.
    #[error("the pages of {0} have no end")]
    Endless(String),
    /// The database failed.
    #[error("could not take in a page")]
    Store(#[source] StorageFailure),
}

/// A failure of the database, whose details are in its message and causes.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageFailure(StoreError);

impl From<StoreError> for FollowError {
    fn from(error: StoreError) -> Self {
        Self::Store(StorageFailure(error))
    }
}

/// Follows the registry at `from` into `store`, from where it was left, or `since`.
pub(crate) async fn follow(
    store: &Store,
    ours: &[NamespaceRule],
    from: &str,
    since: Option<Timestamp>,
) -> Result<FollowReport, FollowError> {
    let source = from.trim_end_matches('/').to_owned();
    if !is_guarded(&source) || source.contains(['?', '#']) {
        return Err(FollowError::Address(source.chars().take(200).collect()));
    }
    let client = Client::new(&source)?;
    let mut report = FollowReport::default();
    let mut progress = begin(store.progress(&source).await?, since);
    let mut seen = HashSet::new();
    loop {
        let (url, bytes) = client.page(&progress.since, progress.cursor.as_deref()).await?;
        let page = ServerPage::parse(&bytes).map_err(|source| FollowError::Page { url, source })?;
        report.pages += 1;
        let is_again = page.next.as_ref().is_some_and(|cursor| !seen.insert(cursor.clone()));
        if is_again || report.pages > MAX_PAGES {
            return Err(FollowError::Endless(source));
        }
        progress.cursor = page.next.clone();
        let import = read(page, ours, &source, &mut progress, &mut report);
        let imported = store.import(&import, Timestamp::now()).await?;
        report.new += imported.new;
        report.changed += imported.changed;
        report.same += imported.same;
        report.refused.extend(imported.refused.into_iter().map(|(name, holder)| RefusedEntry {
            name,
            code: Code::NamespaceOwner,
            reason: held(&holder),
        }));
        if progress.cursor.is_none() {
            report.since = progress.newest;
            return Ok(report);
        }
    }
}

/// Where to begin: where the caller says, or where the last run stopped or ended.
fn begin(left: Option<Progress>, since: Option<Timestamp>) -> Progress {
    let from = |since: String| Progress { newest: since.clone(), since, cursor: None };
    match (left, since) {
        (_, Some(since)) => from(second(since)),
        (None, None) => from(EVER.to_owned()),
        (Some(left), None) if left.cursor.is_some() => left,
        (Some(left), None) => from(left.newest),
    }
}

/// Sorts the entries of a page into what can be listed and what cannot.
fn read(
    page: ServerPage,
    ours: &[NamespaceRule],
    source: &str,
    progress: &mut Progress,
    report: &mut FollowReport,
) -> Import {
    let (mut entries, mut set_aside) = (Vec::new(), Vec::new());
    for original in page.servers {
        let listed = match ListedServer::read(original.get()) {
            Ok(listed) => listed,
            Err(error) => {
                let reason = chain(&error);
                report.set_aside.push(reason.clone());
                set_aside.push((original.get().to_owned(), reason));
                continue;
            }
        };
        if let Some(at) = listed.updated_at {
            progress.newest = progress.newest.clone().max(second(at));
        }
        let name = listed.server.name.clone();
        if ours.iter().any(|rule| rule.pattern.matches(&name)) {
            let reason = "its namespace is one of this registry's own".to_owned();
            report.refused.push(RefusedEntry { name, code: Code::NamespaceOwner, reason });
            continue;
        }
        let entry = entry(name, listed);
        report.odd += u64::from(!entry.oddities.is_empty());
        report.withheld += u64::from(!entry.is_presentable);
        entries.push(entry);
    }
    Import { entries, set_aside, source: source.to_owned(), progress: progress.clone() }
}

fn entry(name: PackageName, listed: ListedServer) -> NewListed {
    let is_presentable = listed.is_presentable();
    // Never our own clock: what says nothing would then change with every run.
    let at = listed.published_at.or(listed.updated_at).unwrap_or(Timestamp::UNIX_EPOCH);
    NewListed {
        name,
        version: listed.version,
        document: listed.document,
        oddities: listed.server.oddities.iter().map(ToString::to_string).collect(),
        is_presentable,
        status: listed.status,
        status_message: listed.status_message,
        status_changed_at: listed.status_changed_at.unwrap_or(at),
        published_at: at,
        is_latest: listed.is_latest,
    }
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn held(holder: &Holder) -> String {
    match holder {
        Holder::Signed => "it is, or looks like, a package that is signed here".to_owned(),
        Holder::Mirrored(source) => format!("it comes from `{source}`, which is mirrored"),
        Holder::Published => "it was published here".to_owned(),
        Holder::Source(other) => format!("it is listed by {other}"),
        Holder::Nobody => "it is nobody's".to_owned(),
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |&cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Coded for FollowError {
    fn code(&self) -> Code {
        match self {
            Self::Address(_) | Self::Client(_) => Code::Config,
            Self::Transport { .. } => Code::Transport,
            Self::Status { .. } | Self::Page { .. } | Self::Endless(_) => Code::Registry,
            Self::TooLong { .. } => Code::Limit,
            Self::Store(StorageFailure(error)) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address(_) => Some("name the registry without `/v0.1`"),
            Self::Transport { .. } | Self::Status { .. } => {
                Some("run it again later: it goes on where it stopped")
            }
            Self::Store(StorageFailure(error)) => error.hint(),
            _ => None,
        }
    }
}

impl fmt::Display for FollowReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pages, new, changed, same, odd, withheld, set_aside, refused, since } = self;
        writeln!(f, "{new} new, {changed} changed and {same} as before, on {pages} pages")?;
        if *odd > 0 {
            writeln!(f, "{odd} have something off about them, {withheld} of which are in no list")?;
        }
        for reason in set_aside {
            writeln!(f, "set aside: {reason}")?;
        }
        for RefusedEntry { name, code, reason } in refused {
            writeln!(f, "refused[{code}]: {name}: {reason}")?;
        }
        write!(f, "up to the changes of {since}")
    }
}
