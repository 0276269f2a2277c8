//! Taking the secrets out of the settings of agents, file by file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcpkg_core::lock::AgentLink;
use mcpkg_core::secret::StoreName;
use serde_json::Value;

use super::{Literal, Record, Replaced, Rewritten, Site, Targets, literals, rewrite, undo};
use crate::agents::{ALL, Agent, Scope, Section};
use crate::error::{Error, Result};
use crate::ops::link;
use crate::places::Places;
use crate::secrets::{Index, Secret};
use crate::settings::{Unedited, file_at};
use crate::settings_file::{Preview, SettingsFile, unified_difference};

/// What to do to the settings of one agent.
pub struct Plan {
    /// The agent.
    pub agent: &'static dyn Agent,
    /// Whose settings they are.
    pub scope: Scope,
    /// The settings.
    pub path: PathBuf,
    /// What to do to which entry.
    pub changes: Vec<Change>,
    section: Section,
    project: Option<String>,
    file: SettingsFile,
    preview: Preview,
}

/// What to do to one entry.
pub struct Change {
    /// The server's name.
    pub key: String,
    /// What looks like a secret in it.
    pub literals: Vec<Literal>,
    /// The names under which they are kept, in the same order.
    pub names: Vec<StoreName>,
    /// The entry without them.
    pub rewritten: Rewritten,
    before: Value,
}

/// What to do to the settings of all agents, and what could not be read.
/// `targets` are the installed servers that entries are to become.
pub fn plans(
    index: &Index,
    program: &str,
    targets: &Targets,
    places: &Places,
) -> (Vec<Plan>, Vec<Error>) {
    let (mut plans, mut failures) = (Vec::new(), Vec::new());
    let mut names = Names { index, given: BTreeMap::new() };
    for agent in ALL.iter().copied() {
        for scope in [Scope::User, Scope::Project, Scope::Local] {
            let paths = agent.settings_paths(scope, &places.for_agents());
            for path in paths.into_iter().filter(|path| path.exists()) {
                match plan(agent, path, scope, &mut names, (program, targets), places) {
                    // It is the user's file, of which it was said.
                    Err(_) if scope == Scope::Local => (),
                    // In the home folder, a project's settings may be the user's own.
                    Ok(plan) if plans.iter().any(|it: &Plan| it.is_same_file(&plan)) => (),
                    Ok(plan) if plan.changes.is_empty() => (),
                    Ok(plan) => plans.push(plan),
                    Err(error) => failures.push(error),
                }
            }
        }
    }
    (plans, failures)
}

fn plan(
    agent: &'static dyn Agent,
    path: PathBuf,
    scope: Scope,
    names: &mut Names<'_>,
    (program, targets): (&str, &Targets),
    places: &Places,
) -> Result<Plan> {
    let file = file_at(&path, scope, places);
    // In a project's settings, which are shared, we go by our name.
    let program = match scope {
        Scope::User | Scope::Local => program,
        Scope::Project => "mcpkg",
    };
    let section = agent.section(scope, &places.for_agents());
    let mut changes = Vec::new();
    let preview = file.preview(|text| {
        for (key, before) in agent.place(&section).entries(text)? {
            let literals = literals(&before);
            if let Some(target) = targets.get(&key) {
                let (rewritten, names) = target
                    .rewrite((agent, scope, places), (&key, &before), &literals, |it| {
                        names.index.get(it).is_some()
                    })
                    .and_then(|(entry, found)| Ok((entry, names.exactly(found, &literals)?)))
                    .map_err(|why| Unedited::Unfit(key.clone(), why))?;
                changes.push(Change { key, literals, names, rewritten, before });
                continue;
            }
            if literals.is_empty() {
                continue;
            }
            let names: Vec<_> = literals.iter().map(|it| names.of(&key, it)).collect();
            let rewritten = rewrite(agent.id(), &before, &literals, &names, program);
            changes.push(Change { key, literals, names, rewritten, before });
        }
        edited(agent, &section, text, &changes)
    });
    let preview = preview.map_err(|failure| failed(agent, failure))?;
    let project = link::project_of(scope, places);
    Ok(Plan { agent, scope, path, changes, section, project, file, preview })
}

/// The settings with the changes made.
fn edited(
    agent: &dyn Agent,
    section: &Section,
    text: &str,
    changes: &[Change],
) -> Result<String, Unedited> {
    let place = agent.place(section);
    let mut text = text.to_owned();
    for change in changes.iter().filter(|change| !change.rewritten.edits.is_empty()) {
        if place.find(&text, &change.key)?.as_ref() != Some(&change.before) {
            return Err(Unedited::Changed(change.key.clone()));
        }
        text = place.set(&text, &change.key, &change.rewritten.entry)?.text;
    }
    Ok(text)
}

