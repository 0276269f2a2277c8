//! Whose domain is it?

use mcpkg_core::domain::DomainProof;
use mcpkg_core::evidence::Evidence;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Code, PackageName};

use super::PublishError;
use crate::app::App;

impl App {
    /// Refuses a name that comes from a registry which is mirrored here: one name is one
    /// place.
    pub(super) async fn refuse_name_of_a_source(
        &self,
        name: &PackageName,
    ) -> Result<(), PublishError> {
        let configured = self.mirror.has_namespace_of(name).map(ToString::to_string);
        let (source_name, code) = match configured {
            Some(source) => (source, Code::NamespaceOwner),
            None => match self.store.claimant(name).await? {
                Some(source) => (source, Code::SourceChanged),
                None => return Ok(()),
            },
        };
        Err(PublishError::FromSource { name: name.clone(), source_name, code })
    }

    /// What the domain of a new package says of whoever signed for it, if they are one
    /// and that decides. If they are not, [`mcpkg_core::policy::judge`] says so.
    pub(super) async fn domain_of_the_signer(
        &self,
        name: &PackageName,
        evidence: &[Evidence],
    ) -> Result<Option<DomainProof>, PublishError> {
        match evidence.first().map(|evidence| Publisher::of(&evidence.signer)) {
            Some(Ok(publisher)) => self.domain_of(name, &publisher).await,
            _ => Ok(None),
        }
    }

    /// What the domain of `name` says of `publisher`, where no rule of the configuration
    /// decides who publishes there.
    pub(super) async fn domain_of(
        &self,
        name: &PackageName,
        publisher: &Publisher,
    ) -> Result<Option<DomainProof>, PublishError> {
        let is_ruled = self.policy.namespaces.iter().any(|rule| rule.pattern.matches(name));
        if is_ruled {
            return Ok(None);
        }
        Ok(self.authority.vouches(name, publisher).await?)
    }
}
