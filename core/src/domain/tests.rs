use super::*;
use crate::evidence::Signer;
use crate::namespace::{NamespaceError, authorise};
use crate::publisher::tests::acme;

const PERSON: &str = "v=mcpkg1; issuer=https://accounts.example.com; subject=release@example.com";
const REPOSITORY: &str = "v=mcpkg1;issuer=https://token.actions.githubusercontent.com;\
     repository=https://github.com/acme/weather;repository-id=1001;owner-id=2001";

fn person() -> Publisher {
    Publisher::of(&Signer {
        issuer: "https://accounts.example.com".into(),
        subject: "release@example.com".into(),
        build: None,
    })
    .unwrap()
}

#[test]
fn a_namespace_is_a_domain_in_reverse() {
    let long = format!("com.{}", "a".repeat(64));
    for (namespace, domain) in [
        ("com.example", Some("example.com")),
        ("com.example.team", Some("team.example.com")),
        ("COM.Example", Some("example.com")),
        ("de.xn--mller-kva", Some("xn--mller-kva.de")),
        ("example", None),
        ("io.github.acme", None),
        ("io.GitLab.acme", None),
        ("io.github", None),
        ("io.githubber", Some("githubber.io")),
        // An address, this machine, this network.
        ("1.0.0.127", None),
        ("0x7f.example", None),
        ("localhost.example", None),
        ("internal.metadata", None),
        ("arpa.in-addr.127", None),
        ("com..example", None),
        ("com.-example", None),
        ("com.example-", None),
        (long.as_str(), None),
    ] {
        assert_eq!(domain_of(namespace).as_deref(), domain, "{namespace}");
    }
}

#[test]
fn a_txt_record_lists_one_identity() {
    assert!(parse_txt(PERSON).unwrap().unwrap().is(&person()));
    let acme = Publisher::of(&acme()).unwrap();
    assert!(parse_txt(REPOSITORY).unwrap().unwrap().is(&acme));
    for other in ["", "v=spf1 -all", "google-site-verification=x", "v=mcpkg10; issuer=x"] {
        assert!(parse_txt(other).unwrap().is_none(), "{other}");
    }
}

#[test]
fn a_txt_record_with_anything_unknown_in_it_grants_nothing() {
    let long = format!("{PERSON}{}", " ".repeat(MAX_TXT_BYTES));
    for record in [
        "v=mcpkg1",
        "v=mcpkg1; issuer=https://a.example",
        "v=mcpkg1; subject=a@example.com",
        "v=mcpkg1; issuer=https://a.example; subject=",
        "v=mcpkg1; issuer=https://a.example; subject=a; subject=b",
        "v=mcpkg1; issuer=https://a.example; subject=a; owner-id=1",
        "v=mcpkg1; issuer=https://a.example; subject=a; names=com.example/one",
        "v=mcpkg1; issuer=https://a.example; anybody",
        "v=mcpkg1; issuer=https://a.example; owner-id=12x",
        "v=mcpkg1; issuer=https://gitlab.com; repository=https://gitlab.com/acme/tools",
        long.as_str(),
    ] {
        assert!(parse_txt(record).is_err(), "{record}");
    }
}

#[test]
fn a_document_lists_several() {
    let json = br#"{ "version": 1, "identities": [
        { "issuer": "https://accounts.example.com", "subject": "release@example.com" },
        { "issuer": "https://token.actions.githubusercontent.com", "ownerId": "2001" } ] }"#;
    let listed = parse_well_known(json).unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed[0].0.is(&person()));
    assert!(listed[1].0.is(&Publisher::of(&acme()).unwrap()));
}

#[test]
fn half_a_document_is_none() {
    let good = r#"{"issuer":"https://a.example","subject":"a"}"#;
    let many = format!(r#"{{"version":1,"identities":[{}]}}"#, [good; 65].join(","));
    let long = format!(r#"{{"version":1,"identities":[]}}{}"#, " ".repeat(MAX_WELL_KNOWN_BYTES));
    let mixed =
        format!(r#"{{"version":1,"identities":[{good},{{"issuer":"https://b.example"}}]}}"#);
    for json in [
        "",
        "[]",
        "{}",
        r#"{"version":2,"identities":[]}"#,
        r#"{"version":1}"#,
        r#"{"version":1,"identities":[],"identities":[]}"#,
        r#"{"version":1,"identities":[],"names":[]}"#,
        r#"{"version":1,"identities":[{"issuer":"https://a.example","subject":"a","x":1}]}"#,
        many.as_str(),
        long.as_str(),
        mixed.as_str(),
    ] {
        assert!(parse_well_known(json.as_bytes()).is_err(), "{json:.80}");
    }
}

#[test]
fn a_proof_covers_its_own_domain_and_no_rule_of_the_configuration() {
    let name = |text: &str| text.parse::<PackageName>().unwrap();
    let proof = |domain: &str, record: &str| DomainProof {
        domain: domain.into(),
        method: DomainMethod::Dns,
        record: record.into(),
    };
    let other = "v=mcpkg1; issuer=https://accounts.example.com; subject=other@example.com";
    for (package, proof, code) in [
        ("com.example/tool", Some(proof("example.com", PERSON)), None),
        ("com.example/tool", Some(proof("example.org", PERSON)), Some("unknown")),
        ("com.example.team/tool", Some(proof("example.com", PERSON)), Some("unknown")),
        ("com.example/tool", Some(proof("example.com", other)), Some("not owner")),
        ("com.example/tool", Some(proof("example.com", "v=spf1")), Some("not owner")),
        ("com.example/tool", None, Some("unknown")),
        ("io.github.acme/tool", Some(proof("acme.github.io", PERSON)), Some("not owner")),
    ] {
        let name = name(package);
        let result = authorise(&name, &person(), &[], proof.as_ref());
        let found = match result {
            Ok(()) => None,
            Err(NamespaceError::Unknown(_)) => Some("unknown"),
            Err(NamespaceError::NotOwner { .. }) => Some("not owner"),
            Err(NamespaceError::Recycled { .. }) => Some("recycled"),
        };
        assert_eq!(found, code, "{package} {proof:?}");
        if let Some(proof) = proof {
            assert_eq!(proof.covers(&name, &person()), code.is_none());
        }
    }
}
