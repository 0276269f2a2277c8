//! Names that a permission is about: variables, secrets, programs.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::{Grant, PermissionError};

/// The longest of these names, in bytes.
const MAX_LEN: usize = 128;

macro_rules! word {
    ($(#[doc = $doc:literal])+ $name:ident, $check:path) => {
        $(#[doc = $doc])+
        #[derive(
            Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
        )]
        pub struct $name(String);

        impl $name {
            /// The name as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = PermissionError;

            fn from_str(text: &str) -> Result<Self, PermissionError> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Grant for $name {
            fn meet(&self, other: &Self) -> Option<Self> {
                (self == other).then(|| self.clone())
            }
        }
    };
}

word! {
    /// An environment variable of the user that a server may see.
    ///
    /// Letters, digits and `_`, not starting with a digit. Never a variable
    /// that makes a runtime load code, such as `LD_PRELOAD` or `NODE_OPTIONS`.
    EnvName, check_variable
}

word! {
    /// A secret that a server is handed at launch: the key in its manifest's
    /// `user_config`. Letters, digits, `.`, `_` and `-`.
    SecretName, check_secret
}

word! {
    /// A program that a server may start, as it is found on the user's `PATH`:
    /// `git`. Letters, digits, `.`, `_`, `+` and `-`; never a path.
    ProgramName, check_program
}

fn check_variable(text: &str) -> Result<(), PermissionError> {
    check(text, "an environment variable", is_env_name(text))?;
    if loads_code(text) { Err(PermissionError::Hijack(text.to_owned())) } else { Ok(()) }
}

fn check_secret(text: &str) -> Result<(), PermissionError> {
    check(text, "a secret", is_word(text, b"._-"))
}

fn check_program(text: &str) -> Result<(), PermissionError> {
    check(text, "a program", is_word(text, b"._-+"))
}

fn check(text: &str, kind: &'static str, is_name: bool) -> Result<(), PermissionError> {
    if is_name && text.len() <= MAX_LEN {
        return Ok(());
    }
    Err(PermissionError::Name { name: text.chars().take(80).collect(), kind })
}

fn is_word(text: &str, punctuation: &[u8]) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || punctuation.contains(&b))
}

/// Whether `text` can name an environment variable on every system.
///
/// Source: POSIX.1-2024, section 8.1.
pub(crate) fn is_env_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether a variable of this name makes a program load code: the linker's,
/// the language runtimes' and the shells'.
///
/// Compared without case, since Windows ignores it.
pub(crate) fn loads_code(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let has_prefix =
        ["LD_", "DYLD_", "BASH_FUNC_", "GIT_CONFIG", "NPM_CONFIG_", "CORECLR_", "COR_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
    has_prefix
        || matches!(
            name.as_str(),
            "PATH"
                | "PATHEXT"
                | "COMSPEC"
                | "SHELL"
                | "IFS"
                | "BASH_ENV"
                | "ZDOTDIR"
                | "PROMPT_COMMAND"
                | "GCONV_PATH"
                | "NODE_OPTIONS"
                | "NODE_PATH"
                | "NODE_REPL_EXTERNAL_MODULE"
                | "PYTHONPATH"
                | "PYTHONHOME"
                | "PYTHONSTARTUP"
                | "PYTHONUSERBASE"
                | "PYTHONINSPECT"
                | "PYTHONBREAKPOINT"
                | "PYTHONPLATLIBDIR"
                | "PYTHONEXECUTABLE"
                | "RUBYOPT"
                | "RUBYLIB"
                | "GEM_PATH"
                | "GEM_HOME"
                | "PERL5OPT"
                | "PERL5LIB"
                | "JAVA_TOOL_OPTIONS"
                | "JDK_JAVA_OPTIONS"
                | "_JAVA_OPTIONS"
                | "CLASSPATH"
                | "DOTNET_STARTUP_HOOKS"
                | "DOTNET_ADDITIONAL_DEPS"
                | "BUN_OPTIONS"
                | "DENO_DIR"
                | "VIRTUAL_ENV"
                | "GIT_SSH"
                | "GIT_SSH_COMMAND"
                | "GIT_EXEC_PATH"
                | "OPENSSL_CONF"
                | "SSLKEYLOGFILE"
        )
}
