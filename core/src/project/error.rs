//! Why a project or a recipe cannot be used.

use super::{MAX_BYTES, Recipe};
use crate::{Code, Coded};

/// Why an `mcpkg.toml` cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The file is longer than one can be.
    #[error("mcpkg.toml is {0} bytes long, expected at most {MAX_BYTES}")]
    Length(usize),
    /// The text is no project: the cause says where and why.
    #[error("mcpkg.toml is malformed")]
    Malformed(#[source] Box<toml::de::Error>),
}

/// Why a build cannot be declared like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// There is none, or there are too many of something.
    #[error("a recipe has {found} {what}, expected {least} to {most}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The least there may be.
        least: usize,
        /// The most there may be.
        most: usize,
    },
    /// An argument that no program could be handed, or nobody could read.
    #[error("an argument of step {step} is {problem}")]
    Argument {
        /// Which step, from one.
        step: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A version that is not one exact version.
    #[error("`{}` is not an exact version, such as 20.20.2", .0.escape_debug())]
    Version(String),
    /// A variable that the build is given in any case.
    #[error("`{0}` is set for every build and cannot be declared")]
    Reserved(String),
    /// A variable whose name says that it is a secret: a recipe is public.
    #[error("`{0}` looks like a secret, and a recipe is public")]
    Secret(String),
    /// A value that cannot be set, or nobody could read.
    #[error("the value of `{name}` is {problem}")]
    Value {
        /// The variable.
        name: String,
        /// What is wrong with its value.
        problem: &'static str,
    },
    /// A date before 1970 or after 9999.
    #[error("source_date is {0}, expected \"commit\" or seconds since 1970")]
    Date(i64),
    /// The recipe is longer than a statement should carry.
    #[error("the recipe is {0} bytes long, expected at most {max}", max = Recipe::MAX_BYTES)]
    Length(usize),
}

impl Coded for ProjectError {
    fn code(&self) -> Code {
        Code::Config
    }

    fn hint(&self) -> Option<&'static str> {
        Some(
            "the tables of mcpkg.toml are [package], [build] and [servers]; mcpkg has not changed it",
        )
    }
}
