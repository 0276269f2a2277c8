//! The command line of a launch.

use std::collections::BTreeMap;
use std::fmt;

use super::command::{self, Program};
use super::{ConfigKey, ConfigValue, LaunchError, Manifest, MissingKey};
use crate::System;
use crate::template::{Folder, Part, Template, Variable};

/// What a launch depends on besides the manifest.
#[derive(Clone, Copy)]
pub struct LaunchContext<'a> {
    /// The folder that the artifact is unpacked in, absolute.
    pub dirname: &'a str,
    /// The user's home folder.
    pub home: Option<&'a str>,
    /// The user's desktop.
    pub desktop: Option<&'a str>,
    /// The user's documents.
    pub documents: Option<&'a str>,
    /// The user's downloads.
    pub downloads: Option<&'a str>,
    /// The operating system, which also says how paths are separated.
    pub system: System,
    /// What the user gave for the keys of `user_config`, secrets among it.
    pub config: &'a BTreeMap<String, ConfigValue>,
}

/// A command line to execute as it is, without a shell.
///
/// It may hold secrets. `Debug` shows neither the environment nor an argument
/// that was made from a secret, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Launch {
    /// The program: a runtime to look up, or the absolute path of a file.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Environment variables to set, and no others from the manifest.
    pub env: BTreeMap<String, String>,
    // Which of `args` were made from a secret. Invariant: as long as `args`.
    is_sensitive: Vec<bool>,
}

impl Manifest {
    /// Resolves the command line of the server on one machine, for one user.
    ///
    /// An argument that is one variable with several values becomes several
    /// arguments. An argument or environment variable that mentions an optional
    /// value that nobody gave drops out whole: `--config=` without a file means
    /// something else than no `--config`. A value that the user gives is put in
    /// as it is and never looked into.
    ///
    /// Type `uv` gets `UV_OFFLINE=1`, so that uv cannot fetch libraries.
    ///
    /// # Errors
    ///
    /// See [`LaunchError`]: the manifest's fault is `E_MANIFEST`, a missing or
    /// wrong value `E_CONFIG`.
    pub fn launch(&self, context: &LaunchContext<'_>) -> Result<Launch, LaunchError> {
        let line = self.command_line(context.system);
        let program = command::program(&line)?;
        let values = self.values(context)?;

        let command = match program {
            Program::Runtime(name) => name,
            Program::File(path) => {
                let separator = separator(context.system);
                let path = path.replace('/', separator);
                format!("{}{separator}{path}", context.dirname.trim_end_matches(['/', '\\']))
            }
        };
        let mut launch =
            Launch { command, args: Vec::new(), env: BTreeMap::new(), is_sensitive: Vec::new() };
        for template in &line.args {
            let is_sensitive = self.is_sensitive(template);
            let several = match template.sole_config_key().and_then(|key| values.get(key)) {
                Some(Resolved::Several(texts)) => texts.clone(),
                _ => expand(template, context, &values)?.into_iter().collect(),
            };
            launch.is_sensitive.resize(launch.args.len() + several.len(), is_sensitive);
            launch.args.extend(several);
        }
        for (name, template) in &line.env {
            if let Some(value) = expand(template, context, &values)? {
                launch.env.insert(name.clone(), value);
            }
        }
        if command::is_uv(&launch.command) {
            launch.env.insert("UV_OFFLINE".to_owned(), "1".to_owned());
        }
        Ok(launch)
    }

    /// Whether a secret that the user gives becomes an argument of the server, which
    /// other programs can read.
    pub fn has_sensitive_args(&self, system: System) -> bool {
        let args = self.command_line(system).args;
        args.iter().any(|template| self.is_sensitive(template))
    }

    fn is_sensitive(&self, template: &Template) -> bool {
        template
            .config_keys()
            .any(|key| self.user_config.get(key).is_none_or(|key| key.is_sensitive))
    }

