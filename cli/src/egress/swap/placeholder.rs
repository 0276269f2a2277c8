//! A secret, and what stands for it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use mcpkg_core::permissions::HostPort;
use memchr::memmem;
use zeroize::Zeroizing;

use super::destination;
use crate::egress::EgressError;
use crate::egress::inside::Destination;

/// The shortest secret, in bytes: a shorter one could not be told from other text,
/// where answers are searched for it.
const MIN_BYTES: usize = 8;

/// The random bytes of a placeholder. Nobody meets it by chance.
const RANDOM_BYTES: usize = 16;

/// What a server has in place of a secret: `mcpkg-placeholder-` and 32 digits.
///
/// It is another one at each launch, so that one that was stored somewhere is
/// recognised nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placeholder(String);

impl Placeholder {
    fn random() -> Result<Self, EgressError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(EgressError::authority)?;
        Ok(Self(format!("mcpkg-placeholder-{}", hex::encode(bytes))))
    }

    /// The text that the server gets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A secret that one host gets, and no server.
pub struct Brokered {
    value: Zeroizing<Vec<u8>>,
    placeholder: Placeholder,
    destination: Destination,
}

impl Brokered {
    /// Ties `value` to the host of `grant`.
    ///
    /// # Errors
    ///
    /// [`EgressError::NotOneHost`] if the grant is of several, and
    /// [`EgressError::NotBrokered`] if no header can hold the value.
    pub fn new(value: &str, grant: &HostPort) -> Result<Self, EgressError> {
        if value.len() < MIN_BYTES {
            return Err(EgressError::NotBrokered("it has fewer than 8 bytes"));
        }
        if HeaderValue::from_str(value).is_err() {
            return Err(EgressError::NotBrokered("an HTTP header cannot hold it"));
        }
        Ok(Self {
            value: Zeroizing::new(value.as_bytes().to_vec()),
            placeholder: Placeholder::random()?,
            destination: destination(grant)?,
        })
    }

    /// What the server gets in its place.
    pub fn placeholder(&self) -> &Placeholder {
        &self.placeholder
    }

    pub(super) fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(super) fn value(&self) -> &[u8] {
        &self.value
    }

    /// `header` with the value for each placeholder, if there is any.
    pub(super) fn fill(&self, header: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        self.fill_text(header).or_else(|| self.fill_basic(header))
    }

    fn fill_text(&self, text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let placeholder = self.placeholder.0.as_bytes();
        let finder = memmem::Finder::new(placeholder);
        finder.find(text)?;
        // Once and for all: growing it would leave copies behind.
        let most = text.len() / placeholder.len() * self.value.len() + text.len();
        let mut filled = Zeroizing::new(Vec::with_capacity(most));
        let mut rest = text;
        while let Some(at) = finder.find(rest) {
            filled.extend_from_slice(&rest[..at]);
            filled.extend_from_slice(&self.value);
            rest = &rest[at + placeholder.len()..];
        }
        filled.extend_from_slice(rest);
        Some(filled)
    }

    /// Source: RFC 7617, section 2: `Basic`, and base64 of `user:password`.
    fn fill_basic(&self, header: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (scheme, encoded) = header.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let pair = Zeroizing::new(STANDARD.decode(encoded.trim_ascii()).ok()?);
        let filled = self.fill_text(&pair)?;
        let encoded = Zeroizing::new(STANDARD.encode(&*filled));
        Some(Zeroizing::new([scheme, encoded.as_bytes()].concat()))
    }
}

impl fmt::Debug for Brokered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brokered").field("to", &self.destination).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brokered(value: &str) -> Result<Brokered, EgressError> {
        let grant = "api.example.com:443".parse().unwrap();
        Brokered::new(value, &grant)
    }

    #[test]
    fn the_placeholder_becomes_the_value_wherever_a_header_has_it() {
        let secret = brokered("sk-0123456789").unwrap();
        let other = brokered("sk-0123456789").unwrap();
        let placeholder = secret.placeholder().as_str();
        assert_ne!(placeholder, other.placeholder().as_str());
        let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
        for (header, expected) in [
            (placeholder.to_owned(), Some("sk-0123456789".to_owned())),
            (format!("Bearer {placeholder}"), Some("Bearer sk-0123456789".to_owned())),
            (
                format!("a={placeholder}; b={placeholder}."),
                Some("a=sk-0123456789; b=sk-0123456789.".to_owned()),
            ),
            (basic(format!("me:{placeholder}")), Some(basic("me:sk-0123456789".to_owned()))),
            (basic("me:something".to_owned()), None),
            (placeholder[1..].to_owned(), None),
            (placeholder.to_uppercase(), None),
            (format!("Bearer {}", other.placeholder().as_str()), None),
            (String::new(), None),
        ] {
            let filled = secret.fill(header.as_bytes());
            let filled = filled.map(|it| String::from_utf8(it.to_vec()).unwrap());
            assert_eq!(filled, expected, "{header}");
        }
    }

    #[test]
    fn a_value_that_no_header_holds_is_refused_and_none_is_printed() {
        for (value, expected) in [
            ("1234567", "the secret cannot be kept from the server: it has fewer than 8 bytes"),
            (
                "12345678\n",
                "the secret cannot be kept from the server: an HTTP header cannot hold it",
            ),
        ] {
            assert_eq!(brokered(value).unwrap_err().to_string(), expected);
        }
        assert!(!format!("{:?}", brokered("sk-0123456789").unwrap()).contains("sk-"));
        for grant in ["*.example.com:443", "example.com:*"] {
            let refused = Brokered::new("sk-0123456789", &grant.parse().unwrap()).unwrap_err();
            assert!(matches!(refused, EgressError::NotOneHost(_)), "{refused}");
        }
    }
}
