//! Which texts of an entry look like secrets.
//!
//! The first signal is what a text is: tokens of many services start with letters of
//! their own. The second is what it is called, `API_KEY` or `Authorization`. The third is
//! that no person would write it: long, without words, of letters and digits. A
//! reference such as `${TOKEN}` is somebody's careful work, and is left alone.

use std::fmt;

use mcpkg_core::lock::SecretReference;
use serde_json::Value;
use zeroize::Zeroizing;

/// How tokens of well-known services start, and how long they are at least.
///
/// Source: the services' own documentation, and GitHub's list of "supported secret
/// scanning patterns".
const PREFIXES: [(&str, usize); 26] = [
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("sk-", 20),
    ("sk_live_", 20),
    ("sk_test_", 20),
    ("rk_live_", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("xoxa-", 20),
    ("xapp-", 20),
    ("AKIA", 20),
    ("ASIA", 20),
    ("AIza", 30),
    ("ya29.", 20),
    ("npm_", 30),
    ("pypi-", 20),
    ("hf_", 20),
    ("dop_v1_", 20),
    ("lin_api_", 20),
    ("ntn_", 20),
    ("tvly-", 20),
];

/// Words in the name of what is a secret, without punctuation and case.
const NAMES: [&str; 13] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "APIKEY",
    "ACCESSKEY",
    "PRIVATEKEY",
    "AUTHKEY",
    "CREDENTIAL",
    "AUTHORIZATION",
    "COOKIE",
    "CONNECTIONSTRING",
];

/// Texts that stand where a secret will be.
const PLACEHOLDERS: [&str; 9] =
    ["YOUR", "CHANGEME", "EXAMPLE", "PLACEHOLDER", "XXXX", "REPLACE", "INSERT", "TODO", "DUMMY"];

/// Where in an entry a text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// A variable of the server's environment.
    Environment(String),
    /// A header that the agent sends to a remote server.
    Header(String),
    /// An argument of the server.
    Argument(usize),
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "variable `{name}`"),
            Self::Header(name) => write!(f, "header `{name}`"),
            Self::Argument(index) => write!(f, "argument {}", index + 1),
        }
    }
}

/// A text that looks like a secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands.
    pub site: Site,
    /// The JSON pointer to the text that it is in.
    pub pointer: String,
    /// What of the text is no secret, before it: `Bearer `, or `--token=`.
    pub before: String,
    /// The secret.
    pub text: Zeroizing<String>,
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Literal({} = {})", self.site, self.masked())
    }
}

impl Literal {
    /// The secret as it may be shown: whose it is, and nothing that is its owner's.
    pub fn masked(&self) -> String {
        let prefix =
            PREFIXES.iter().map(|(prefix, _)| *prefix).rfind(|it| self.text.starts_with(it));
        format!("{}…", prefix.unwrap_or_default())
    }
}

/// The names that agents have for the environment of a server.
pub(super) const ENVIRONMENT: [&str; 3] = ["env", "environment", "envs"];
/// The names that agents have for the command of a server.
pub(super) const COMMAND: [&str; 2] = ["command", "cmd"];
const HEADERS: [&str; 2] = ["headers", "http_headers"];

/// What looks like a secret in an entry.
pub fn literals(entry: &Value) -> Vec<Literal> {
    let mut found = Vec::new();
    let texts = |field: &'static str| {
        let object = entry.get(field).and_then(Value::as_object);
        object.into_iter().flatten().filter_map(move |(name, value)| {
            Some((format!("/{field}/{}", escape(name)), name, value.as_str()?))
        })
    };
    for (pointer, name, text) in ENVIRONMENT.into_iter().flat_map(texts) {
        if is_secret(text) || (is_secret_name(name) && may_be_secret(text)) || is_random(text) {
            let site = Site::Environment(name.clone());
            found.push(literal(site, pointer, "", text));
        }
    }
    for (pointer, name, text) in HEADERS.into_iter().flat_map(texts) {
        let (scheme, _) = text.split_once(' ').unwrap_or(("", text));
        let is_scheme =
            ["bearer", "basic", "token"].iter().any(|it| it.eq_ignore_ascii_case(scheme));
        let (before, rest) = if is_scheme { text.split_at(scheme.len() + 1) } else { ("", text) };
        let named = is_scheme || is_secret_name(name);
        if is_secret(rest) || (named && may_be_secret(rest)) || is_random(rest) {
            found.push(literal(Site::Header(name.clone()), pointer, before, rest));
        }
    }
    found.extend(arguments(entry));
    found
}

