//! Who asks, and whether they may: an OAuth 2.1 resource server.
//!
//! ```text
//! a request ── proxy: from where, really
//!      │      ── token: of which issuer, for us, signed, in time
//!      │      ── dpop: shown by whoever it was given to
//!      │      ── nonce, replay: just now, and once
//!      ▼
//!   Caller ── guard: may they do what this address is for?
//! ```
//!
//! There is nothing here that somebody could steal and use for long: no password, no
//! token of ours, and none that is valid for longer than the configuration allows. The
//! keys of issuers are public, and fetched from them.
//!
//! A registry without `[access]` is public, as it always was: everybody reads, and
//! whoever signs as the owner of a name publishes.
//!
//! Source: OAuth 2.1 (draft 13), section 5; RFC 6750, RFC 8707, RFC 9068, RFC 9449,
//! RFC 9728.

mod authorise;
mod caller;
mod challenge;
mod discover;
mod dpop;
mod error;
mod guard;
mod jws;
mod key;
mod keys;
mod nonce;
mod proven;
mod proxy;
mod replay;
mod roles;
mod token;

use std::collections::BTreeSet;
use std::time::Instant;

pub(crate) use authorise::Denial;
pub(crate) use caller::Caller;
pub(crate) use challenge::{METADATA, ResourceMetadata};
pub(crate) use error::{AccessError, Refused};
pub(crate) use guard::{Need, Needs, guard};
pub(crate) use proxy::{Origin, Peer, Scheme, secure};

use crate::config::{AccessFile, Anonymous, ConfigError, Dpop, PolicyFile, ProofNonce, ProxyFile};
use crate::policy::Principal;
use keys::Issuers;
use nonce::Nonces;
use replay::Replays;
use roles::Roles;

/// Who is known, and as what.
#[derive(Debug)]
pub(crate) struct Access {
    enforcement: Enforcement,
    /// How others reach us, without a slash at the end.
    base: String,
    audience: String,
    anonymous: Anonymous,
    open_registries: BTreeSet<String>,
    dpop: Dpop,
    /// What proofs have to contain, if they have to contain something of ours.
    nonces: Option<Nonces>,
    max_token_seconds: i64,
    issuers: Issuers,
    roles: Roles,
    replays: Replays,
    proxy: ProxyFile,
}

/// Whether anybody is asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Enforcement {
    /// Everybody reads; a signature decides who publishes.
    Open,
    /// Policies decide, too.
    Enforced,
}

/// What the configuration says of who may do what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    /// Whose tokens count.
    pub(crate) access: Option<AccessFile>,
    /// What decides.
    pub(crate) policy: PolicyFile,
    /// Whose word on who asks is taken.
    pub(crate) proxy: ProxyFile,
    /// The named registries that are read without a token.
    pub(crate) open_registries: BTreeSet<String>,
    /// How others reach us, without a slash at the end.
    pub(crate) public_url: Option<String>,
}

impl Access {
    /// What `rules` make.
    pub(crate) fn open(rules: Rules) -> Result<Self, ConfigError> {
        let Rules { access, policy, proxy, open_registries, public_url } = rules;
        let is_open = access.is_none() && policy.files.is_empty();
        let base = public_url.unwrap_or_default();
        // Without tokens, reading is for everybody that no policy forbids it.
        let file = access.unwrap_or_else(|| AccessFile {
            audience: None,
            anonymous: Anonymous::Read,
            dpop: Dpop::Optional,
            dpop_nonce: ProofNonce::Off,
            max_token_minutes: None,
            ca: None,
            proxy: None,
            issuer: Vec::new(),
            role: Vec::new(),
        });
        Ok(Self {
            enforcement: if is_open { Enforcement::Open } else { Enforcement::Enforced },
            audience: file.audience.clone().unwrap_or_else(|| base.clone()),
            base,
            anonymous: file.anonymous,
            open_registries,
            dpop: file.dpop,
            nonces: match file.dpop_nonce {
                ProofNonce::Off => None,
                ProofNonce::Required => Some(Nonces::generate(Instant::now())?),
            },
            max_token_seconds: file.max_token_seconds(),
            issuers: Issuers::new(&file)?,
            roles: Roles::new(file.role),
            replays: Replays::default(),
            proxy,
        })
    }

    /// Whether `caller` might be shown more if they had a token.
    pub(crate) fn wants_token(&self, caller: &Caller) -> bool {
        let is_nobody =
            matches!(&caller.principal, Principal::Anonymous { roles } if roles.is_empty());
        self.is_enforced() && is_nobody
    }

    /// Whether policies decide who reads and publishes.
    pub(crate) fn is_enforced(&self) -> bool {
        self.enforcement == Enforcement::Enforced
    }
}
