//! What is asked for.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use cedar_policy::{Context, Entity, EntityUid, RestrictedExpression};
use mcpkg_core::PackageName;

use super::entities::{Attributes, Unfit, uid};
use super::release::ReleaseFacts;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// To be shown packages, releases, their bytes, and the log.
    Read,
    /// To publish a release.
    Publish,
    /// To state something of what is published.
    State,
    /// To let in a release that waits for a person.
    Approve,
    /// To change how a registry runs.
    Configure,
    /// To read who did what, and who may.
    Audit,
    /// To come in from another registry.
    Admit,
}

impl Action {
    /// Every action.
    pub(crate) const ALL: [Self; 7] = [
        Self::Read,
        Self::Publish,
        Self::State,
        Self::Approve,
        Self::Configure,
        Self::Audit,
        Self::Admit,
    ];

    /// The action as it is written everywhere.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Publish => "publish",
            Self::State => "state",
            Self::Approve => "approve",
            Self::Configure => "configure",
            Self::Audit => "audit",
            Self::Admit => "admit",
        }
    }

    pub(super) fn uid(self) -> Result<EntityUid, Unfit> {
        uid("Action", self.as_str())
    }
}

/// A string that is no [`Action`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no action, expected `read`, `publish`, `state`, `approve`, `configure`, `audit` or `admit`", .0.escape_debug())]
pub(crate) struct UnknownAction(String);

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, UnknownAction> {
        let unknown = || UnknownAction(text.chars().take(32).collect());
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or_else(unknown)
    }
}

/// What something is done with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// All of a registry, its log included.
    Place(Place),
    /// A package, whether it exists or not.
    Package {
        /// Where it is.
        place: Place,
        /// Which one.
        name: PackageName,
    },
    /// A release, with all that is known of it.
    Release(Box<ReleaseFacts>),
}

/// A string that is no [`Resource`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no resource, expected a package, `registry`, `registry:<name>` or `source:<name>`",
    .0.escape_debug()
)]
pub(crate) struct UnknownResource(String);

impl FromStr for Resource {
    type Err = UnknownResource;

    fn from_str(text: &str) -> Result<Self, UnknownResource> {
        let unknown = || UnknownResource(text.chars().take(PackageName::MAX_LEN).collect());
        let is_name = |name: &&str| (1..=64).contains(&name.len());
        match text.split_once(':') {
            None if text == "registry" => Ok(Self::Place(Place::own())),
            None => text.parse().map(Self::own).map_err(|_| unknown()),
            Some(("registry", name)) if is_name(&name) => {
                Ok(Self::Place(Place::Registry(name.to_owned())))
            }
            Some(("source", name)) if is_name(&name) => {
                Ok(Self::Place(Place::Source(name.to_owned())))
            }
            Some(_) => Err(unknown()),
        }
    }
}

/// Where a package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this registry, or in a named one of it.
    Registry(String),
    /// In another registry that this one follows.
    Source(String),
}

impl Place {
    /// The registry itself.
    pub(crate) const OWN: &'static str = "own";

    /// The registry itself.
    pub(crate) fn own() -> Self {
        Self::Registry(Self::OWN.to_owned())
    }

    fn uid(&self) -> Result<EntityUid, Unfit> {
        match self {
            Self::Registry(name) => uid("Registry", name),
            Self::Source(name) => uid("Source", name),
        }
    }
}

impl Resource {
    /// A package of the registry itself.
    pub(crate) fn own(name: PackageName) -> Self {
        Self::Package { place: Place::own(), name }
    }

    /// The entity that it is, and all that the schema wants to know of it.
    pub(super) fn entities(&self) -> Result<(EntityUid, Vec<Entity>), Unfit> {
        match self {
            Self::Place(place) => {
                let entity = Attributes::default().entity(place.uid()?, [])?;
                Ok((entity.uid(), vec![entity]))
            }
            Self::Package { place, name } => {
                let mut entities = package(place, name)?;
                let what = entities.remove(0);
                let uid = what.uid();
                entities.push(what);
                Ok((uid, entities))
            }
            Self::Release(facts) => {
                let place = Place::Source(facts.source.clone());
                let mut entities = package(&place, &facts.name)?;
                let release = facts.entity(entities[0].uid())?;
                let uid = release.uid();
                entities.push(release);
                Ok((uid, entities))
            }
        }
    }
}

/// A package, its namespace and where that is.
fn package(place: &Place, name: &PackageName) -> Result<Vec<Entity>, Unfit> {
    let place = Attributes::default().entity(place.uid()?, [])?;
    let namespace = uid("Namespace", &name.namespace().to_ascii_lowercase())?;
    let namespace = Attributes::default().entity(namespace, [place.uid()])?;
    // Names that differ in case alone are one name, so a policy must not tell them apart.
    let package = Attributes::default()
        .text("name", name.as_str())
        .text("namespace", &name.namespace().to_ascii_lowercase())
        .entity(uid("Package", &name.as_str().to_ascii_lowercase())?, [namespace.uid()])?;
    Ok(vec![package, namespace, place])
}

/// What is known of a request beside who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// How the caller has shown that a token is theirs.
    pub(crate) possession: Possession,
    /// Where they ask from, if that is known.
    pub(crate) address: Option<IpAddr>,
}

/// How somebody shows that a token is theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Possession {
    /// By having it.
    #[default]
    Bearer,
    /// By a signature with the key that it is bound to.
    Proven,
}

impl Circumstances {
    pub(super) fn context(&self) -> Result<Context, Unfit> {
        let is_proven = self.possession == Possession::Proven;
        let mut context =
            Attributes::default().value("dpop", RestrictedExpression::new_bool(is_proven));
        if let Some(address) = self.address {
            context = context.value("address", RestrictedExpression::new_ip(address.to_string()));
        }
        Ok(Context::from_pairs(context.into_pairs())?)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => write!(f, "Registry::\"{}\"", name.escape_debug()),
            Self::Source(name) => write!(f, "Source::\"{}\"", name.escape_debug()),
        }
    }
}

impl fmt::Display for Resource {
    /// As in a policy: `Package::"com.acme/weather"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => place.fmt(f),
            Self::Package { name, .. } => write!(f, "Package::\"{name}\""),
            Self::Release(facts) => write!(f, "Release::\"{}@{}\"", facts.name, facts.version),
        }
    }
}
