//! What a server asks for in `WWW-Authenticate`.
//!
//! The grammar is that of RFC 9110, section 11.6.1: several challenges in one field,
//! each a scheme with parameters, all of it parted by commas. It comes from whoever
//! answers, so what does not fit ends the reading, and what was read before it stands.

/// The longest field that is read, in bytes.
const MAX_LEN: usize = 16 * 1024;

/// One challenge: what would be accepted, and why what was sent is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, in lower case.
    pub scheme: String,
    /// Its parameters, in their order, with their names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Reads a field.
    pub fn read(field: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = field.get(..MAX_LEN).unwrap_or(field);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let (word, after) = token(rest);
            if word.is_empty() {
                return challenges;
            }
            let after_space = after.trim_start_matches([' ', '\t']);
            if let Some(value) = after_space.strip_prefix('=').filter(|_| !challenges.is_empty()) {
                let Some((value, after)) = parameter(value.trim_start_matches([' ', '\t'])) else {
                    return challenges;
                };
                if let Some(challenge) = challenges.last_mut() {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            } else {
                let scheme = word.to_ascii_lowercase();
                challenges.push(Self { scheme, parameters: Vec::new() });
                rest = after;
            }
        }
    }

    /// A parameter, if there is exactly one of this name: of two, another reader might
    /// take the other.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(found, _)| found == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }
}

/// The token that a text begins with, and what follows it.
fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// The value that a text begins with, bare or quoted, and what follows it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = token(text);
        return (!value.is_empty()).then(|| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(field: &str) -> Vec<String> {
        let one = |challenge: &Challenge| {
            let parameters =
                challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
            challenge.scheme.clone() + &parameters.collect::<String>()
        };
        Challenge::read(field).iter().map(one).collect()
    }

    #[test]
    fn challenges_are_read_as_the_rfc_writes_them() {
        for (field, expected) in [
            ("", &[][..]),
            ("Bearer", &["bearer"]),
            (
                r#"Bearer resource_metadata="https://a.example/.well-known/x""#,
                &["bearer resource_metadata=https://a.example/.well-known/x"],
            ),
            (
                r#"DPoP error="use_dpop_nonce", algs="ES256", Bearer realm=x"#,
                &["dpop error=use_dpop_nonce algs=ES256", "bearer realm=x"],
            ),
            // Two fields, as a proxy may join them.
            (
                r#"Basic realm="a, b", Newauth a="\"c\"" , B=d"#,
                &[r"basic realm=a, b", r#"newauth a="c" b=d"#],
            ),
            ("Bearer error = invalid_token", &["bearer error=invalid_token"]),
            // What does not fit ends it.
            (r#"Bearer a="b"#, &["bearer"]),
            ("Bearer a=b, c=", &["bearer a=b"]),
            ("=a", &[]),
        ] {
            assert_eq!(written(field), expected, "{field}");
        }
    }

    #[test]
    fn of_two_values_none_is_taken() {
        let challenge = &Challenge::read(r#"Bearer error="a", scope=b, error="c""#)[0];
        assert_eq!(challenge.parameter("error"), None);
        assert_eq!(challenge.parameter("scope"), Some("b"));
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_to_an_end(field in "\\PC{0,200}") {
            for challenge in Challenge::read(&field) {
                prop_assert!(!challenge.scheme.is_empty());
            }
        }

        #[test]
        fn what_is_quoted_comes_back(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let found = Challenge::read(&format!("Bearer a=\"{quoted}\", b=c"));
            prop_assert_eq!(found[0].parameter("a"), Some(value.as_str()));
            prop_assert_eq!(found[0].parameter("b"), Some("c"));
        }
    }
}
