//! Mirrors: other registries, followed by their logs and served again.
//!
//! A mirror is never a root of trust. What a source has signed is kept byte for byte, and
//! clients verify it with the source's key, so that a mirror that changes one byte is
//! refused like any other thief. What a mirror adds is that it is near, that it goes on
//! when the source does not, and that it gives out less.
//!
//! | file | what |
//! |---|---|
//! | [`upstream`] | reading a source: at an address, or in a folder |
//! | `source` | what is known of one source, and how old it is |
//! | [`follow`], [`entries`] | from our tree to the source's newest, every entry proved |
//! | [`apply`] | from entries to what is given out of them, a batch at a time |
//! | [`mod@evidence`] | what proves a lie of a source |
//! | [`proof`] | whether an entry's evidence holds |
//! | [`indexes`] | the signed indexes of packages, of the tree that is served |
//! | [`pull`] | bytes, when somebody asks for them |
//! | [`owner`] | where a name comes from: one place |
//! | [`removal`], [`takedown`] | what was taken down |
//! | [`fetches`] | who fetched what |
//! | [`command`] | what an operator does from the command line |
//! | [`shelf`] | own releases and those of sources, served by the same code |
//!
//! ```text
//! <data>/sources/<name>/log/…             a copy of the source's log, as log/ is our own
//! <data>/sources/<name>/registry.sqlite3  an index of it
//! <data>/sources/<name>/removals.json     what the source has taken down
//! <data>/sources/<name>/taken-down.json   what was taken down of it here
//! <data>/sources/<name>/evidence/…        checkpoints that prove a lie of the source
//! <data>/blobs/…                          bytes, shared by all
//! ```

mod apply;
mod command;
mod entries;
mod error;
mod evidence;
mod fetches;
mod flight;
mod follow;
mod indexes;
mod name;
mod owner;
mod proof;
mod pull;
mod removal;
mod shelf;
mod source;
mod takedown;
mod turn;
pub(crate) mod upstream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcpkg_core::api::SourceList;
use mcpkg_core::{Code, Coded, PackageName};

use crate::admission::Admission;
use crate::config::{ConfigError, SourceConfig};
use crate::log::LogError;
use crate::store::StoreError;

pub(crate) use command::described;
pub use command::{
    FetchList, Released, SourceStatus, SourceStatuses, fetches, release_claim, source_statuses,
    sync,
};
pub(crate) use error::MirrorError;
pub(crate) use fetches::Fetches;
pub(crate) use flight::SingleFlight;
pub(crate) use indexes::is_what_was_logged;
pub use name::{SourceName, SourceNameError};
pub(crate) use owner::{Owner, Owners};
pub(crate) use removal::RemovalList;
pub(crate) use shelf::Shelf;
pub(crate) use source::{DATABASE, Place, SOURCES, Source};
pub use takedown::{TakenDown, take_down};
pub(crate) use turn::{follow_for_ever, watch_removals};

/// The sources of a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mirror {
    shelves: BTreeMap<String, Shelf>,
    owners: Arc<Owners>,
}

/// Why a source cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Its folder cannot be used.
    #[error("could not use the folder `{}`", path.display())]
    Folder {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Its database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its copy of the log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It cannot be reached, or nobody is trusted.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Mirror {
    /// Opens all sources.
    pub(crate) async fn open(
        sources: Vec<SourceConfig>,
        place: &Place,
    ) -> Result<Self, (SourceName, OpenError)> {
        let mut shelves = BTreeMap::new();
        for config in sources {
            let name = config.name.clone();
            let opened = Source::open(config, None, place).await;
            let source = opened.map_err(|error| (name.clone(), error))?;
            shelves.insert(name.to_string(), Shelf::of_source(Arc::new(source)));
        }
        Ok(Self { shelves, owners: Arc::clone(&place.owners) })
    }

    /// The same, of which only what `admission` admits is given out.
    #[must_use]
    pub(crate) fn guarded_by(mut self, admission: &Arc<Admission>) -> Self {
        let guard = |(name, shelf): (String, Shelf)| (name, shelf.guarded_by(admission));
        self.shelves = self.shelves.into_iter().map(guard).collect();
        self
    }

    /// What is served of the source of this name.
    pub(crate) fn shelf(&self, name: &str) -> Option<&Shelf> {
        self.shelves.get(name)
    }

    /// The source whose namespace `name` is in.
    pub(crate) fn has_namespace_of(&self, name: &PackageName) -> Option<&SourceName> {
        self.owners.has_namespace_of(name)
    }

    /// Whose `name` is.
    pub(crate) fn owner_of(&self, name: &PackageName) -> Owner {
        self.owners.of(name)
    }

    /// What is served of all of them.
    pub(crate) fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        self.shelves.values()
    }

    /// All of them, by their names.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Arc<Source>> {
        self.shelves.values().filter_map(Shelf::source)
    }

    /// What others are told of them.
    pub(crate) async fn list(&self) -> Result<SourceList, MirrorError> {
        let mut sources = Vec::new();
        for source in self.sources() {
            sources.push(source.document().await?);
        }
        Ok(SourceList { sources })
    }
}

/// The databases of the sources in the data folder, whether they are configured or not.
pub(crate) fn databases(data: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(data.join(SOURCES)).into_iter().flatten();
    let paths = folders.filter_map(|folder| Some(folder.ok()?.path().join(DATABASE)));
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

impl Coded for OpenError {
    fn code(&self) -> Code {
        match self {
            Self::Folder { .. } => Code::Storage,
            Self::Store(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Config(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Folder { .. } => None,
            Self::Store(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Config(error) => error.hint(),
        }
    }
}
