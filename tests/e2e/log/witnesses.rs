//! Checkpoints that k of n witnesses have to vouch for.

use jiff::Timestamp;
use mcpkg_core::log::{SignedNote, SigningKey};
use mcpkg_test_support::{LyingRegistry, World, world};

use super::{INSTALL, with_index};
use crate::fixture::Fixture;

fn witness(number: u8) -> SigningKey {
    SigningKey::from_seed(&format!("witness-{number}.example"), [number; 32]).unwrap()
}

/// A registry whose checkpoints these witnesses have signed.
fn witnessed(fixture: &Fixture, witnesses: &'static [u8]) -> LyingRegistry {
    with_index(fixture, move |index| {
        let note = index["log"]["checkpoint"].as_str().unwrap();
        let mut note = SignedNote::parse(note.as_bytes()).unwrap();
        let time_s = u64::try_from(Timestamp::now().as_second()).unwrap();
        for &number in witnesses {
            let text = note.text().to_owned();
            note.add(witness(number).cosign(&text, time_s));
        }
        index["log"]["checkpoint"] = note.to_string().into();
    })
}

fn demanding(fixture: &Fixture, url: &str, quorum: Option<&str>) -> World {
    let keys: Vec<String> =
        (1..=3).map(|number| witness(number).verifier().as_cosigner().to_string()).collect();
    let mut flags = vec!["--private"];
    for key in &keys {
        flags.extend(["--witness", key]);
    }
    flags.extend(quorum.into_iter().flat_map(|quorum| ["--witness-quorum", quorum]));
    let world = fixture.stranger_at(url, &flags);
    world.file(".claude.json", "{}\n");
    world
}

#[test]
fn as_many_witnesses_have_to_sign_as_the_configuration_demands() {
    let fixture = Fixture::with_weather();
    let rows: [(&[u8], Option<&str>, Option<&str>); 8] = [
        (&[1, 2], Some("2"), None),
        (&[3, 1], Some("2"), None),
        (&[1, 2, 3, 4], None, None),
        (&[1], Some("2"), Some("E_WITNESS")),
        (&[], Some("1"), Some("E_WITNESS")),
        (&[1, 2], None, Some("E_WITNESS")),
        // One that is not configured counts for nothing, and one counts once.
        (&[1, 4], Some("2"), Some("E_WITNESS")),
        (&[1, 1], Some("2"), Some("E_NOTE")),
    ];
    for (witnesses, quorum, code) in rows {
        let registry = witnessed(&fixture, witnesses);
        let developer = demanding(&fixture, registry.url(), quorum);
        match code {
            None => drop(developer.ok(&INSTALL)),
            Some(code) => drop(developer.refused(&INSTALL, 3, &[code])),
        }
    }
}

#[test]
fn a_quorum_that_cannot_be_reached_is_no_configuration() {
    let world = world!();
    let key = SigningKey::from_seed("log.example", [1; 32]).unwrap();
    let log = key.verifier().to_string();
    let [one, two] = [2, 3].map(|number| witness(number).verifier().to_string());
    let same = witness(2).renamed("another.example").unwrap().verifier().to_string();
    let itself = key.renamed("witness.example").unwrap().verifier().to_string();
    let add = ["registry", "add", "x", "https://log.example/", "--log-key", &log];
    for flags in [
        vec!["--witness", one.as_str(), "--witness-quorum", "2"],
        vec!["--witness", &one, "--witness", &two, "--witness", &one],
        vec!["--witness", &one, "--witness", &same],
        vec!["--witness", &itself],
    ] {
        let outcome = world.run(&[add.as_slice(), &flags].concat());
        assert_eq!(outcome.codes(), ["E_CONFIG"], "{flags:?}\n{outcome}");
    }
    world.ok(&[add.as_slice(), &["--witness", &one, "--witness", &two]].concat());
    let witness = ["registry", "add", "y", "https://log.example/", "--log-key"];
    let key = key.verifier().as_cosigner().to_string();
    let outcome = world.run(&[witness.as_slice(), &[&key]].concat());
    assert_eq!(outcome.codes(), ["E_CONFIG"], "the key of a witness\n{outcome}");
}