fn arguments(entry: &Value) -> Vec<Literal> {
    let mut found = Vec::new();
    for field in ["args", "command", "cmd"] {
        let Some(words) = entry.get(field).and_then(Value::as_array) else { continue };
        let mut is_named = false;
        for (index, word) in words.iter().enumerate() {
            let text = word.as_str().unwrap_or_default();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) if name.starts_with('-') => (name, value),
                _ => ("", text),
            };
            let named = is_named || is_secret_name(name);
            is_named = text.starts_with('-') && !text.contains('=') && is_secret_name(text);
            if text == "--" || (text.starts_with('-') && name.is_empty()) {
                continue;
            }
            if is_secret(value) || (named && may_be_secret(value)) {
                let before = &text[..text.len() - value.len()];
                let pointer = format!("/{field}/{index}");
                found.push(literal(Site::Argument(index), pointer, before, value));
            }
        }
    }
    found
}

fn literal(site: Site, pointer: String, before: &str, text: &str) -> Literal {
    Literal { site, pointer, before: before.to_owned(), text: Zeroizing::new(text.to_owned()) }
}

/// A name as a part of a JSON pointer (RFC 6901).
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Whether a text is a secret by itself: a token of a known service, or an address
/// with a password in it.
fn is_secret(text: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_known =
        PREFIXES.iter().any(|(prefix, length)| text.starts_with(prefix) && text.len() >= *length)
            && text.chars().all(is_token)
            && text.contains(|c: char| c.is_ascii_digit());
    let has_password = || {
        let url = url::Url::parse(text).ok()?;
        let password = url.password().filter(|password| may_be_secret(password))?;
        Some(!password.is_empty())
    };
    (is_known && !is_placeholder(text)) || has_password() == Some(true)
}

/// Whether a name is that of a secret: `GITHUB_TOKEN`, `X-Api-Key`, `--password`.
fn is_secret_name(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_uppercase();
    // How many tokens, which file, or where they are from.
    let is_other = ["FILE", "PATH", "DIR", "URL", "URI", "NAME", "TOKENS", "LIMIT", "ID", "TYPE"];
    NAMES.iter().any(|word| plain.contains(word)) && !is_other.iter().any(|it| plain.ends_with(it))
}

/// Whether a text that is called a secret may be one.
fn may_be_secret(text: &str) -> bool {
    let is_path = text.starts_with(['/', '~', '.']) || text.contains(":\\");
    text.len() >= 8 && !is_reference(text) && !is_path && !is_placeholder(text)
}

fn is_placeholder(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    text.starts_with('<') || PLACEHOLDERS.iter().any(|word| upper.contains(word))
}

/// Whether a text refers to a secret, in the words of an agent or in ours.
fn is_reference(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('$')
        || (text.starts_with('%') && text.ends_with('%'))
        || text.contains("${")
        || text.contains("{env:")
        || text.contains("{file:")
        || text.parse::<SecretReference>().is_ok()
}

/// Whether no person would write this: at least 20 letters and digits in a row, mixed,
/// in a text of more than 3.5 bits a character (English has about 2.5 in such short
/// texts, random hex 3.6). Names of models and versions have such a mix, but between
/// hyphens.
fn is_random(text: &str) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '=');
    let is_mixed = |run: &str| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        run.len() >= 20 && digits >= 3 && run.len() - digits >= 3
    };
    text.chars().all(is_token)
        && text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_mixed)
        && !is_placeholder(text)
        && !is_uuid(text)
        && entropy_bits(text) > 3.5
}

/// An identifier of 36 characters, which by itself opens nothing.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Shannon's entropy of the characters of a text, in bits a character.
#[expect(clippy::cast_precision_loss, reason = "a text has fewer than 2^52 characters")]
fn entropy_bits(text: &str) -> f64 {
    let mut counts = [0_usize; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len() as f64;
    let bits = |count: &usize| {
        let share = *count as f64 / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests;
