//! Why settings were not read, or not edited.

use std::path::PathBuf;

use mcpkg_core::{Code, Coded as _};

use crate::agents::EditError;
use crate::error::Error;
use crate::settings_file::FileError;

/// Their text, the file, or what stands in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unedited {
    #[error(transparent)]
    Edit(#[from] EditError),
    #[error(transparent)]
    File(#[from] FileError),
    /// An entry that is not from us is somebody's own, whatever its name.
    #[error("there is a server called `{0}` already, and it is not one of ours")]
    Taken(String),
    /// New settings would keep the agent from moving the old ones.
    #[error("its settings are still at `{}`, where it reads them no more", .0.display())]
    Unmoved(PathBuf),
    #[error("the entry of `{0}` has changed since")]
    Changed(String),
    /// What an entry has and a server does not take.
    #[error("the entry of `{0}` cannot become the server that you named: {1}")]
    Unfit(String, String),
}

impl Unedited {
    /// The error of whoever wanted to, in `context`.
    pub(crate) fn within(self, context: String) -> Error {
        let (code, hint) = match &self {
            Self::Edit(error) => (error.code(), error.hint()),
            Self::File(error) => (error.code(), error.hint()),
            Self::Taken(_) => (
                Code::Settings,
                Some("rename or remove that entry first; mcpkg has not changed it"),
            ),
            Self::Unmoved(_) => {
                (Code::Settings, Some("start it once, so that it moves them, then try again"))
            }
            Self::Changed(_) => (Code::Settings, Some("look at it, and try again")),
            Self::Unfit(..) => (
                Code::Settings,
                Some(
                    "without `--into` its secrets become references, and the entry stays what it \
                     is",
                ),
            ),
        };
        Error::Failed { context, code, hint, source: Box::new(self) }
    }
}
