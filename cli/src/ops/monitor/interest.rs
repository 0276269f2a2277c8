//! The names that somebody wants to hear of.

use std::fmt;
use std::str::FromStr;

use mcpkg_core::PackageName;
use mcpkg_core::namespace::{NamePattern, PatternError};

/// Names to be told of: one package, a namespace, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interest {
    /// One package.
    Package(PackageName),
    /// Every package of a set.
    Pattern(NamePattern),
}

impl Interest {
    /// Whether `name` is one of them.
    pub fn covers(&self, name: &PackageName) -> bool {
        match self {
            // A look-alike is exactly what they want to hear of.
            Self::Package(package) => package.fold_key() == name.fold_key(),
            Self::Pattern(pattern) => pattern.matches(name),
        }
    }
}

impl FromStr for Interest {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        match text.parse() {
            Ok(package) => Ok(Self::Package(package)),
            Err(_) => text.parse().map(Self::Pattern),
        }
    }
}

impl fmt::Display for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package(package) => package.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Interest;

    #[test]
    fn one_cares_for_a_package_a_namespace_or_all() {
        let name = "io.github.acme/weather".parse().unwrap();
        for (text, covers) in [
            ("io.github.acme/weather", true),
            ("IO.github.acme/Weather", true),
            ("io.github.acme/*", true),
            ("*", true),
            ("io.github.acme/weather2", false),
            ("io.github.acm/*", false),
        ] {
            let interest: Interest = text.parse().unwrap();
            assert_eq!(interest.covers(&name), covers, "{text}");
            assert_eq!(interest.to_string(), text);
        }
        for text in ["", "weather", "io.github.acme/we*", "*/weather", "../*"] {
            assert!(text.parse::<Interest>().is_err(), "{text}");
        }
    }
}
