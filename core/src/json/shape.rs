//! A [`Value`] to a type, by the letter.

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// Reads `value` as a `T`, as [`serde_json::from_value`] does but without two
/// of its liberties.
///
/// A struct is an object: serde also takes an array of its fields in order, so
/// `["https://…", "github"]` would be a repository here and nonsense to every
/// other reader. And `null` is not the same as an absent key.
///
/// # Errors
///
/// Says which key, type or value is not as `T` has it.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    T::deserialize(Strict(value))
}

#[derive(Clone, Copy)]
struct Strict<'a>(&'a Value);

impl Strict<'_> {
    fn unexpected(self) -> Unexpected<'static> {
        match self.0 {
            Value::Null => Unexpected::Other("null"),
            Value::Bool(_) => Unexpected::Other("a boolean"),
            Value::Number(_) => Unexpected::Other("a number"),
            Value::String(_) => Unexpected::Other("a string"),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Strict<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Strict<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(value) => value.deserialize_any(visitor),
            Value::String(value) => visitor.visit_borrowed_str(value),
            Value::Array(elements) => {
                let mut elements = SeqDeserializer::new(elements.iter().map(Strict));
                let value = visitor.visit_seq(&mut elements)?;
                elements.end().map(|()| value)
            }
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.as_str(), Strict(value)));
                let mut entries = MapDeserializer::new(entries);
                let value = visitor.visit_map(&mut entries)?;
                entries.end().map(|()| value)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() {
            return Err(Error::invalid_type(self.unexpected(), &"a value, or no key at all"));
        }
        visitor.visit_some(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if !self.0.is_object() {
            return Err(Error::invalid_type(self.unexpected(), &"an object"));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Point {
        x: u8,
        y: Option<f64>,
        #[serde(default)]
        kind: Kind,
        #[serde(default)]
        near: Vec<Self>,
        #[serde(default)]
        extra: Value,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        #[default]
        Round,
        Square,
    }

    #[test]
    fn reads_what_serde_reads() {
        for value in [
            json!({ "x": 1 }),
            json!({ "x": 1, "y": 2.5, "kind": "square", "near": [{ "x": 2 }] }),
            json!({ "x": 1, "extra": { "a": [null, 1, "b"] } }),
        ] {
            let ours: Point = from_value(&value).unwrap();
            assert_eq!(ours, serde_json::from_value(value).unwrap());
        }
    }

    #[test]
    fn takes_no_liberties() {
        for (value, message) in [
            (json!([1]), "invalid type: sequence, expected an object"),
            (json!("x"), "invalid type: a string, expected an object"),
            (json!({ "x": 1, "near": [[2]] }), "invalid type: sequence, expected an object"),
            (
                json!({ "x": 1, "y": null }),
                "invalid type: null, expected a value, or no key at all",
            ),
            (
                json!({ "x": 1, "z": 1 }),
                "unknown field `z`, expected one of `x`, `y`, `kind`, `near`, `extra`",
            ),
            (json!({ "x": 256 }), "invalid value: integer `256`, expected u8"),
            (json!({}), "missing field `x`"),
            (
                json!({ "x": 1, "kind": "flat" }),
                "unknown variant `flat`, expected `round` or `square`",
            ),
        ] {
            let err = from_value::<Point>(&value).unwrap_err();
            assert_eq!(err.to_string(), message);
        }
    }
}
