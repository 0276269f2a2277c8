//! From our types to Cedar's entities, which the schema describes.

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fmt;

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression};

/// Why a question does not fit the schema, in Cedar's words. No error itself: it only
/// ever becomes a line of a ruling, and what it is made of is large.
#[derive(Debug)]
pub(super) struct Unfit(String);

impl<E: Error> From<E> for Unfit {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the question does not fit the schema: {}", self.0)
    }
}

/// The entity that a type and an identifier name.
pub(super) fn uid(kind: &'static str, id: &str) -> Result<EntityUid, Unfit> {
    let kind: EntityTypeName = kind.parse()?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// Attributes of an entity, or members of a record.
#[derive(Debug, Default)]
pub(super) struct Attributes(HashMap<String, RestrictedExpression>);

impl Attributes {
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.value(name, RestrictedExpression::new_string(value.to_owned()))
    }

    /// A text that may be missing.
    pub(super) fn text_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// A number. Cedar's are signed; what is larger than any of those is the largest.
    pub(super) fn number(self, name: &str, value: u64) -> Self {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.value(name, RestrictedExpression::new_long(value))
    }

    pub(super) fn texts<T: ToString>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        let values = values.into_iter().map(|it| RestrictedExpression::new_string(it.to_string()));
        self.value(name, RestrictedExpression::new_set(values))
    }

    pub(super) fn value(mut self, name: &str, value: RestrictedExpression) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(super) fn record(self, name: &str, members: Self) -> Result<Self, Unfit> {
        let record = RestrictedExpression::new_record(members.0)?;
        Ok(self.value(name, record))
    }

    pub(super) fn into_pairs(self) -> HashMap<String, RestrictedExpression> {
        self.0
    }

    pub(super) fn entity(
        self,
        uid: EntityUid,
        parents: impl IntoIterator<Item = EntityUid>,
    ) -> Result<Entity, Unfit> {
        Ok(Entity::new(uid, self.0, parents.into_iter().collect::<HashSet<_>>())?)
    }
}
