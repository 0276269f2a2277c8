//! Text with `${…}` in it, as MCPB manifests have it.
//!
//! | variable | stands for |
//! |---|---|
//! | `${__dirname}` | the folder that the artifact is unpacked in |
//! | `${HOME}`, `${DESKTOP}`, `${DOCUMENTS}`, `${DOWNLOADS}` | folders of the user |
//! | `${pathSeparator}`, `${/}` | `/`, or `\` on Windows |
//! | `${user_config.KEY}` | what the user entered for KEY |
//!
//! A template is parsed once, when the manifest is read, and another variable is
//! an error then. What a user enters is never parsed: `${HOME}` in it stays as it
//! is, so no value can name another.
//!
//! Source: MCPB 0.4, `MANIFEST.md`, "Variable Substitution".

use std::fmt;

/// A text with variables in it, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    Variable(Variable),
}

/// What stands between `${` and `}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Dirname,
    Folder(Folder),
    PathSeparator,
    UserConfig(String),
}

/// A folder of the user's that a template may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// `${HOME}`.
    Home,
    /// `${DESKTOP}`.
    Desktop,
    /// `${DOCUMENTS}`.
    Documents,
    /// `${DOWNLOADS}`.
    Downloads,
}

/// Why a text is not a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `${` without a `}`.
    #[error("`{}` has `${{` without `}}`", .0.escape_debug())]
    Unclosed(String),
    /// A variable that MCPB does not have.
    #[error("`${{{}}}` is not a variable of MCPB", .0.escape_debug())]
    Unknown(String),
}

impl Template {
    /// Parses `text`. A `$` without a brace after it is a plain character.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return Err(TemplateError::Unclosed(text.chars().take(80).collect()));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Variable(Variable::parse(name)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The file of the bundle at `path`, which is one by [`is_bundle_path`].
    ///
    /// [`is_bundle_path`]: crate::manifest::is_bundle_path
    pub(crate) fn file(path: &str) -> Self {
        let path = format!("/{path}");
        let text = format!("${{__dirname}}{path}");
        Self { text, parts: vec![Part::Variable(Variable::Dirname), Part::Text(path)] }
    }

    /// `${__dirname}`.
    pub(crate) fn bundle() -> Self {
        Self { text: "${__dirname}".to_owned(), parts: vec![Part::Variable(Variable::Dirname)] }
    }

    /// `text`, which has no variable in it.
    pub(crate) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), parts: vec![Part::Text(text.to_owned())] }
    }

    /// Whether there is no variable in it.
    pub(crate) fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The text as it stands in the manifest.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The keys of the user's configuration that it names.
    pub fn config_keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(Variable::UserConfig(key)) => Some(key.as_str()),
            _ => None,
        })
    }

    /// The key, if the whole template is one value of the user.
    pub(crate) fn sole_config_key(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Variable(Variable::UserConfig(key))] => Some(key),
            _ => None,
        }
    }

    /// The path below `${__dirname}` that the template names and nothing else,
    /// with `/` between its parts; empty for `${__dirname}` itself.
    ///
    /// `None` if it leads elsewhere, or if a value of the user decides where.
    pub(crate) fn path_in_bundle(&self) -> Option<String> {
        let [Part::Variable(Variable::Dirname), rest @ ..] = self.parts.as_slice() else {
            return None;
        };
        let mut path = String::new();
        for part in rest {
            match part {
                Part::Text(text) => path.push_str(&text.replace('\\', "/")),
                Part::Variable(Variable::PathSeparator) => path.push('/'),
                Part::Variable(_) => return None,
            }
        }
        if path.is_empty() {
            return Some(path);
        }
        let path = path.strip_prefix('/')?;
        crate::manifest::is_bundle_path(path).then(|| path.to_owned())
    }
}

impl Variable {
    fn parse(name: &str) -> Result<Self, TemplateError> {
        Ok(match name {
            "__dirname" => Self::Dirname,
            "HOME" => Self::Folder(Folder::Home),
            "DESKTOP" => Self::Folder(Folder::Desktop),
            "DOCUMENTS" => Self::Folder(Folder::Documents),
            "DOWNLOADS" => Self::Folder(Folder::Downloads),
            "/" | "pathSeparator" => Self::PathSeparator,
            _ => match name.strip_prefix("user_config.") {
                Some(key) if !key.is_empty() => Self::UserConfig(key.to_owned()),
                _ => return Err(TemplateError::Unknown(name.chars().take(80).collect())),
            },
        })
    }
}

impl Folder {
    /// The variable, without `${` and `}`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "HOME",
            Self::Desktop => "DESKTOP",
            Self::Documents => "DOCUMENTS",
            Self::Downloads => "DOWNLOADS",
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_variable_is_refused() {
        let unknown = |name: &str| Err(TemplateError::Unknown(name.to_owned()));
        for (text, expected) in [
            ("${workspaceFolder}", unknown("workspaceFolder")),
            ("${home}", unknown("home")),
            ("${}", unknown("")),
            ("${user_config.}", unknown("user_config.")),
            ("${user_config}", unknown("user_config")),
            ("${HOME:-x}", unknown("HOME:-x")),
            ("${${HOME}}", unknown("${HOME")),
            ("a${HOME", Err(TemplateError::Unclosed("a${HOME".to_owned()))),
        ] {
            assert_eq!(Template::parse(text), expected, "{text}");
        }
        for text in ["", "$", "$HOME", "{HOME}", "100$}", "$$", "%HOME%"] {
            let template = Template::parse(text).unwrap();
            assert!(template.parts.iter().all(|part| matches!(part, Part::Text(_))), "{text}");
        }
    }

    #[test]
    fn a_path_in_the_bundle_leads_nowhere_else() {
        for (text, path) in [
            ("${__dirname}", Some("")),
            ("${__dirname}/server/main.js", Some("server/main.js")),
            ("${__dirname}\\server\\main.exe", Some("server/main.exe")),
            ("${__dirname}${/}a${pathSeparator}b", Some("a/b")),
            ("${__dirname}/../x", None),
            ("${__dirname}/a/../../x", None),
            ("${__dirname}\\..\\x", None),
            ("${__dirname}x", None),
            ("${__dirname}//x", None),
            ("${__dirname}/${user_config.x}", None),
            ("${__dirname}/a:b", None),
            ("./${__dirname}/a", None),
            ("${HOME}/a", None),
            ("server/main.js", None),
        ] {
            let found = Template::parse(text).unwrap().path_in_bundle();
            assert_eq!(found.as_deref(), path, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_none_is_lost(text in "[${}/a-zA-Z_.\\\\]{0,40}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(template.as_str(), &text);
            }
        }
    }
}
