//! Reading policies, and refusing those that could mean something else than they seem.
//!
//! A policy has to parse, to fit the schema in Cedar's strict mode, and to be one that
//! can ever apply: a `forbid` with a misspelt attribute, type or role would otherwise
//! forbid nothing, in silence. Names are lower case in the schema, so a literal that is
//! not would never match.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    Effect, EntityUid, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator,
};
use mcpkg_core::{Code, Coded, Digest};
use miette::Diagnostic;

use super::PolicyNote;
use crate::config::{PolicyDefaults, PolicyFile};

/// What can be said.
const SCHEMA: &str = include_str!("../../../schemas/registry.cedarschema");

/// What is said unless the configuration says not to.
const DEFAULTS: &[(&str, &str)] = &[("roles.cedar", include_str!("defaults/roles.cedar"))];

/// The annotation of a `forbid` from which people may except a release.
pub(crate) const APPROVAL: &str = "approval";

/// The longest file of policies, in bytes. A large company's have some hundred lines.
const MAX_BYTES: u64 = 1024 * 1024;

/// Every file of policies, as it was read: its name and its text.
pub(super) type Texts = Vec<(String, String)>;

/// Policies that are in force together.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    schema: Arc<Schema>,
    set: PolicySet,
    notes: Vec<PolicyNote>,
    texts: Texts,
}

