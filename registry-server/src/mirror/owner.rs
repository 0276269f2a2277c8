//! Where a name comes from: one place, and no other.
//!
//! Were a private name asked of a public registry, the registry would learn it, and
//! whoever takes the name there would be installed here. So each name has one owner,
//! which the configuration decides alone: no answer of anybody's changes it.

use mcpkg_core::PackageName;
use mcpkg_core::namespace::NamePattern;

use super::SourceName;
use crate::config::ConfigError;

/// Which names are whose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    own: Vec<NamePattern>,
    sources: Vec<(SourceName, Vec<NamePattern>)>,
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This registry's own.
    Registry,
    /// That source's.
    Source(SourceName),
    /// Nobody's that is configured, so this registry's if it is published here.
    Nobody,
}

impl Owners {
    /// The owners of our `own` namespaces and those of `sources`.
    ///
    /// # Errors
    ///
    /// A namespace that has two owners.
    pub(crate) fn new(
        own: Vec<NamePattern>,
        sources: Vec<(SourceName, Vec<NamePattern>)>,
    ) -> Result<Self, ConfigError> {
        let mut seen = own.clone();
        for pattern in sources.iter().flat_map(|(_, patterns)| patterns) {
            if seen.contains(pattern) {
                return Err(ConfigError::Value {
                    key: "source.namespaces",
                    found: format!("`{pattern}`, which comes from elsewhere too"),
                    expected: "one place that a namespace comes from",
                });
            }
            seen.push(pattern.clone());
        }
        Ok(Self::of_checked(own, sources))
    }

    /// The owners of a configuration that [`Self::new`] has accepted.
    pub(crate) fn of_checked(
        own: Vec<NamePattern>,
        sources: Vec<(SourceName, Vec<NamePattern>)>,
    ) -> Self {
        Self { own, sources }
    }

    /// The source whose namespace `name` is in, where it does not just have all others.
    pub(crate) fn has_namespace_of(&self, name: &PackageName) -> Option<&SourceName> {
        let is_in = |pattern: &NamePattern| *pattern != NamePattern::All && pattern.matches(name);
        let source = self.sources.iter().find(|(_, patterns)| patterns.iter().any(is_in));
        source.map(|(source, _)| source)
    }

    /// Whose `name` is. Whoever has its namespace goes before whoever has all others.
    pub(crate) fn of(&self, name: &PackageName) -> Owner {
        let has = |patterns: &[NamePattern], is_wide: bool| {
            patterns
                .iter()
                .any(|pattern| (*pattern == NamePattern::All) == is_wide && pattern.matches(name))
        };
        for is_wide in [false, true] {
            if has(&self.own, is_wide) {
                return Owner::Registry;
            }
            if let Some((source, _)) = self.sources.iter().find(|(_, it)| has(it, is_wide)) {
                return Owner::Source(source.clone());
            }
        }
        Owner::Nobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<NamePattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn source(name: &str, texts: &[&str]) -> (SourceName, Vec<NamePattern>) {
        (name.parse().unwrap(), patterns(texts))
    }

    #[test]
    fn a_name_has_one_owner_and_the_narrower_pattern_decides() {
        let sources =
            vec![source("public", &["*"]), source("partner", &["com.partner/*", "org.x/*"])];
        let owners = Owners::new(patterns(&["com.acme/*"]), sources).unwrap();
        for (name, owner) in [
            ("com.acme/secret", Owner::Registry),
            ("Com.Acme/secret", Owner::Registry),
            ("com.partner/tool", Owner::Source("partner".parse().unwrap())),
            ("io.github.acme/weather", Owner::Source("public".parse().unwrap())),
            ("com.acme.sub/tool", Owner::Source("public".parse().unwrap())),
        ] {
            assert_eq!(owners.of(&name.parse().unwrap()), owner, "{name}");
        }
        let nobody = Owners::new(Vec::new(), vec![source("a", &["com.a/*"])]).unwrap();
        assert_eq!(nobody.of(&"com.b/x".parse().unwrap()), Owner::Nobody);
    }

    #[test]
    fn a_namespace_with_two_owners_is_refused() {
        let twice = vec![source("a", &["com.a/*"]), source("b", &["com.A/*"])];
        assert!(Owners::new(Vec::new(), twice).is_err());
        let own = patterns(&["com.a/*"]);
        assert!(Owners::new(own, vec![source("a", &["com.a/*"])]).is_err());
        let both = vec![source("a", &["*"]), source("b", &["*"])];
        assert!(Owners::new(Vec::new(), both).is_err());
    }
}
