//! An entry without its secrets, and that entry with them again. Pure.

use mcpkg_core::lock::SecretReference;
use mcpkg_core::secret::StoreName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::detect::{COMMAND, ENVIRONMENT};
use super::{Literal, Replaced, Site};
use crate::secrets::Secret;

/// An entry without secrets.
#[derive(Debug)]
pub struct Rewritten {
    /// What to write.
    pub entry: Value,
    /// What was done.
    pub edits: Edits,
    /// Which of the literals had to stay, by their index.
    pub stays: Vec<usize>,
}

/// What was done to an entry. It names secrets and holds none.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// The words that were put before the command.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapper: Vec<String>,
    /// Whether there was no list of arguments before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_arguments: bool,
    /// The variables that were taken out, and the secrets that they held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<(String, StoreName)>,
    /// All variables that there were, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// The texts that were changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<TextEdit>,
    /// What was there, where the entry as a whole gave way to one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced: Option<Replaced>,
}

/// A text of an entry in which a secret gave way to a reference.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TextEdit {
    /// The JSON pointer to it.
    pub pointer: String,
    /// What stands before the secret.
    pub before: String,
    /// What the agent replaces by the variable.
    pub reference: String,
    /// The variable that the agent is to be started with.
    pub variable: String,
    /// The secret.
    pub name: StoreName,
}

impl Edits {
    /// Whether nothing was done.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.texts.is_empty() && self.replaced.is_none()
    }

    /// The secrets that were taken out.
    pub fn names(&self) -> impl Iterator<Item = &StoreName> {
        let texts = self.texts.iter().map(|edit| &edit.name);
        let replaced = self.replaced.iter().flat_map(|it| it.secrets.values());
        self.variables.iter().map(|(_, name)| name).chain(texts).chain(replaced)
    }
}

/// How an agent is told to put a variable of its own environment into an entry, or
/// `None` if it cannot be, or nobody has shown that it can.
///
/// Source: the agents' documentation and, for Claude Code, Droid and `OpenCode`, the
/// programs themselves, in November 2026.
fn reference(agent: &str, variable: &str) -> Option<String> {
    Some(match agent {
        "claude-code" | "copilot-cli" | "gemini-cli" | "qwen-code" | "factory-droid" => {
            format!("${{{variable}}}")
        }
        "cursor" | "vscode" | "vscode-insiders" | "windsurf" | "cline" | "amazon-q" => {
            format!("${{env:{variable}}}")
        }
        "opencode" => format!("{{env:{variable}}}"),
        "crush" => format!("${variable}"),
        _ => return None,
    })
}

/// Takes the secrets out of an entry. `names` are the literals' names in the key
/// store, in their order, and `program` is what starts us.
pub fn rewrite(
    agent: &str,
    entry: &Value,
    literals: &[Literal],
    names: &[StoreName],
    program: &str,
) -> Rewritten {
    let mut entry = entry.clone();
    let mut edits = Edits::default();
    let mut stays = Vec::new();
    let is_local = COMMAND.iter().any(|field| entry.get(field).is_some());
    for (index, (literal, name)) in literals.iter().zip(names).enumerate() {
        if let Site::Environment(variable) = &literal.site
            && is_local
        {
            edits.variables.push((variable.clone(), name.clone()));
            continue;
        }
        let variable = variable(name);
        let text = entry.pointer_mut(&literal.pointer);
        match (text, reference(agent, &variable)) {
            (Some(text), Some(reference)) => {
                *text = Value::String(format!("{}{reference}", literal.before));
                edits.texts.push(TextEdit {
                    pointer: literal.pointer.clone(),
                    before: literal.before.clone(),
                    reference,
                    variable,
                    name: name.clone(),
                });
            }
            _ => stays.push(index),
        }
    }
    // Last: it moves the arguments that the pointers above lead to.
    if !edits.variables.is_empty() {
        for field in ENVIRONMENT {
            let Some(variables) = entry.get_mut(field).and_then(Value::as_object_mut) else {
                continue;
            };
            edits.order = variables.keys().cloned().collect();
            variables.retain(|key, _| edits.variables.iter().all(|(taken, _)| taken != key));
        }
        edits.wrapper = wrapper(program, &edits.variables);
        edits.made_arguments = wrap(&mut entry, &edits.wrapper);
    }
    Rewritten { entry, edits, stays }
}

