//! A name was bound to another publisher.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::DomainProof;
use crate::publisher::Publisher;
use crate::{Digest, PackageName};

/// The publisher of a package announced who publishes it from some time on.
///
/// The newest announcement counts, and one that names whom the name is bound to
/// already takes back the one before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingChange {
    /// The package, in the case that its first release used.
    pub name: PackageName,
    /// Whom the name will be bound to.
    pub publisher: Publisher,
    /// What the domain of the namespace said of them, where that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<DomainProof>,
    /// When that takes effect, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub effective: Timestamp,
    /// Who signed the statement: whom the name is bound to now.
    pub signer: Publisher,
    /// The digest of its Sigstore bundle.
    pub evidence: Digest,
    /// The index of the package's entry before this one, on which the statement builds.
    pub previous: u64,
    /// When the registry accepted it, in UTC to the whole second.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::timestamp"))]
    pub time: Timestamp,
}
