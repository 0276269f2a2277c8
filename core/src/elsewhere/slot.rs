//! Values that are filled in at launch: the contents of a header, a variable, an argument.

use std::collections::{BTreeMap, BTreeSet};

use super::{ElsewhereError, Settings};
use crate::manifest::{ConfigKey, ConfigType, ConfigValue, MissingKey};
use crate::server_json::{Input, InputFormat};

/// A text that is made at launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    parts: Vec<Part>,
    is_required: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Setting(String),
}

/// The settings that slots need, as they are collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) settings: Settings,
    choices: BTreeMap<String, BTreeSet<String>>,
}

impl Asked {
    /// A slot for `input`, whose own value, if the user gives it, is the setting `key`.
    /// Whatever a secret is a part of is one.
    pub(super) fn slot(&mut self, key: &str, input: &Input) -> Result<Slot, ElsewhereError> {
        let Some(template) = &input.value else {
            self.add(key, input, input.is_secret)?;
            let parts = vec![Part::Setting(key.to_owned())];
            return Ok(Slot { parts, is_required: input.is_required });
        };
        let mut parts = Vec::new();
        let mut rest = template.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let setting = |reason| ElsewhereError::Setting { key: key.to_owned(), reason };
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| setting("has an opening brace without a closing one"))?;
            let variable = input
                .variables
                .get(name)
                .ok_or_else(|| setting("names a variable that `variables` does not declare"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(self.variable(name, variable, input)?);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Slot { parts, is_required: input.is_required })
    }

    /// What stands for a variable: its fixed value, or a setting.
    fn variable(
        &mut self,
        name: &str,
        variable: &Input,
        around: &Input,
    ) -> Result<Part, ElsewhereError> {
        if let Some(fixed) = &variable.value {
            return Ok(Part::Text(fixed.clone()));
        }
        let is_required = variable.is_required || around.is_required;
        let variable = Input { is_required, ..variable.clone() };
        self.add(name, &variable, variable.is_secret || around.is_secret)?;
        Ok(Part::Setting(name.to_owned()))
    }

    /// Adds a setting. The same one may be asked for at several places, in the same words.
    pub(super) fn add(
        &mut self,
        key: &str,
        input: &Input,
        is_sensitive: bool,
    ) -> Result<(), ElsewhereError> {
        let refused = |reason| ElsewhereError::Setting { key: key.to_owned(), reason };
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if key.is_empty() || key.len() > 128 || !key.bytes().all(is_word) {
            return Err(refused("its name is not letters, digits, `.`, `_` and `-`"));
        }
        let kind = match input.format {
            InputFormat::String => ConfigType::String,
            InputFormat::Number => ConfigType::Number,
            InputFormat::Boolean => ConfigType::Boolean,
            InputFormat::Filepath => ConfigType::File,
        };
        let mut config = ConfigKey {
            kind,
            title: key.to_owned(),
            description: input.description.clone().unwrap_or_default(),
            is_required: input.is_required && input.default.is_none(),
            default: None,
            is_multiple: false,
            is_sensitive,
            min: None,
            max: None,
        };
        if let Some(default) = &input.default {
            let value = config.parse(default);
            config.default =
                Some(value.map_err(|_| refused("its default is not of its own format"))?);
        }
        let choices: BTreeSet<_> = input.choices.iter().cloned().collect();
        match self.settings.get(key) {
            None => (),
            Some(other) if *other == config && self.choices.get(key) == Some(&choices) => (),
            Some(_) => return Err(refused("it is asked for twice, in other words")),
        }
        self.settings.insert(key.to_owned(), config);
        self.choices.insert(key.to_owned(), choices);
        Ok(())
    }

    /// The text of each setting that has a value.
    pub(super) fn texts(
        &self,
        values: &BTreeMap<String, ConfigValue>,
    ) -> Result<BTreeMap<&str, String>, ElsewhereError> {
        let (mut texts, mut missing) = (BTreeMap::new(), Vec::new());
        for (key, config) in &self.settings {
            let value = values.get(key).or(config.default.as_ref());
            let Some(value) = value.filter(|value| !value.is_unset()) else {
                if config.is_required {
                    let (title, is_sensitive) = (config.title.clone(), config.is_sensitive);
                    missing.push(MissingKey { key: key.clone(), title, is_sensitive });
                }
                continue;
            };
            texts.insert(key.as_str(), self.text(key, config, value)?);
        }
        if missing.is_empty() { Ok(texts) } else { Err(ElsewhereError::Missing(missing)) }
    }

    /// The texts of those that have a value by now. Others may have none yet.
    pub(super) fn given(
        &self,
        values: &BTreeMap<String, ConfigValue>,
    ) -> Result<BTreeMap<&str, String>, ElsewhereError> {
        let given = self.settings.iter().filter_map(|(key, config)| {
            let value = values.get(key).filter(|value| !value.is_unset())?;
            Some(self.text(key, config, value).map(|text| (key.as_str(), text)))
        });
        given.collect()
    }

    fn text(
        &self,
        key: &str,
        config: &ConfigKey,
        value: &ConfigValue,
    ) -> Result<String, ElsewhereError> {
        let wrong = |source| ElsewhereError::Value { key: key.to_owned(), source };
        config.check(value).map_err(wrong)?;
        let text = match value {
            ConfigValue::Bool(flag) => flag.to_string(),
            ConfigValue::Number(number) => number.to_string(),
            ConfigValue::String(text) => text.clone(),
            ConfigValue::List(texts) => texts.concat(),
        };
        let misfit = |reason| ElsewhereError::Misfit { key: key.to_owned(), reason };
        if text.contains(char::is_control) {
            return Err(misfit("it has a control character"));
        }
        let choices = self.choices.get(key);
        if choices.is_some_and(|them| !them.is_empty() && !them.contains(&text)) {
            return Err(misfit("it is none of its choices"));
        }
        Ok(text)
    }
}

impl Slot {
    /// Its text, or `None` if a part of it has no value: a header or an option that says
    /// half of something means something else than none.
    pub(super) fn fill(
        &self,
        key: &str,
        texts: &BTreeMap<&str, String>,
    ) -> Result<Option<String>, ElsewhereError> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Setting(setting) => match texts.get(setting.as_str()) {
                    Some(text) => filled.push_str(text),
                    None if self.is_required => {
                        let reason = "a part of it has no value";
                        return Err(ElsewhereError::Misfit { key: key.to_owned(), reason });
                    }
                    None => return Ok(None),
                },
            }
        }
        Ok(Some(filled))
    }
}
