//! Who has which role.

use std::collections::BTreeSet;

use mcpkg_core::publisher::Publisher;
use serde_json::Value;

use super::token::Token;
use crate::config::RoleFile;
use crate::policy::Role;

/// Who has which role, as the configuration has it.
#[derive(Debug)]
pub(super) struct Roles(Vec<RoleFile>);

impl Roles {
    pub(super) fn new(files: Vec<RoleFile>) -> Self {
        Self(files)
    }

    /// The roles of whoever a token is about.
    pub(super) fn of_token(&self, token: &Token<'_>) -> BTreeSet<Role> {
        let is_of = |role: &&RoleFile| {
            role.issuer.as_ref() == Some(&token.issuer.file.name) && role.names(token)
        };
        self.0.iter().filter(is_of).map(|role| role.role).collect()
    }

    /// The roles of whoever signed something.
    pub(super) fn of_signer(&self, signer: &Publisher) -> BTreeSet<Role> {
        let is_of = |role: &&RoleFile| role.signers.iter().any(|it| it.is(signer));
        self.0.iter().filter(is_of).map(|role| role.role).collect()
    }
}

impl RoleFile {
    /// Whether it is about whom the token, which is of its issuer, is about.
    fn names(&self, token: &Token<'_>) -> bool {
        let is_in_group = token.groups.iter().any(|group| self.groups.contains(group));
        let is_subject = self.subjects.contains(&token.subject) || self.subjects.contains("*");
        let has = |(name, expected): (&String, &String)| match token.claims.get(name) {
            Some(Value::String(found)) => found == expected,
            Some(Value::Number(found)) => found.to_string() == *expected,
            Some(Value::Bool(found)) => found.to_string() == *expected,
            _ => false,
        };
        let has_claims = !self.claims.is_empty() && self.claims.iter().all(has);
        is_in_group || is_subject || has_claims
    }
}
