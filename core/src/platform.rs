//! What an artifact runs on.

use std::fmt;
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

/// What an artifact runs on: `any`, or one system and machine such as
/// `linux-x86_64`.
///
/// The words are those of Rust's `std::env::consts` with `darwin` for macOS, as
/// MCPB has it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub enum Platform {
    /// Every platform: scripts and interpreters' code.
    Any,
    /// One operating system on one machine architecture.
    Of(System, Machine),
}

/// An operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// macOS.
    Darwin,
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

/// A machine architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Machine {
    /// 64-bit ARM.
    Aarch64,
    /// 64-bit x86.
    X86_64,
}

/// A string that names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not a platform, expected `any` or one of darwin, linux, windows with -aarch64 or -x86_64", .0.escape_debug()
)]
pub struct PlatformError(String);

impl Platform {
    /// The platform this program was compiled for, or `None` where we name none.
    pub fn current() -> Option<Self> {
        Self::from_rust(std::env::consts::OS, std::env::consts::ARCH)
    }

    /// The platform that Rust calls `os` and `arch`.
    fn from_rust(os: &str, arch: &str) -> Option<Self> {
        let os = if os == "macos" { "darwin" } else { os };
        format!("{os}-{arch}").parse().ok()
    }

    /// Which of several artifacts to run on `host`: the one for it, else the one
    /// for any platform.
    pub fn choose<T>(
        artifacts: &[T],
        platform: impl Fn(&T) -> Self,
        host: Option<Self>,
    ) -> Option<&T> {
        let exact = artifacts.iter().find(|artifact| Some(platform(artifact)) == host);
        exact.or_else(|| artifacts.iter().find(|artifact| platform(artifact) == Self::Any))
    }

    /// Whether an artifact for `self` runs on a machine that is `host`.
    pub fn runs_on(self, host: Option<Self>) -> bool {
        self == Self::Any || Some(self) == host
    }
}

impl System {
    /// The system's name in MCPB manifests (`platform_overrides`), which is Node's.
    pub const fn mcpb_name(self) -> &'static str {
        match self {
            Self::Darwin => "darwin",
            Self::Linux => "linux",
            Self::Windows => "win32",
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        if text == "any" {
            return Ok(Self::Any);
        }
        let error = || PlatformError(text.chars().take(40).collect());
        let (system, machine) = text.split_once('-').ok_or_else(error)?;
        let system = match system {
            "darwin" => System::Darwin,
            "linux" => System::Linux,
            "windows" => System::Windows,
            _ => return Err(error()),
        };
        let machine = match machine {
            "aarch64" => Machine::Aarch64,
            "x86_64" => Machine::X86_64,
            _ => return Err(error()),
        };
        Ok(Self::Of(system, machine))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Of(system, machine) = self else { return f.write_str("any") };
        let system = match system {
            System::Darwin => "darwin",
            System::Linux => "linux",
            System::Windows => "windows",
        };
        let machine = match machine {
            Machine::Aarch64 => "aarch64",
            Machine::X86_64 => "x86_64",
        };
        write!(f, "{system}-{machine}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling_each() {
        for text in ["any", "linux-x86_64", "darwin-aarch64", "windows-x86_64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
        for text in ["", "linux", "macos-aarch64", "linux-amd64", "Linux-x86_64", "any-x86_64"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn any_runs_everywhere_and_the_rest_at_home() {
        let linux = "linux-x86_64".parse().unwrap();
        let darwin: Platform = "darwin-aarch64".parse().unwrap();
        assert!(Platform::Any.runs_on(None));
        assert!(Platform::runs_on(linux, Some(linux)));
        assert!(!darwin.runs_on(Some(linux)));
        assert!(!darwin.runs_on(None));
        assert_eq!(Platform::from_rust("macos", "aarch64"), Some(darwin));
    }
}
