//! Reads keys that may be absent, misspelled or of another type.

use serde_json::{Map, Value};

use super::{Edition, Oddity};

/// Collects what is off while a document is read.
pub(super) struct Reader {
    edition: Option<Edition>,
    oddities: Vec<Oddity>,
}

/// An object of the document, and where it is.
#[derive(Clone)]
pub(super) struct Place<'a> {
    object: &'a Map<String, Value>,
    at: String,
}

impl<'a> Place<'a> {
    pub(super) fn root(object: &'a Map<String, Value>) -> Self {
        Self { object, at: String::new() }
    }

    /// The JSON pointer of `key`.
    pub(super) fn at(&self, key: &str) -> String {
        format!("{}/{}", self.at, key.replace('~', "~0").replace('/', "~1"))
    }

    fn has(&self, key: &str) -> bool {
        self.object.contains_key(key) || self.object.contains_key(&snake_case(key))
    }

    /// The keys of the object that hold objects, for a map of values by name.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&'a String, Self)> {
        self.object.iter().filter_map(|(key, value)| {
            Some((key, Self { object: value.as_object()?, at: self.at(key) }))
        })
    }
}

impl Reader {
    pub(super) fn new(edition: Option<Edition>) -> Self {
        Self { edition, oddities: Vec::new() }
    }

    pub(super) fn edition(&self) -> Option<Edition> {
        self.edition
    }

    pub(super) fn note(&mut self, oddity: Oddity) {
        self.oddities.push(oddity);
    }

    pub(super) fn finish(self) -> Vec<Oddity> {
        self.oddities
    }

    /// Where `key`, which is in `camelCase`, stands and what its value is, also
    /// if it is spelled as in another edition.
    fn value<'a>(&mut self, place: &Place<'a>, key: &str) -> Option<(String, &'a Value)> {
        let snake = snake_case(key);
        let (expected, other) = match self.edition {
            Some(Edition::July9) => (snake.as_str(), key),
            _ => (key, snake.as_str()),
        };
        if let Some(value) = place.object.get(expected) {
            return Some((place.at(expected), value));
        }
        let value = place.object.get(other)?;
        let at = place.at(other);
        self.note(Oddity::Spelling { at: at.clone(), expected: expected.to_owned() });
        Some((at, value))
    }

    /// A text, which may be empty.
    pub(super) fn text(&mut self, place: &Place<'_>, key: &str) -> Option<String> {
        match self.value(place, key)? {
            (_, Value::String(text)) => Some(text.clone()),
            (at, _) => self.wrong_type(at, "a string"),
        }
    }

    /// A text that is absent if it is empty.
    pub(super) fn meaningful_text(&mut self, place: &Place<'_>, key: &str) -> Option<String> {
        match self.value(place, key)? {
            (at, Value::String(text)) if text.is_empty() => {
                self.note(Oddity::Empty { at });
                None
            }
            (_, Value::String(text)) => Some(text.clone()),
            (at, _) => self.wrong_type(at, "a string"),
        }
    }

    /// A text that the schema requires.
    pub(super) fn required_text(&mut self, place: &Place<'_>, key: &str) -> Option<String> {
        if !place.has(key) {
            self.note(Oddity::Missing { at: place.at(key) });
            return None;
        }
        self.meaningful_text(place, key)
    }

    /// A text that people will see.
    pub(super) fn shown(&mut self, at: &str, text: &str, max: usize) {
        let found = text.chars().count();
        if found > max {
            self.note(Oddity::TooLong { at: at.to_owned(), found, max });
        }
        if let Some(character) = crate::text::first_hidden(text) {
            self.note(Oddity::Hidden { at: at.to_owned(), character });
        }
    }

    /// A boolean, `false` if absent; `"true"` has a clear meaning too.
    pub(super) fn flag(&mut self, place: &Place<'_>, key: &str) -> bool {
        match self.value(place, key) {
            None => false,
            Some((_, Value::Bool(flag))) => *flag,
            Some((at, value)) => {
                self.note(Oddity::WrongType { at, expected: "a boolean" });
                value.as_str() == Some("true")
            }
        }
    }

    /// An object.
    pub(super) fn object<'a>(&mut self, place: &Place<'a>, key: &str) -> Option<Place<'a>> {
        match self.value(place, key)? {
            (at, Value::Object(object)) => Some(Place { object, at }),
            (at, _) => self.wrong_type(at, "an object"),
        }
    }

    /// An object that the schema requires.
    pub(super) fn required_object<'a>(
        &mut self,
        place: &Place<'a>,
        key: &str,
    ) -> Option<Place<'a>> {
        if !place.has(key) {
            self.note(Oddity::Missing { at: place.at(key) });
        }
        self.object(place, key)
    }

    /// The objects of an array, which is empty if absent.
    pub(super) fn objects<'a>(&mut self, place: &Place<'a>, key: &str) -> Vec<Place<'a>> {
        self.array(place, key)
            .into_iter()
            .filter_map(|(at, element)| match element {
                Value::Object(object) => Some(Place { object, at }),
                _ => self.wrong_type(at, "an object"),
            })
            .collect()
    }

    /// The texts of an array, which is empty if absent.
    pub(super) fn texts(&mut self, place: &Place<'_>, key: &str) -> Vec<String> {
        self.array(place, key)
            .into_iter()
            .filter_map(|(at, element)| match element {
                Value::String(text) => Some(text.clone()),
                _ => self.wrong_type(at, "a string"),
            })
            .collect()
    }

    fn array<'a>(&mut self, place: &Place<'a>, key: &str) -> Vec<(String, &'a Value)> {
        match self.value(place, key) {
            None => Vec::new(),
            Some((at, Value::Array(elements))) => {
                let numbered = elements.iter().enumerate();
                numbered.map(|(index, element)| (format!("{at}/{index}"), element)).collect()
            }
            Some((at, _)) => {
                self.note(Oddity::WrongType { at, expected: "an array" });
                Vec::new()
            }
        }
    }

    fn wrong_type<T>(&mut self, at: String, expected: &'static str) -> Option<T> {
        self.note(Oddity::WrongType { at, expected });
        None
    }
}

fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}
