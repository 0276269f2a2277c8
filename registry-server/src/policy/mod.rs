//! Who may do what, and what may come in: one engine, Cedar.
//!
//! A policy forbids or permits a principal to do something with a resource. What is
//! not permitted is denied, what is forbidden is denied whoever else permits it, and
//! what cannot be evaluated is denied too: Cedar itself skips a policy that fails,
//! and a `forbid` that is skipped would permit.
//!
//! ```text
//! schemas/registry.cedarschema ── what can be said
//! defaults/*.cedar, [policy] files ── what is said: checked strictly at the start
//! Principal, Action, Resource, Circumstances ── what is asked
//! Ruling ── the answer, with the policies that made it
//! ```
//!
//! This can only forbid more than [`mcpkg_core::policy::judge`], which holds whatever
//! stands in a policy: nobody publishes without a signature of whoever the name
//! belongs to.
//!
//! Source: DESIGN section 11; [Cedar's documentation](https://docs.cedarpolicy.com).

mod entities;
mod load;
mod offline;
mod release;
mod reload;
#[cfg(test)]
mod tests;
mod what;
mod who;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, Request};
use serde::Serialize;

pub use load::PolicyError;
pub(crate) use load::{APPROVAL, Policies};
pub use offline::{Answer, Checked, Question, QuestionError, ask, check_policies};
pub(crate) use release::{Advisories, ReleaseFacts};
pub(crate) use reload::reload_for_ever;
pub(crate) use what::{Action, Circumstances, Place, Possession, Resource};
pub use who::Role;
pub(crate) use who::{Principal, Prover, User};

use crate::config::PolicyFile;
use entities::Unfit;
use load::Texts;

/// The answer to whether somebody may do something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ruling {
    /// Whether they may.
    pub(crate) allowed: bool,
    /// The policies that decided: those that permit if they may, else those that
    /// forbid. None at all if nothing permits it.
    pub(crate) policies: Vec<PolicyNote>,
    /// What could not be evaluated, for which it is denied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
}

/// A policy, as a person is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyNote {
    /// Its `@id`, or its file and place in it.
    pub(crate) id: String,
    /// The file that it stands in.
    pub(crate) file: String,
    /// All its annotations, `@id` included.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// The policies in force, and how they are asked.
#[derive(Debug)]
pub(crate) struct Engine {
    source: PolicyFile,
    current: RwLock<Arc<Policies>>,
    watch: Mutex<Watch>,
}

/// What is known of the files.
#[derive(Debug, Default)]
struct Watch {
    /// What was read last and is not in force: it may be half-written.
    seen: Option<Texts>,
    /// What was refused last, which need not be tried again.
    tried: Option<Texts>,
    /// Why.
    refused: Option<String>,
}

impl Engine {
    /// The engine with the policies that `source` names.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or is not a policy of ours.
    pub(crate) fn open(source: &PolicyFile) -> Result<Self, PolicyError> {
        let policies = Policies::read(source)?;
        Ok(Self {
            source: source.clone(),
            current: RwLock::new(Arc::new(policies)),
            watch: Mutex::default(),
        })
    }

    /// Whether `principal` may do `action` with `resource`.
    pub(crate) fn decide(
        &self,
        principal: &Principal,
        action: Action,
        resource: &Resource,
        circumstances: &Circumstances,
    ) -> Ruling {
        self.policies().decide(principal, action, resource, circumstances)
    }

    /// The policies in force now: for many questions at once, all answered alike.
    pub(crate) fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the policies in the files are not those in force, if they are not.
    pub(crate) fn refused(&self) -> Option<String> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).refused.clone()
    }
}

impl Policies {
    /// Whether `principal` may do `action` with `resource`.
    pub(crate) fn decide(
        &self,
        principal: &Principal,
        action: Action,
        resource: &Resource,
        circumstances: &Circumstances,
    ) -> Ruling {
        let asked = self.question(principal, action, resource, circumstances);
        match asked {
            Ok((request, entities)) => self.rule(&request, &entities),
            // A defect, or a name that our types let through and Cedar does not.
            Err(error) => Ruling { errors: vec![error.to_string()], ..Ruling::default() },
        }
    }

    fn question(
        &self,
        principal: &Principal,
        action: Action,
        resource: &Resource,
        circumstances: &Circumstances,
    ) -> Result<(Request, Entities), Unfit> {
        let (who, mut entities) = principal.entities()?;
        let (what, places) = resource.entities()?;
        for place in places {
            // A source is both who asks and where it is from.
            if !entities.iter().any(|entity: &Entity| entity.uid() == place.uid()) {
                entities.push(place);
            }
        }
        let context = match action {
            Action::Admit => Context::empty(),
            _ => circumstances.context()?,
        };
        let request = Request::new(who, action.uid()?, what, context, Some(self.schema()))?;
        // That ours fit is for tests to find out: it is the most of what a question costs.
        let schema = cfg!(debug_assertions).then(|| self.schema());
        Ok((request, Entities::from_entities(entities, schema)?))
    }

    fn rule(&self, request: &Request, entities: &Entities) -> Ruling {
        let response = Authorizer::new().is_authorized(request, self.set(), entities);
        let diagnostics = response.diagnostics();
        let errors: Vec<String> = diagnostics.errors().map(ToString::to_string).collect();
        let mut policies: Vec<PolicyNote> =
            diagnostics.reason().filter_map(|id| self.note(id)).collect();
        policies.sort_by(|one, other| one.id.cmp(&other.id));
        let allowed = response.decision() == Decision::Allow && errors.is_empty();
        Ruling { allowed, policies, errors }
    }
}
