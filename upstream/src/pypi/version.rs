//! From Python's versions to semantic ones.

use mcpkg_core::{Version, VersionError};

/// The words for pre-releases, in their order, as semantic versioning writes them.
const PRE_RELEASES: [(&str, &str); 3] = [("rc", "rc"), ("a", "alpha"), ("b", "beta")];

/// The semantic version that is `text` in PEP 440: `1.2` is `1.2.0`, and `1.2rc1` is
/// `1.2.0-rc.1`.
///
/// Epochs, post-releases, local versions and more than three numbers order releases in a
/// way that semantic versioning has no place for.
///
/// # Errors
///
/// [`VersionError`] for those, and for what is no version at all.
pub fn to_semantic(text: &str) -> Result<Version, VersionError> {
    // What cannot be translated is reported as it stands.
    translated(text).unwrap_or_else(|| text.to_owned()).parse()
}

fn translated(text: &str) -> Option<String> {
    let numbers_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(numbers_end);
    let mut numbers =
        numbers.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
    while numbers.len() > 3 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers.resize(numbers.len().max(3), 0);
    let [major, minor, patch] = numbers[..] else { return None };
    let version = format!("{major}.{minor}.{patch}");
    if rest.is_empty() {
        return Some(version);
    }
    PRE_RELEASES.iter().find_map(|(word, semantic)| {
        let number: u64 = rest.strip_prefix(word)?.parse().ok()?;
        Some(format!("{version}-{semantic}.{number}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_keep_their_order_or_are_refused() {
        for (python, semantic) in [
            ("1.2", Some("1.2.0")),
            ("3", Some("3.0.0")),
            ("2026.10.19", Some("2026.10.19")),
            ("2026.01.09", Some("2026.1.9")),
            ("1.2.3.0", Some("1.2.3")),
            ("1.2rc1", Some("1.2.0-rc.1")),
            ("1.0a2", Some("1.0.0-alpha.2")),
            ("1.0.0b3", Some("1.0.0-beta.3")),
            ("1.2.3.4", None),
            ("1.2.post1", None),
            ("1.2.dev3", None),
            ("1!2.0", None),
            ("1.2+local", None),
            ("", None),
            ("1..2", None),
        ] {
            let found = to_semantic(python).ok().map(|version| version.to_string());
            assert_eq!(found.as_deref(), semantic, "{python:?}");
        }
    }
}