impl Plan {
    /// The change as a unified difference, with nothing that looks like a secret in it.
    pub fn difference(&self) -> String {
        let masked = |text: &str| {
            let mut text = text.to_owned();
            for literal in self.changes.iter().flat_map(|change| &change.literals) {
                // As it stands in a file: JSON and TOML write it alike.
                let written = Value::String(literal.text.to_string()).to_string();
                text = text.replace(written.trim_matches('"'), &literal.masked());
                text = text.replace(literal.text.as_str(), &literal.masked());
            }
            text
        };
        unified_difference(&self.path, &masked(&self.preview.old), &masked(&self.preview.new))
    }

    fn is_same_file(&self, other: &Self) -> bool {
        self.preview.target == other.preview.target && self.section == other.section
    }

    /// The secrets that leave the settings, with the names that they get.
    pub fn moved(&self) -> impl Iterator<Item = (&StoreName, &Literal)> {
        self.changes.iter().flat_map(|change| {
            let moved = change.literals.iter().zip(&change.names).enumerate();
            moved
                .filter(|(at, _)| !change.rewritten.stays.contains(at))
                .map(|(_, (it, name))| (name, it))
        })
    }

    /// The servers that entries became, and how each is linked now.
    pub fn replaced(&self) -> impl Iterator<Item = (AgentLink, &Replaced)> {
        self.changes.iter().filter_map(|change| {
            let link = AgentLink {
                id: self.agent.id().to_owned(),
                key: change.key.clone(),
                project: self.project.clone(),
                footprint: None,
            };
            Some((link, change.rewritten.edits.replaced.as_ref()?))
        })
    }

    /// What will have been done.
    pub fn records(&self) -> Vec<Record> {
        let changes = self.changes.iter().filter(|change| !change.rewritten.edits.is_empty());
        let record = |change: &Change| Record {
            agent: self.agent.id().to_owned(),
            scope: self.scope,
            path: self.path.clone(),
            key: change.key.clone(),
            project: self.project.clone(),
            edits: change.rewritten.edits.clone(),
        };
        changes.map(record).collect()
    }

    /// Makes the changes.
    pub fn write(&self) -> Result<()> {
        let edit = self.file.edit(|text| edited(self.agent, &self.section, text, &self.changes));
        edit.map(drop).map_err(|failure| failed(self.agent, failure))
    }
}

impl Record {
    /// Puts the secrets back where they were.
    pub fn restore(
        &self,
        secret: impl Fn(&StoreName) -> Option<Secret>,
        places: &Places,
    ) -> Result<()> {
        let agent = crate::agents::by_id(&self.agent)
            .ok_or_else(|| Error::UnknownAgent(self.agent.clone()))?;
        let project = self.project.as_deref().map_or(places.project.as_path(), Path::new);
        let section = agent.section(self.scope, &places.in_project(project).for_agents());
        let place = agent.place(&section);
        let file = SettingsFile::new(&self.path, places.locks());
        let edit = file.edit(|text| {
            let changed = || Unedited::Changed(self.key.clone());
            let entry = place.find(text, &self.key)?.ok_or_else(changed)?;
            let before = undo(&entry, &self.edits, &secret).ok_or_else(changed)?;
            Ok::<_, Unedited>(place.set(text, &self.key, &before)?.text)
        });
        edit.map(drop).map_err(|failure| failed(agent, failure))
    }
}

/// Names for literals: the same secret gets the same name, and no two get one.
struct Names<'a> {
    index: &'a Index,
    given: BTreeMap<StoreName, zeroize::Zeroizing<String>>,
}

impl Names<'_> {
    /// Gives literals these very names, which no other secret may have.
    fn exactly(
        &mut self,
        names: Vec<StoreName>,
        literals: &[Literal],
    ) -> Result<Vec<StoreName>, String> {
        for (name, literal) in names.iter().zip(literals) {
            let given = self.given.entry(name.clone()).or_insert_with(|| literal.text.clone());
            if *given != literal.text {
                return Err(format!("another entry has another secret for `{name}`"));
            }
        }
        Ok(names)
    }

    /// `<server>.<variable>`, with a number where that is another secret's.
    fn of(&mut self, key: &str, literal: &Literal) -> StoreName {
        let what = match &literal.site {
            Site::Environment(name) | Site::Header(name) => name.clone(),
            Site::Argument(index) => format!("argument-{}", index + 1),
        };
        let is_start = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let plain: String = format!("{key}.{what}")
            .chars()
            .map(|c| if is_part(c) || c == '.' { c } else { '-' })
            .take(100)
            .collect();
        let plain = format!("{}{plain}", if plain.starts_with(is_start) { "" } else { "secret" });
        let mut number = 1_u32;
        loop {
            let text = if number == 1 { plain.clone() } else { format!("{plain}-{number}") };
            if let Ok(name) = text.parse::<StoreName>() {
                let is_free = match self.given.get(&name) {
                    Some(given) => *given == literal.text,
                    None => self.index.get(&name).is_none(),
                };
                if is_free {
                    self.given.insert(name.clone(), literal.text.clone());
                    return name;
                }
            }
            number += 1;
        }
    }
}

fn failed(agent: &dyn Agent, why: Unedited) -> Error {
    why.within(format!("the settings of {} were left as they are", agent.display_name()))
}