    /// The value of every key that has one: the user's, or the default.
    fn values<'a>(
        &'a self,
        context: &LaunchContext<'_>,
    ) -> Result<BTreeMap<&'a str, Resolved>, LaunchError> {
        let mut values = BTreeMap::new();
        let mut missing = Vec::new();
        for (key, config) in &self.user_config {
            match value(key, config, context)? {
                Some(value) => _ = values.insert(key.as_str(), value),
                None if config.is_required => missing.push(MissingKey {
                    key: key.clone(),
                    title: config.title.clone(),
                    is_sensitive: config.is_sensitive,
                }),
                None => (),
            }
        }
        if missing.is_empty() { Ok(values) } else { Err(LaunchError::Missing(missing)) }
    }
}

impl Launch {
    /// The arguments that were made from a secret, by index. Other programs of
    /// the same user can read them, which a launcher may want to refuse.
    pub fn sensitive_args(&self) -> impl Iterator<Item = usize> {
        self.is_sensitive
            .iter()
            .enumerate()
            .filter(|(_, is_sensitive)| **is_sensitive)
            .map(|(i, _)| i)
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<_> = self
            .args
            .iter()
            .zip(&self.is_sensitive)
            .map(|(arg, is_sensitive)| if *is_sensitive { "…" } else { arg })
            .collect();
        f.debug_struct("Launch")
            .field("command", &self.command)
            .field("args", &args)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A value as text. It may be a secret, so it has no `Debug`.
enum Resolved {
    One(String),
    Several(Vec<String>),
}

/// What the user gave for `key`, or its default; `None` if that is nothing.
fn value(
    key: &str,
    config: &ConfigKey,
    context: &LaunchContext<'_>,
) -> Result<Option<Resolved>, LaunchError> {
    let (value, is_default) = match (context.config.get(key), &config.default) {
        // An empty value from the user is an answer: without the default.
        (Some(value), _) => (value, false),
        (None, Some(default)) => (default, true),
        (None, None) => return Ok(None),
    };
    if value.is_unset() {
        return Ok(None);
    }
    config.check(value).map_err(|source| LaunchError::Value { key: key.to_owned(), source })?;
    let text = |text: &String| {
        if !is_default {
            return Ok(text.clone());
        }
        let template = Template::parse(text)
            .map_err(|source| LaunchError::Default { key: key.to_owned(), source })?;
        // A default names no key, so none can be unset and nothing drops out.
        expand(&template, context, &BTreeMap::new()).map(Option::unwrap_or_default)
    };
    Ok(Some(match value {
        ConfigValue::Bool(flag) => Resolved::One(flag.to_string()),
        ConfigValue::Number(number) => Resolved::One(number.to_string()),
        ConfigValue::String(value) => Resolved::One(text(value)?),
        ConfigValue::List(values) => {
            let values = values.iter().filter(|value| !value.is_empty());
            Resolved::Several(values.map(text).collect::<Result<_, _>>()?)
        }
    }))
}

/// The text of `template`, or `None` if it mentions a key without a value.
fn expand(
    template: &Template,
    context: &LaunchContext<'_>,
    values: &BTreeMap<&str, Resolved>,
) -> Result<Option<String>, LaunchError> {
    let mut text = String::new();
    for part in template.parts() {
        match part {
            Part::Text(literal) => text.push_str(literal),
            Part::Variable(Variable::Dirname) => text.push_str(context.dirname),
            Part::Variable(Variable::PathSeparator) => text.push_str(separator(context.system)),
            Part::Variable(Variable::Folder(folder)) => {
                let path = match folder {
                    Folder::Home => context.home,
                    Folder::Desktop => context.desktop,
                    Folder::Documents => context.documents,
                    Folder::Downloads => context.downloads,
                };
                text.push_str(path.ok_or(LaunchError::NoFolder(*folder))?);
            }
            Part::Variable(Variable::UserConfig(key)) => match values.get(key.as_str()) {
                None => return Ok(None),
                Some(Resolved::One(value)) => text.push_str(value),
                Some(Resolved::Several(values)) => match values.as_slice() {
                    [value] => text.push_str(value),
                    _ => return Err(LaunchError::Several(key.clone())),
                },
            },
        }
    }
    Ok(Some(text))
}

const fn separator(system: System) -> &'static str {
    match system {
        System::Windows => "\\",
        System::Darwin | System::Linux => "/",
    }
}
