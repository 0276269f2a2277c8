//! Which part of an agent's settings a list of servers is in.

/// The keys that lead from the root of the settings to the object that has the root key.
/// None, mostly. Claude Code keeps what is one user's in one project in a part of the
/// user's own settings, for each project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section(Vec<String>);

impl Section {
    /// The settings as a whole.
    pub const WHOLE: Self = Self(Vec::new());

    /// The object that these keys lead to.
    pub(super) fn at(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    pub(super) fn keys(&self) -> &[String] {
        &self.0
    }
}
