//! Records of something else, and text beside a record that nobody signed.

use mcpkg_core::log::{Checkpoint, Entry, Receipt, SignedNote};
use mcpkg_core::{Code, Coded as _};
use serde_json::{Value, json};

use crate::grove::Grove;
use crate::signers::{ORIGIN, log_key, receipt, trust, witness};

/// The JSON of an entry of that package.
fn publish(name: &str) -> Value {
    let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
    json!({
        "kind": "publish",
        "name": name,
        "version": "1.0.0",
        "metadata": digest("01"),
        "artifacts": [{
            "platform": "any",
            "digest": digest("02"),
            "tree": format!("tree-{}", digest("03")),
            "sizeBytes": 4096,
        }],
        "evidence": [digest("04")],
        "publisher": {
            "kind": "identity",
            "issuer": "https://accounts.example.com",
            "subject": "zoe@example.com",
        },
        "previous": 7,
        "time": "2026-08-01T00:00:00Z",
    })
}

fn leaf(name: &str) -> Vec<u8> {
    serde_json::from_value::<Entry>(publish(name)).unwrap().leaf().unwrap()
}

fn two_packages() -> Grove {
    Grove::new(["acme/weather", "acme/forecast"].map(leaf).to_vec())
}

/// Row 3 of the bad inputs: whoever asks about a package compares the name in the
/// leaf, and no receipt of another leaf proves it.
#[test]
fn a_record_of_another_package_proves_nothing_about_this_one() {
    let grove = two_packages();
    let other = receipt(&grove, 1, 2);
    other.verify(grove.leaf(1), &trust()).unwrap();
    let refused = other.verify(grove.leaf(0), &trust()).unwrap_err();
    assert_eq!(refused.code(), Code::LogProof);
    assert_eq!(Entry::parse(grove.leaf(1)).unwrap().name().as_str(), "acme/forecast");
}

/// Row 4: the hash of the wanted leaf, everywhere but where it counts.
#[test]
fn a_hash_in_an_extension_or_an_extra_line_is_ignored() {
    let grove = two_packages();
    let honest = receipt(&grove, 1, 2);
    let wanted = grove.leaf_hash(0);
    let extra = honest.to_string().replacen("index ", &format!("extra {wanted}\nindex "), 1);
    let tree = *grove.tree(2);
    let text = Checkpoint { origin: ORIGIN.to_owned(), tree }.to_text();
    let extended = format!("{text}{wanted}\n2\n");
    let note = |text: &str| {
        let lines = vec![log_key().sign(text), witness(1).cosign(text, 1)];
        SignedNote::new(text.to_owned(), lines).to_string()
    };
    let extension = Receipt { checkpoint: note(&extended), ..honest.clone() };
    // A line below the signature of which nobody knows the key.
    let mut unknown = honest.clone();
    unknown.checkpoint += &format!("\u{2014} {wanted} AAAAAAA=\n").replace('+', "-");

    for (what, receipt) in [
        ("as it is", honest.clone()),
        ("extra", extra.parse().unwrap()),
        ("extension", extension),
        ("unknown line", unknown),
    ] {
        let checked = receipt.verify(grove.leaf(1), &trust()).unwrap();
        assert_eq!(checked.checkpoint(), &Checkpoint { origin: ORIGIN.to_owned(), tree }, "{what}");
        let refused = receipt.verify(grove.leaf(0), &trust()).unwrap_err();
        assert_eq!(refused.code(), Code::LogProof, "{what}");
    }
    // The extension is signed: without it, it is another text.
    let cut = note(&extended).replacen(&format!("{wanted}\n2\n"), "", 1);
    let receipt = Receipt { checkpoint: cut, ..honest };
    assert_eq!(receipt.verify(grove.leaf(1), &trust()).unwrap_err().code(), Code::Note);
}

#[test]
fn extra_data_stand_in_one_place_only() {
    let text = receipt(&two_packages(), 1, 2).to_string();
    for (what, forged) in [
        ("twice", text.replacen("index", "extra AAAA\nextra AAAA\nindex", 1)),
        ("after the index", text.replacen("index 1\n", "index 1\nextra AAAA\n", 1)),
        ("not base64", text.replacen("index", "extra a b\nindex", 1)),
        ("not canonical base64", text.replacen("index", "extra AB==\nindex", 1)),
        ("before the header", format!("extra AAAA\n{text}")),
    ] {
        let refused = forged.parse::<Receipt>().unwrap_err();
        assert_eq!(refused.code(), Code::Note, "{what}");
    }
}

#[test]
fn a_leaf_that_is_not_the_canonical_form_of_an_entry_is_refused() {
    let honest = String::from_utf8(leaf("acme/weather")).unwrap();
    Entry::parse(honest.as_bytes()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(honest.contains(from), "{from}");
        honest.replacen(from, to, 1).into_bytes()
    };
    for (what, forged) in [
        ("empty", Vec::new()),
        ("a space", replaced(":", ": ")),
        ("a line break at its end", format!("{honest}\n").into_bytes()),
        ("an escape", replaced("acme", "\\u0061cme")),
        ("another order", replaced("{\"artifacts\"", "{\"version\":\"1.0.0\",\"artifacts\"")),
        ("unknown member", replaced("\"kind\"", "\"aaa\":1,\"kind\"")),
        ("unknown member of an artifact", replaced("\"digest\"", "\"aaa\":1,\"digest\"")),
        ("unknown member of the publisher", replaced("\"issuer\"", "\"aaa\":1,\"issuer\"")),
        ("a name twice", replaced("\"kind\"", "\"kind\":\"publish\",\"kind\"")),
        ("unknown kind", replaced("\"publish\"", "\"erase\"")),
        ("no kind", replaced("\"kind\":\"publish\",", "")),
        ("a null", replaced("\"previous\":7", "\"previous\":null")),
        ("a fraction", replaced("\"previous\":7", "\"previous\":7.0")),
        ("a negative number", replaced("\"previous\":7", "\"previous\":-7")),
        ("an exponent", replaced("\"previous\":7", "\"previous\":7e0")),
        ("another zone", replaced("00:00:00Z", "02:00:00+02:00")),
        ("a fraction of a second", replaced("00:00:00Z", "00:00:00.5Z")),
        ("no second", replaced("00:00:00Z", "00:00Z")),
        ("a leap second", replaced("00:00:00Z", "23:59:60Z")),
        ("upper case in a digest", replaced("sha256:01", "sha256:0A")),
        ("another hash", replaced("sha256:01", "sha512:01")),
        ("no name", replaced("acme/weather", "acme")),
        ("no version", replaced("1.0.0", "1.0")),
        ("no platform", replaced("\"any\"", "\"amiga\"")),
        ("an array", format!("[{honest}]").into_bytes()),
        ("too long", vec![b'1'; 65_536]),
        ("a BOM", format!("\u{feff}{honest}").into_bytes()),
    ] {
        let refused = Entry::parse(&forged).expect_err(what);
        assert_eq!(refused.code(), Code::LogSubject, "{what}");
    }
}
