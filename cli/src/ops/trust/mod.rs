//! Whose signatures count for packages from a registry.
//!
//! Three sources, in the order in which they are listed: the public-good Sigstore;
//! what the user added with `mcpkg trust add`, for all registries; and what was
//! added together with one registry.
//!
//! Nothing here asks anybody but [`Tuf::update`], which only `mcpkg trust update`
//! and `mcpkg trust add` call: verifying takes no request (DESIGN, promise 5).

mod change;
mod tuf;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use mcpkg_core::namespace::NamePattern;
use mcpkg_verify::tuf::TufStatus;
use mcpkg_verify::{TrustRoot, TrustStore, TrustedKey};

use crate::config::{Config, NamedKey, NamedRoot, RegistryConfig};
use crate::error::{Error, Result};
use crate::places::Places;

pub use change::{Added, Addition, Found, Keep, Removal, Source};
pub use tuf::{Tuf, Update};

/// What the public-good Sigstore is called among those that the user named.
pub const PUBLIC_GOOD: &str = "public-good";

/// A root, and how current it is if it comes from a TUF repository.
#[derive(Debug)]
pub struct CurrentRoot {
    /// The root.
    pub root: TrustRoot,
    /// How current it is; `None` for a file, and for what is built in.
    pub status: Option<TufStatus>,
}

impl CurrentRoot {
    /// How old it is, where somebody can say.
    fn in_words(&self, name: &str, now: Timestamp) -> Option<String> {
        let refreshed_at = self.status?.refreshed_at?;
        Some(format!("`{name}` was refreshed {} ago", age(now, refreshed_at)))
    }

    /// What the user should know of it before relying on it.
    fn warning(&self, name: &str, now: Timestamp) -> Option<String> {
        let status = self.status.filter(|status| status.is_stale(now))?;
        let age = status
            .refreshed_at
            .map_or_else(|| "at an unknown time".to_owned(), |at| format!("{} ago", age(now, at)));
        Some(format!(
            "the trust root `{name}` was refreshed {age}, and something newer may exist; it is \
             used until {}; `mcpkg trust update` refreshes it",
            status.expires
        ))
    }
}

/// How long ago `then` was, in words.
pub fn age(now: Timestamp, then: Timestamp) -> String {
    match now.duration_since(then).as_hours() {
        ..=0 => "less than an hour".to_owned(),
        hours @ 1..=47 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    }
}

/// Who may vouch for packages from `source`, and what the user should know of it.
///
/// # Errors
///
/// Any of them that cannot be used is an error: leaving one out could mean that
/// another counts in its place.
pub fn store(
    config: &Config,
    source: &RegistryConfig,
    places: &Places,
    now: Timestamp,
) -> Result<(TrustStore, Vec<String>)> {
    let mut store = TrustStore::default();
    let mut warnings = Vec::new();
    for configured in &source.trust_roots {
        let root = read_root(&places.config.join(&configured.file))?;
        store = store.with_root(configured.namespaces.clone(), root);
    }
    for named in &config.trust_roots {
        let current = named_root(named, places, now)?;
        warnings.extend(current.warning(&named.name, now));
        store = store.with_root(named.namespaces.clone(), current.root);
    }
    for named in &config.trust_keys {
        let key = named_key(named, places)?;
        let unusable = format!("the key `{}` cannot be used", named.name);
        store = store.with_key(named.namespaces.clone(), key).map_err(Error::wrap(unusable))?;
    }
    if source.public_good {
        let current = public_good(places, now)?;
        warnings.extend(current.warning(PUBLIC_GOOD, now));
        store = store.with_root(vec![NamePattern::All], current.root);
    }
    Ok((store, warnings))
}

/// How old the roots are that may vouch for packages from `source`: those that can be
/// used, and are not files of somebody's own.
pub fn ages(
    config: &Config,
    source: &RegistryConfig,
    places: &Places,
    now: Timestamp,
) -> Vec<String> {
    let named = config.trust_roots.iter().filter_map(|named| {
        let current = named_root(named, places, now).ok()?;
        current.in_words(&named.name, now)
    });
    let public_good = public_good(places, now).ok().filter(|_| source.public_good);
    let public_good = public_good.map(|current| {
        current.in_words(PUBLIC_GOOD, now).unwrap_or_else(|| {
            format!(
                "`{PUBLIC_GOOD}` is as old as mcpkg {}, which it is built into; `mcpkg trust \
                 update` asks for what is new",
                env!("CARGO_PKG_VERSION")
            )
        })
    });
    named.chain(public_good).collect()
}

/// The roots that can be refreshed, by name: those in `names`, or all.
///
/// # Errors
///
/// [`Error::UnknownTrust`] for a name that none has.
pub fn refreshable(
    config: &Config,
    names: &[String],
    places: &Places,
) -> Result<Vec<(String, Tuf)>> {
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|it| it == name);
    let mut tufs = Vec::new();
    if is_wanted(PUBLIC_GOOD) {
        tufs.push((PUBLIC_GOOD.to_owned(), Tuf::public_good(places)?));
    }
    for named in config.trust_roots.iter().filter(|named| is_wanted(&named.name)) {
        if let Some(tuf) = Tuf::of(named, places)? {
            tufs.push((named.name.clone(), tuf));
        }
    }
    match names.iter().find(|wanted| !tufs.iter().any(|(name, _)| name == *wanted)) {
        Some(unknown) => Err(Error::UnknownTrust(unknown.clone())),
        None => Ok(tufs),
    }
}

/// The public-good root: what was fetched last, or, if nothing ever was, the one
/// that is built in.
pub fn public_good(places: &Places, now: Timestamp) -> Result<CurrentRoot> {
    let tuf = Tuf::public_good(places)?;
    if let Some(current) = tuf.open(now)? {
        return Ok(current);
    }
    let root = TrustRoot::public_good()
        .map_err(Error::wrap("the embedded trust root of Sigstore cannot be used"))?;
    Ok(CurrentRoot { root, status: None })
}

/// A root that the user added.
pub fn named_root(named: &NamedRoot, places: &Places, now: Timestamp) -> Result<CurrentRoot> {
    if let Some(tuf) = Tuf::of(named, places)? {
        return tuf.open(now)?.ok_or_else(|| tuf.never_fetched());
    }
    let root = read_root(&places.config.join(&named.file))?;
    Ok(CurrentRoot { root, status: None })
}

/// A key that the user added.
pub fn named_key(named: &NamedKey, places: &Places) -> Result<TrustedKey> {
    let path = places.config.join(&named.file);
    let pem = read(&path)?;
    TrustedKey::from_pem(&pem, named.valid_from, named.valid_until)
        .map_err(Error::wrap(format!("`{}` is no usable key", path.display())))
}

/// Reads and checks a `trusted_root.json`.
pub fn read_root(path: &Path) -> Result<TrustRoot> {
    TrustRoot::from_json(&read(path)?)
        .map_err(Error::wrap(format!("`{}` is no usable trust root", path.display())))
}

/// Reads a file whole.
pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Where what was fetched for the root called `name` is kept.
fn cache_path(places: &Places, name: &str) -> PathBuf {
    places.state.join("trust").join(format!("{name}.json"))
}

#[cfg(test)]
mod tests;
