//! What the text of a key looks like, and which keys are none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcpkg_core::log::{Algorithm, KeyError, SigningKey, VerifierKey};

use crate::signers::{ORIGIN, log_key};

#[test]
fn a_key_is_written_in_one_way() {
    let key = log_key();
    let (vkey, id) = (key.verifier().to_string(), format!("{:08x}", key.verifier().id()));
    let base64 = vkey.rsplit('+').next().unwrap();
    let bytes = STANDARD.decode(base64).unwrap();
    let with = |bytes: &[u8]| vkey.replacen(base64, &STANDARD.encode(bytes), 1);
    let of_type = |byte| with(&[&[byte], &bytes[1..]].concat());
    let other_id = format!("{:08x}", key.verifier().id() ^ 1);
    for (what, text, expected) in [
        ("no name", vkey.replacen(ORIGIN, "", 1), KeyError::Name),
        ("a space", vkey.replacen(ORIGIN, "a b", 1), KeyError::Name),
        ("a line break", vkey.replacen(ORIGIN, "a\nb", 1), KeyError::Name),
        ("an id in upper case", vkey.replacen(&id, "9C2DABEF", 1), KeyError::Shape),
        ("a short id", vkey.replacen(&id, &id[1..], 1), KeyError::Shape),
        ("a signed id", vkey.replacen(&id, &format!("+{}", &id[1..]), 1), KeyError::Shape),
        ("no id", vkey.replacen(&format!("+{id}"), "", 1), KeyError::Shape),
        ("no key", vkey.replacen(base64, "", 1), KeyError::Shape),
        ("base64 that is cut", vkey.replacen(base64, &base64[..43], 1), KeyError::Shape),
        ("a line break at its end", format!("{vkey}\n"), KeyError::Shape),
        ("type 2", of_type(2), KeyError::Algorithm(2)),
        ("a byte too few", with(&bytes[..32]), KeyError::Bytes),
        ("a byte too many", with(&[bytes.as_slice(), &[0]].concat()), KeyError::Bytes),
        ("no point", with(&[&[1, 2], [0; 31].as_slice()].concat()), KeyError::Bytes),
    ] {
        assert_ne!(text, vkey, "{what}");
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{what}");
    }
    for (what, text) in [
        ("another id", vkey.replacen(&id, &other_id, 1)),
        ("another name", vkey.replacen(ORIGIN, "other.example", 1)),
        ("another type", of_type(4)),
    ] {
        let refused = text.parse::<VerifierKey>();
        assert!(matches!(refused, Err(KeyError::Id { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn a_private_key_is_read_from_its_own_text_and_shown_nowhere_else() {
    let key = log_key();
    let private = key.to_text();
    assert_eq!(private.parse::<SigningKey>().unwrap().to_text(), private);
    let public = key.verifier().to_string();
    assert_eq!(public.parse::<SigningKey>().unwrap_err(), KeyError::Shape);
    assert!(private.parse::<VerifierKey>().is_err());
    assert!(!format!("{key:?}").contains(private.rsplit('+').next().unwrap()));
}

/// One signature under such a key is good for many messages.
#[test]
fn a_key_of_small_order_is_none() {
    let mut identity = [0; 32];
    identity[0] = 1;
    for point in [[0; 32], identity] {
        for algorithm in [Algorithm::Ed25519, Algorithm::Cosignature] {
            assert_eq!(VerifierKey::new(ORIGIN, algorithm, point), Err(KeyError::Bytes));
        }
    }
}
