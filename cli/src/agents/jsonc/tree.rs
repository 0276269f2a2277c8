//! A JSON value that forgets nothing: order and repeated keys included.

use std::fmt;

use jsonc_parser::ast;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

/// A JSON value in which the order of keys counts and a key may come twice.
///
/// We compare settings before and after an edit by their trees.
/// [`serde_json::Value`] would not do: two of its objects are equal whatever
/// their order, and of a repeated key it keeps one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A value of a large file that is compared by its bytes.
    Bytes(String),
}

impl Tree {
    /// Whether `jsonc-parser` has read the same. It also reads numbers and words
    /// that JSON does not have.
    pub(super) fn is(&self, value: &ast::Value<'_>) -> bool {
        match (self, value) {
            (Self::Null, ast::Value::NullKeyword(_)) => true,
            (Self::Bool(one), ast::Value::BooleanLit(other)) => *one == other.value,
            (Self::Number(one), ast::Value::NumberLit(other)) => {
                serde_json::from_str(other.value).is_ok_and(|other: Number| *one == other)
            }
            (Self::String(one), ast::Value::StringLit(other)) => *one == other.value,
            (Self::Array(ones), ast::Value::Array(others)) => {
                ones.len() == others.elements.len()
                    && ones.iter().zip(&others.elements).all(|(one, other)| one.is(other))
            }
            (Self::Object(ones), ast::Value::Object(others)) => {
                ones.len() == others.properties.len()
                    && ones.iter().zip(&others.properties).all(|((key, one), other)| {
                        *key == other.name.as_str() && one.is(&other.value)
                    })
            }
            _ => false,
        }
    }

    /// The value of the first property called `key`, if this is an object that has one.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(properties) = self else { return None };
        properties.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value that `keys` lead to, from object to object.
    pub(super) fn at(&self, keys: &[String]) -> Option<&Self> {
        keys.iter().try_fold(self, |tree, key| tree.get(key))
    }

    /// The tree with `change` made to the value that `keys` lead to.
    pub(super) fn changed_within(self, keys: &[String], change: impl FnOnce(Self) -> Self) -> Self {
        match keys.split_first() {
            None => change(self),
            Some((key, rest)) => {
                self.changed(key, |inner| Some(inner?.changed_within(rest, change)))
            }
        }
    }

    /// The object with `key` set to what `change` makes of its value: `None`
    /// for a property that is absent, before and after. New keys come last.
    pub(super) fn changed(
        mut self,
        key: &str,
        change: impl FnOnce(Option<Self>) -> Option<Self>,
    ) -> Self {
        if let Self::Object(properties) = &mut self {
            match properties.iter().position(|(name, _)| name == key) {
                Some(index) => {
                    let (name, value) = properties.remove(index);
                    if let Some(value) = change(Some(value)) {
                        properties.insert(index, (name, value));
                    }
                }
                None => properties.extend(change(None).map(|value| (key.to_owned(), value))),
            }
        }
        self
    }

    /// What the value is called in a message.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Bytes(_) => "a value",
        }
    }
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(value) => Self::Number(value.clone()),
            Value::String(value) => Self::String(value.clone()),
            Value::Array(values) => Self::Array(values.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Object(map.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
        }
    }
}

impl From<Tree> for Value {
    fn from(tree: Tree) -> Self {
        match tree {
            Tree::Null => Self::Null,
            Tree::Bool(value) => Self::Bool(value),
            Tree::Number(value) => Self::Number(value),
            Tree::String(value) => Self::String(value),
            Tree::Array(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            // They were read as JSON before.
            Tree::Bytes(text) => serde_json::from_str(&text).unwrap_or_default(),
            Tree::Object(properties) => Self::Object(
                properties.into_iter().map(|(key, value)| (key, value.into())).collect(),
            ),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        Number::from_f64(value).map(Tree::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element()? {
            array.push(element);
        }
        Ok(Tree::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut properties = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            properties.push(entry);
        }
        Ok(Tree::Object(properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_repetition_tell_trees_apart() {
        let tree = |text| serde_json::from_str::<Tree>(text).unwrap();
        assert_ne!(tree(r#"{"a":1,"b":2}"#), tree(r#"{"b":2,"a":1}"#));
        assert_ne!(tree(r#"{"a":1,"a":2}"#), tree(r#"{"a":2}"#));
        assert_ne!(tree("1"), tree("1.0"));
        assert_eq!(tree("[null,{}]"), tree(" [ null , { } ] "));
    }
}
