//! Roles, and who has them, as they stand in a file.

use std::collections::{BTreeMap, BTreeSet};

use mcpkg_core::namespace::AllowedIdentity;
use mcpkg_core::publisher::{GITHUB_ISSUER, GITLAB_ISSUER};
use serde::Deserialize;

use super::{IssuerFile, bare};
use crate::config::ConfigError;
use crate::policy::Role;

/// A role, and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleFile {
    /// Which role.
    pub role: Role,
    /// Whose tokens this is about, by the issuer's name.
    pub issuer: Option<String>,
    /// Whoever is in one of these groups.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Whoever the issuer calls one of these; `*` is everybody it knows.
    #[serde(default)]
    pub subjects: BTreeSet<String>,
    /// Whoever has all of these claims.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// Whoever signs as one of these.
    #[serde(default)]
    pub signers: Vec<AllowedIdentity>,
}

impl RoleFile {
    pub(super) fn check(&self, issuer: Option<&IssuerFile>) -> Result<(), ConfigError> {
        let role = self.role.as_str();
        let wrong = |expected| {
            let found = format!("`{role}` for nobody, or for too many");
            Err(ConfigError::Value { key: "access.role", found, expected })
        };
        let of_tokens = usize::from(!self.groups.is_empty())
            + usize::from(!self.subjects.is_empty())
            + usize::from(!self.claims.is_empty());
        let Some(issuer) = issuer else {
            return if of_tokens == 0 && !self.signers.is_empty() {
                Ok(())
            } else {
                wrong("`signers`, or an `issuer` with one of `groups`, `subjects` and `claims`")
            };
        };
        if of_tokens != 1 || !self.signers.is_empty() {
            return wrong("one of `groups`, `subjects` and `claims` for an `issuer`");
        }
        if !self.groups.is_empty() && issuer.groups_claim.is_none() {
            return wrong("`groups` only of an issuer with a `groups_claim`");
        }
        // Anybody on the internet gets a token of these.
        let is_public = [GITHUB_ISSUER, GITLAB_ISSUER].contains(&bare(&issuer.url));
        if self.subjects.contains("*") && is_public {
            return wrong("no `*` of an issuer that anybody has an account with");
        }
        Ok(())
    }
}