/// Puts the secrets back into an entry. `None` if it is not as we left it.
pub fn undo(
    entry: &Value,
    edits: &Edits,
    secret: impl Fn(&StoreName) -> Option<Secret>,
) -> Option<Value> {
    if let Some(replaced) = &edits.replaced {
        return replaced.undo(entry, secret);
    }
    let mut entry = entry.clone();
    if !edits.wrapper.is_empty() {
        unwrap(&mut entry, edits)?;
        let field = ENVIRONMENT.into_iter().find(|field| entry.get(field).is_some())?;
        let variables = entry.get_mut(field)?.as_object_mut()?;
        for (variable, name) in &edits.variables {
            if !variables.contains_key(variable) {
                let text = secret(name)?.expose().to_owned();
                variables.insert(variable.clone(), Value::String(text));
            }
        }
        let mut left = std::mem::take(variables);
        let mut ordered = Map::new();
        for key in &edits.order {
            if let Some(value) = left.shift_remove(key) {
                ordered.insert(key.clone(), value);
            }
        }
        ordered.extend(left);
        *variables = ordered;
    }
    for edit in &edits.texts {
        let text = entry.pointer_mut(&edit.pointer)?;
        if text.as_str()? != format!("{}{}", edit.before, edit.reference) {
            return None;
        }
        *text = Value::String(format!("{}{}", edit.before, secret(&edit.name)?.expose()));
    }
    Some(entry)
}

/// The variable for a secret, in the environment of an agent: `GITHUB_AUTHORIZATION`.
fn variable(name: &StoreName) -> String {
    let upper = name.as_str().to_ascii_uppercase();
    let text: String =
        upper.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) { format!("_{text}") } else { text }
}

/// `mcpkg secret exec --env NAME=store:… --`.
fn wrapper(program: &str, variables: &[(String, StoreName)]) -> Vec<String> {
    let mut words = vec![program.to_owned(), "secret".to_owned(), "exec".to_owned()];
    for (variable, name) in variables {
        let reference = SecretReference::Store(name.clone());
        words.extend(["--env".to_owned(), format!("{variable}={reference}")]);
    }
    words.push("--".to_owned());
    words
}

/// Puts words before a command: one with its arguments beside it, or one that is a list.
/// Says whether it had to make a list of arguments.
fn wrap(entry: &mut Value, wrapper: &[String]) -> bool {
    let texts = |words: &[String]| words.iter().cloned().map(Value::String).collect::<Vec<_>>();
    let mut made_arguments = false;
    let Some(object) = entry.as_object_mut() else { return made_arguments };
    for field in COMMAND {
        match object.get_mut(field) {
            Some(Value::Array(words)) => _ = words.splice(0..0, texts(wrapper)),
            Some(command @ Value::String(_)) => {
                let old = command.take();
                *command = Value::String(wrapper[0].clone());
                made_arguments = !object.contains_key("args");
                let args = object.entry("args").or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(args) = args {
                    args.splice(0..0, texts(&wrapper[1..]).into_iter().chain([old]));
                }
            }
            _ => (),
        }
    }
    made_arguments
}

fn unwrap(entry: &mut Value, edits: &Edits) -> Option<()> {
    let wrapper = &edits.wrapper;
    let object = entry.as_object_mut()?;
    let field = COMMAND.into_iter().find(|field| object.contains_key(*field))?;
    let is_ours = |words: &[Value], ours: &[String]| {
        words.len() > ours.len() && words.iter().zip(ours).all(|(word, our)| word == our)
    };
    if let Some(Value::Array(words)) = object.get_mut(field) {
        if !is_ours(words, wrapper) {
            return None;
        }
        words.drain(..wrapper.len());
        return Some(());
    }
    if *object.get(field)? != wrapper[0] {
        return None;
    }
    let args = object.get_mut("args")?.as_array_mut()?;
    if !is_ours(args, &wrapper[1..]) {
        return None;
    }
    let command = args.drain(..wrapper.len()).next_back()?;
    if edits.made_arguments && args.is_empty() {
        object.shift_remove("args");
    }
    *object.get_mut(field)? = command;
    Some(())
}

#[cfg(test)]
mod tests;
