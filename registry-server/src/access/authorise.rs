//! Asking the policies, and remembering what they said.

use mcpkg_core::publisher::Publisher;
use mcpkg_core::{Digest, PackageName};

use super::Caller;
use super::error::AccessError;
use crate::app::App;
use crate::audit::AuditEvent;
use crate::error::ApiError;
use crate::policy::{Action, Principal, Resource, Ruling};
use crate::store::{Store, StoreError};

/// Why somebody may not write.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Denial {
    /// Policy does not allow it.
    #[error("{0}")]
    Policy(String),
    /// It could not be remembered that it was allowed, so it is not.
    #[error("could not write to the audit log")]
    Audit(#[from] StoreError),
}

impl App {
    /// Lets `caller` do something that is no write, or says that what they ask for,
    /// which is called `missing`, does not exist.
    ///
    /// Allowed or not, it goes to the server's own log. What somebody is denied who
    /// has shown who they are is audited, too.
    pub(crate) fn permit(
        &self,
        caller: &Caller,
        action: Action,
        resource: &Resource,
        missing: &str,
    ) -> Result<(), ApiError> {
        let ruling = self.rule(caller, action, resource);
        if ruling.allowed {
            return Ok(());
        }
        match &caller.principal {
            Principal::Anonymous { .. } => Err(AccessError::Missing.into()),
            principal => {
                let event = AuditEvent::of(principal, action, resource, &ruling);
                self.audit.note(match caller.circumstances.address {
                    Some(address) if event.reason.is_none() => {
                        event.because(format!("asked from {address}"))
                    }
                    _ => event,
                });
                Err(ApiError::NotFound(missing.to_owned()))
            }
        }
    }

    /// What the policies say. Everything is allowed where nothing is enforced.
    pub(crate) fn rule(&self, caller: &Caller, action: Action, resource: &Resource) -> Ruling {
        if !self.access.is_enforced() {
            return Ruling { allowed: true, ..Ruling::default() };
        }
        let Caller { principal, circumstances, .. } = caller;
        let ruling = self.engine.decide(principal, action, resource, circumstances);
        tracing::info!(
            actor = %principal, action = %action, resource = %resource, allowed = ruling.allowed,
            policies = ?ruling.policies.iter().map(|policy| &policy.id).collect::<Vec<_>>(),
            errors = ?ruling.errors, address = ?circumstances.address,
            "decided"
        );
        ruling
    }

    /// Whether `caller` may read the package `name`, for those who show many.
    pub(crate) fn may_read(&self, caller: &Caller, name: &PackageName) -> bool {
        if !self.access.is_enforced() {
            return true;
        }
        let resource = Resource::Package { place: caller.place.clone(), name: name.clone() };
        let Caller { principal, circumstances, .. } = caller;
        self.engine.decide(principal, Action::Read, &resource, circumstances).allowed
    }

    /// Lets `caller` have a blob of `store` if they may read a package that it belongs to.
    pub(crate) async fn permit_blob(
        &self,
        caller: &Caller,
        store: &Store,
        digest: Digest,
    ) -> Result<(), ApiError> {
        if !self.access.is_enforced() {
            return Ok(());
        }
        let owners = store.owners(digest).await?;
        if owners.iter().any(|name| self.may_read(caller, name)) {
            return Ok(());
        }
        let missing = digest.to_string();
        match owners.into_iter().next() {
            // Denied, and remembered as such.
            Some(name) => {
                let resource = Resource::Package { place: caller.place.clone(), name };
                self.permit(caller, Action::Read, &resource, &missing)
            }
            None if self.access.wants_token(caller) => Err(AccessError::Missing.into()),
            None => Err(ApiError::NotFound(missing)),
        }
    }

    /// Lets whoever signed something of the package `name` do so. What is allowed is
    /// written down before it is done.
    pub(crate) async fn permit_signer(
        &self,
        caller: &Caller,
        signer: &Publisher,
        action: Action,
        name: &PackageName,
    ) -> Result<(), Denial> {
        if !self.access.is_enforced() {
            return Ok(());
        }
        let roles = self.access.roles.of_signer(signer);
        let principal = Principal::Signer { publisher: Box::new(signer.clone()), roles };
        let resource = Resource::Package { place: caller.place.clone(), name: name.clone() };
        let ruling = self.engine.decide(&principal, action, &resource, &caller.circumstances);
        let event = AuditEvent::of(&principal, action, &resource, &ruling);
        self.write_down(&ruling, event)
            .await?
            .map_err(|why| Denial::Policy(format!("the signer may not {action} `{name}`: {why}")))
    }

    /// The same for `principal`, who has signed nothing and wants to do `what`. No log of
    /// ours will say that they did, so it is written down whatever decides here.
    pub(crate) async fn permit_unsigned(
        &self,
        caller: &Caller,
        principal: &Principal,
        (action, what): (Action, &str),
        name: &PackageName,
    ) -> Result<(), Denial> {
        let resource = Resource::Package { place: caller.place.clone(), name: name.clone() };
        let ruling = if self.access.is_enforced() {
            self.engine.decide(principal, action, &resource, &caller.circumstances)
        } else {
            Ruling { allowed: true, ..Ruling::default() }
        };
        let mut event = AuditEvent::of(principal, action, &resource, &ruling);
        if event.reason.is_none() {
            event = event.because(what);
        }
        self.write_down(&ruling, event)
            .await?
            .map_err(|why| Denial::Policy(format!("{principal} may not {action} `{name}`: {why}")))
    }

    /// Writes down what was allowed, before it is done; what was not, some time. Says why
    /// not.
    async fn write_down(
        &self,
        ruling: &Ruling,
        event: AuditEvent,
    ) -> Result<Result<(), String>, StoreError> {
        if ruling.allowed {
            return self.audit.record(event).await.map(Ok);
        }
        self.audit.note(event);
        Ok(Err(refusal(ruling)))
    }
}

/// Why somebody may not write. They named the package themselves, and what they read.
fn refusal(ruling: &Ruling) -> String {
    let policies: Vec<String> =
        ruling.policies.iter().map(|policy| format!("`{}`", policy.id)).collect();
    match &policies[..] {
        [] if ruling.errors.is_empty() => "no policy allows it".to_owned(),
        [] => "a policy could not be evaluated".to_owned(),
        _ => format!("{} forbids it", policies.join(", ")),
    }
}
