use crate::json::JsonError;
use crate::template::TemplateError;
use crate::{Code, Coded, PlatformError};

/// Why a manifest cannot be used, or not for this package.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are not JSON.
    #[error("could not read manifest.json")]
    Json(#[source] JsonError),
    /// A key is missing or of the wrong type.
    #[error("manifest.json does not follow MCPB")]
    Shape(#[source] serde_json::Error),
    /// The manifest is of a version we do not read, of two, or of none.
    #[error("manifest.json has manifest version `{}`, expected 0.1 to 0.4", .0.escape_debug())]
    Version(String),
    /// A text is empty or too long.
    #[error("`{field}` of manifest.json is {found} characters long, expected 1 to {max}")]
    Length {
        /// Which text.
        field: String,
        /// Its length, in characters.
        found: usize,
        /// The longest it may be, in characters.
        max: usize,
    },
    /// A text has a character that its reader would not see.
    #[error("`{field}` of manifest.json hides the character {}", character.escape_unicode())]
    Hidden {
        /// Which text.
        field: String,
        /// The character.
        character: char,
    },
    /// The entry point is no path in the bundle.
    #[error("entry point `{}` is not a path inside the bundle", .0.escape_debug())]
    EntryPoint(String),
    /// There is no command line, which only type `uv` may leave out.
    #[error("manifest.json has no `mcp_config`")]
    NoCommand,
    /// A text has a variable that is not MCPB's.
    #[error("`{field}` of manifest.json is no template")]
    Template {
        /// Which text.
        field: String,
        /// What is wrong with it.
        source: TemplateError,
    },
    /// A text names a key that `user_config` does not have.
    #[error("manifest.json uses `${{user_config.{}}}`, which `user_config` does not declare", .0.escape_debug())]
    UndeclaredKey(String),
    /// A key of `user_config` contradicts itself.
    #[error("key `{}` of `user_config` {reason}", key.escape_debug())]
    ConfigKey {
        /// Which key.
        key: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An environment variable cannot be called so.
    #[error("`{}` is not the name of an environment variable", .0.escape_debug())]
    EnvironmentName(String),
    /// A variable that makes a program load code leads out of the bundle.
    #[error("environment variable `{0}` loads code from outside the bundle")]
    EnvironmentCode(String),
    /// Our extension is malformed.
    #[error("the `dev.mcpkg` extension of manifest.json is malformed")]
    Extension(#[source] serde_json::Error),
    /// The platform of our extension is none.
    #[error("the `dev.mcpkg` extension of manifest.json names no platform")]
    Platform(#[source] PlatformError),
    /// The artifact is for a system that `compatibility` leaves out.
    #[error("manifest.json is for `{platform}`, which its `compatibility` leaves out")]
    Compatibility {
        /// What the artifact is for.
        platform: String,
    },
    /// The names in the two documents differ.
    #[error("manifest.json is named `{}`, server.json `{package}`", manifest.escape_debug())]
    NameDiffers {
        /// The name in the manifest.
        manifest: String,
        /// The package's name.
        package: String,
    },
    /// The versions in the two documents differ.
    #[error("manifest.json has version `{}`, server.json `{package}`", manifest.escape_debug())]
    VersionDiffers {
        /// The version in the manifest.
        manifest: String,
        /// The release's version.
        package: String,
    },
    /// The entry point is not in the archive.
    #[error("entry point `{0}` is not in the archive")]
    NoEntryPoint(String),
    /// The archive has no wheels although uv is to install libraries.
    #[error("a server of type `uv` without wheels resolves its libraries at launch")]
    NoWheels,
    /// The command line is one that we do not launch.
    #[error("the command line of manifest.json cannot be launched")]
    Command(#[from] CommandError),
}

/// Why a command line is not launched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A program that fetches what it runs, so that nobody signed it.
    #[error("`{0}` resolves what it runs at launch")]
    ResolvesAtLaunch(String),
    /// A shell, or a program that starts any other.
    #[error("`{0}` runs whatever its arguments say")]
    Shell(String),
    /// Code in an argument, where no file of the bundle holds it.
    #[error("`{runtime}` is given code in the argument `{}`", option.escape_debug())]
    InlineCode {
        /// The interpreter.
        runtime: String,
        /// The option.
        option: String,
    },
    /// An option of an interpreter that may load code from elsewhere.
    #[error("`{runtime}` is given the option `{}`, which is not known to be harmless", option.escape_debug())]
    Option {
        /// The interpreter.
        runtime: String,
        /// The option.
        option: String,
    },
    /// An interpreter runs, or loads, something outside the bundle.
    #[error("`{runtime}` runs `{}`, which is no file of the bundle", program.escape_debug())]
    ProgramOutside {
        /// The interpreter.
        runtime: String,
        /// What it would run.
        program: String,
    },
    /// An interpreter without anything to run, which would read its input.
    #[error("`{0}` is not given a file of the bundle to run")]
    NoProgram(String),
    /// A program that is neither a runtime we know nor in the bundle.
    #[error("`{}` is neither a known runtime nor a file of the bundle", .0.escape_debug())]
    Unknown(String),
}

impl Coded for ManifestError {
    fn code(&self) -> Code {
        Code::Manifest
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NameDiffers { .. } => {
                Some("give the manifest the package's full name, or the part after the slash")
            }
            Self::NoWheels => {
                Some("put the wheels of all libraries into the archive, or vendor them as files")
            }
            Self::Command(err) => err.hint(),
            _ => None,
        }
    }
}

impl Coded for CommandError {
    fn code(&self) -> Code {
        Code::Manifest
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::ResolvesAtLaunch(_) => "put the server and its libraries into the bundle",
            Self::Shell(_) | Self::InlineCode { .. } => "put the code into a file of the bundle",
            Self::Option { .. } => "leave the option out, or set it in the server's own code",
            Self::ProgramOutside { .. } | Self::NoProgram(_) | Self::Unknown(_) => {
                "name a file of the bundle, starting with `${__dirname}/`"
            }
        })
    }
}
