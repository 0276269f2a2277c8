//! Asking a domain whose key speaks for it, as those who publish through the MCP
//! registry's API prove it.
//!
//! Bounded and guarded like every other question to a domain; see the
//! [module above](super).

use mcpkg_core::domain::DomainMethod;
use mcpkg_core::official::{PROOF_PATH, ProofKey, ProofKeyError};

use super::{Authority, AuthorityError, LookupError, TIMEOUT, texts};

impl Authority {
    /// The keys that `domain` lists in one place: in TXT records of its own, or in the
    /// document of its host.
    ///
    /// # Errors
    ///
    /// [`AuthorityError::Lookup`] if it could not be asked, and
    /// [`AuthorityError::MalformedKey`] if a record that is meant for us is wrong: half
    /// a list is no list.
    pub(crate) async fn proof_keys(
        &self,
        method: DomainMethod,
        domain: &str,
    ) -> Result<Vec<ProofKey>, AuthorityError> {
        // Only closing it makes this fail, and nobody does.
        let _permit = self.questions.acquire().await;
        let question = async {
            match (method, &self.dns, &self.web) {
                (DomainMethod::Dns, Some(resolver), _) => {
                    Ok(keys(&texts(resolver, &format!("{domain}.")).await?))
                }
                (DomainMethod::WellKnown, _, Some(web)) => {
                    let document = web.document(domain, PROOF_PATH).await?.unwrap_or_default();
                    Ok(String::from_utf8(document).map_or(Ok(Vec::new()), |text| keys(&[text])))
                }
                _ => Ok(Ok(Vec::new())),
            }
        };
        let answer = tokio::time::timeout(TIMEOUT, question).await;
        let domain = || domain.to_owned();
        answer
            .unwrap_or(Err(LookupError::Slow))
            .map_err(|source| AuthorityError::Lookup { domain: domain(), method, source })?
            .map_err(|source| AuthorityError::MalformedKey { domain: domain(), method, source })
    }
}

fn keys(texts: &[String]) -> Result<Vec<ProofKey>, ProofKeyError> {
    texts.iter().filter_map(|text| ProofKey::parse(text).transpose()).collect()
}
