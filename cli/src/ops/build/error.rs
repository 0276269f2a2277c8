//! Why a package could not be built.

use std::io;
use std::path::PathBuf;

use mcpkg_core::permissions::ProgramName;
use mcpkg_core::project::ToolVersion;
use mcpkg_core::{Code, Coded};

use crate::error::Error;

/// Why there is nothing to pack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A tool of the recipe is nowhere to be found.
    #[error("the recipe needs {tool} {expected}, and there is none here")]
    ToolMissing {
        /// The tool.
        tool: ProgramName,
        /// In which version.
        expected: ToolVersion,
    },
    /// A tool of the recipe is there in another version.
    #[error("the recipe needs another {tool}\n  expected {expected}\n  found    {found}")]
    ToolVersion {
        /// The tool.
        tool: ProgramName,
        /// The version in the recipe.
        expected: ToolVersion,
        /// What the tool says.
        found: String,
    },
    /// A step failed.
    #[error("step {number} of the recipe {status}: `{step}`")]
    Step {
        /// Which, from one.
        number: usize,
        /// Its words.
        step: String,
        /// How it ended.
        status: String,
    },
    /// The steps took too long, and were stopped.
    #[error("the build was stopped after {minutes} minutes")]
    Timeout {
        /// How long it was given.
        minutes: u64,
    },
    /// The steps said too much, and were stopped.
    #[error("the build was stopped after it printed {limit_bytes} bytes")]
    TooMuchOutput {
        /// How much it may print.
        limit_bytes: u64,
    },
    /// The folder to pack is not there after the build.
    #[error("the folder to pack, `{}`, {problem}", path.display())]
    Folder {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// The build cannot be confined here.
    #[error("a build cannot be confined here: {reason}")]
    NotConfined {
        /// What is in the way.
        reason: String,
    },
    /// A program could not be started or waited for.
    #[error("could not run `{program}`")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The place of the build could not be made.
    #[error("could not prepare the build")]
    Prepare(#[source] Box<Error>),
}

impl BuildError {
    /// Whether the build itself failed, and not this machine to do it.
    pub fn is_of_the_build(&self) -> bool {
        matches!(
            self,
            Self::Step { .. }
                | Self::Timeout { .. }
                | Self::TooMuchOutput { .. }
                | Self::Folder { .. }
        )
    }

    /// Nothing can be confined on this system.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn not_here() -> Self {
        Self::NotConfined { reason: "only Linux has what mcpkg confines a build with".to_owned() }
    }

    pub(super) fn prepare(error: Error) -> Self {
        Self::Prepare(Box::new(error))
    }
}

impl Coded for BuildError {
    fn code(&self) -> Code {
        Code::Build
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ToolMissing { .. } | Self::ToolVersion { .. } => Some(
                "put the tool in that version on your PATH, or name its folder with `--toolchain`",
            ),
            Self::Step { .. } => Some("what it said is above, or in the log"),
            Self::Timeout { .. } => Some("give it longer with `--timeout <minutes>`"),
            Self::Folder { .. } => {
                Some("`folder` in [build] is made from the folder of mcpkg.toml")
            }
            Self::NotConfined { .. } => Some(
                "on a machine that you can throw away, `--unconfined` lets the build do what you \
                 can do",
            ),
            _ => None,
        }
    }
}