/// Why policies cannot be used. Those that were in force stay.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file cannot be read.
    #[error("could not read the policies `{}`", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is longer than policies are.
    #[error("the policies `{}` are longer than {MAX_BYTES} bytes", .0.display())]
    TooLong(PathBuf),
    /// A policy says nothing that we understand.
    #[error("`{file}`, line {line}: {reason}")]
    Invalid {
        /// In which file.
        file: String,
        /// Where in it, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// Two policies have one name, so that nobody could tell which one decided.
    #[error("`{file}`, line {line}: there is another policy with the id `{id}`")]
    Twice {
        /// The file of the second.
        file: String,
        /// Where in it, from 1.
        line: usize,
        /// The name.
        id: String,
    },
    /// The schema in this program is none.
    #[error("the schema of policies is broken")]
    Schema(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Policies {
    /// Reads what `source` names, after the defaults.
    pub(crate) fn read(source: &PolicyFile) -> Result<Self, PolicyError> {
        Self::parse(texts(source)?)
    }

    /// Makes policies of `texts`, all of them or none.
    pub(super) fn parse(texts: Texts) -> Result<Self, PolicyError> {
        let schema = schema()?;
        let (mut set, mut notes) = (PolicySet::new(), Vec::new());
        for (file, text) in &texts {
            for (policy, note) in parse_file(&schema, file, text)? {
                let twice = || PolicyError::Twice {
                    file: file.clone(),
                    line: line_of(text, &format!("@id(\"{}\")", note.id)),
                    id: note.id.clone(),
                };
                set.add(policy).map_err(|_| twice())?;
                notes.push(note);
            }
        }
        Ok(Self { schema, set, notes, texts })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn set(&self) -> &PolicySet {
        &self.set
    }

    pub(super) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// Every policy, in the order of their files.
    pub(crate) fn notes(&self) -> &[PolicyNote] {
        &self.notes
    }

    /// A digest of all of them, and of what they may speak of.
    pub(crate) fn digest(&self) -> Digest {
        let texts = self.texts.iter().map(|(file, text)| format!("{file}\n{}\n{text}", text.len()));
        let all: String = texts.chain([SCHEMA.to_owned()]).collect();
        Digest::of(all.as_bytes())
    }

    /// Whether any of them speaks of an attribute by this name.
    pub(crate) fn mentions(&self, attribute: &str) -> bool {
        self.texts.iter().any(|(_, text)| text.contains(attribute))
    }

    /// The same without some of them.
    #[must_use]
    pub(crate) fn without(&self, ids: &[String]) -> Self {
        let mut less = self.clone();
        for id in ids {
            // One that is not there is as good as removed.
            drop(less.set.remove_static(PolicyId::new(id)));
        }
        less
    }

    pub(super) fn note(&self, id: &PolicyId) -> Option<PolicyNote> {
        let id: &str = id.as_ref();
        self.notes.iter().find(|note| note.id == id).cloned()
    }
}

/// Reads the files, as they are now.
pub(super) fn texts(source: &PolicyFile) -> Result<Texts, PolicyError> {
    let mut texts: Texts = match source.defaults {
        PolicyDefaults::Roles => {
            DEFAULTS.iter().map(|&(file, text)| (file.to_owned(), text.to_owned())).collect()
        }
        PolicyDefaults::None => Vec::new(),
    };
    for path in &source.files {
        texts.push((path.display().to_string(), read(path)?));
    }
    Ok(texts)
}

fn read(path: &Path) -> Result<String, PolicyError> {
    let failed = |source| PolicyError::Read { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(PolicyError::TooLong(path.to_owned()));
    }
    fs::read_to_string(path).map_err(failed)
}

fn schema() -> Result<Arc<Schema>, PolicyError> {
    static PARSED: OnceLock<Arc<Schema>> = OnceLock::new();
    if let Some(schema) = PARSED.get() {
        return Ok(Arc::clone(schema));
    }
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
        .map_err(|error| PolicyError::Schema(Box::new(error)))?;
    Ok(Arc::clone(PARSED.get_or_init(|| Arc::new(schema))))
}

/// The policies of one file, in its order, with the names that they have here.
fn parse_file(
    schema: &Schema,
    file: &str,
    text: &str,
) -> Result<Vec<(Policy, PolicyNote)>, PolicyError> {
    let at = |line, reason| PolicyError::Invalid { file: file.to_owned(), line, reason };
    let set = PolicySet::from_str(text).map_err(|errors| {
        let (line, reason) = describe(text, errors.iter().next().map_or(&errors, |first| first));
        at(line, reason)
    })?;
    if let Some(template) = set.templates().next() {
        return Err(at(
            line_of(text, "?"),
            format!("`{}` is a template, which nothing fills in", template.id()),
        ));
    }
    let validator = Validator::new(schema.clone());
    let result = validator.validate(&set, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        let (line, reason) = describe(text, error);
        return Err(at(line, reason));
    }
    if let Some(warning) = result.validation_warnings().next() {
        let (line, reason) = describe(text, warning);
        return Err(at(line, reason));
    }
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| place_in_file(policy.id()));
    policies.into_iter().map(|policy| named(file, text, policy)).collect()
}

fn named(file: &str, text: &str, policy: &Policy) -> Result<(Policy, PolicyNote), PolicyError> {
    if let Some(literal) = policy.entity_literals().iter().find(|literal| is_never(literal)) {
        let reason =
            format!("`{literal}` is not in lower case, as all names are here, so it is never met");
        let line = line_of(text, &literal.to_string());
        return Err(PolicyError::Invalid { file: file.to_owned(), line, reason });
    }
    let annotations: std::collections::BTreeMap<String, String> =
        policy.annotations().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    if let Some(word) = annotations.get(APPROVAL)
        && (policy.effect() == Effect::Permit || !["one", "two"].contains(&word.as_str()))
    {
        let reason = "`@approval` is of a forbid, and \"one\" or \"two\"".to_owned();
        let line = line_of(text, &format!("@{APPROVAL}"));
        return Err(PolicyError::Invalid { file: file.to_owned(), line, reason });
    }
    let id = annotations.get("id").filter(|id| !id.is_empty()).cloned();
    let id = id.unwrap_or_else(|| format!("{file}#{}", place_in_file(policy.id()) + 1));
    let policy = policy.new_id(PolicyId::new(&id));
    Ok((policy, PolicyNote { id, file: file.to_owned(), annotations }))
}

/// Cedar names the policies of a text `policy0`, `policy1` and so on.
fn place_in_file(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy").and_then(|place| place.parse().ok()).unwrap_or(usize::MAX - 1)
}

/// Whether a literal is one that no package, namespace or release has.
fn is_never(literal: &EntityUid) -> bool {
    let (kind, id) = (literal.type_name().to_string(), literal.id().unescaped());
    match kind.as_str() {
        "Namespace" | "Package" => id.bytes().any(|byte| byte.is_ascii_uppercase()),
        // A version may have upper case in it.
        "Release" => {
            let name = id.split('@').next().unwrap_or_default();
            name.bytes().any(|byte| byte.is_ascii_uppercase())
        }
        _ => false,
    }
}

/// Where in `text` an error is, from 1, and what is wrong in one line.
fn describe(text: &str, error: &dyn Diagnostic) -> (usize, String) {
    let label = error.labels().and_then(|mut labels| labels.next());
    let offset = label.as_ref().map_or(0, miette::LabeledSpan::offset);
    let mut reason = error.to_string();
    if let Some(help) = error.help() {
        reason = format!("{reason} ({help})");
    }
    (line_at(text, offset), reason)
}

fn line_of(text: &str, what: &str) -> usize {
    line_at(text, text.rfind(what).unwrap_or_default())
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

impl Coded for PolicyError {
    fn code(&self) -> Code {
        match self {
            Self::Schema(_) => Code::Internal,
            _ => Code::Policy,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { .. } => Some("check `files` under `[policy]` in the configuration"),
            Self::Invalid { .. } => {
                Some("`schemas/registry.cedarschema` says what a policy may speak of")
            }
            Self::Twice { .. } => Some("give each policy an `@id` of its own"),
            Self::TooLong(_) | Self::Schema(_) => None,
        }
    }
}
