use super::*;
use crate::evidence::Signer;
use crate::publisher::GITHUB_ISSUER;
use crate::publisher::tests::{acme, acme_with};

fn name(name: &str) -> PackageName {
    name.parse().unwrap()
}

#[test]
fn a_forge_namespace_belongs_to_the_account_of_that_name() {
    let acme = Publisher::of(&acme()).unwrap();
    for (package, allowed) in [
        ("io.github.acme/weather", true),
        ("io.github.Acme/anything", true),
        ("io.GitHub.acme/weather", true),
        ("io.github.acm/weather", false),
        ("io.github.acme.x/weather", false),
        ("io.gitlab.acme/weather", false),
        ("com.acme/weather", false),
    ] {
        assert_eq!(authorise(&name(package), &acme, &[], None).is_ok(), allowed, "{package}");
    }
}

#[test]
fn the_repository_must_be_on_the_forge_and_the_issuer_its_own() {
    let elsewhere = acme_with(|claims| {
        claims.source_repository = Some("https://github.com.evil.example/acme/weather".into());
        let uri =
            "https://github.com.evil.example/acme/weather/.github/workflows/r.yml@refs/tags/v1.2.0";
        claims.build_signer_uri = Some(uri.into());
        claims.build_config_uri = Some(uri.into());
    });
    let other_issuer = Signer { issuer: "https://oidc.evil.example".into(), ..acme() };
    for signer in [elsewhere, other_issuer] {
        let publisher = Publisher::of(&signer).unwrap();
        assert!(authorise(&name("io.github.acme/weather"), &publisher, &[], None).is_err());
    }
}

#[test]
fn a_private_namespace_belongs_to_those_who_are_listed() {
    let alice = Publisher::of(&Signer {
        issuer: "https://sso.acme.example".into(),
        subject: "alice@acme.example".into(),
        build: None,
    })
    .unwrap();
    let rule = |pattern: &str, issuer: &str, subject: &str| NamespaceRule {
        pattern: pattern.parse().unwrap(),
        identities: vec![AllowedIdentity::subject(issuer.into(), subject.into()).unwrap()],
    };
    let sso = "https://sso.acme.example";
    for (rule, allowed) in [
        (rule("com.acme/*", sso, "alice@acme.example"), true),
        (rule("*", sso, "alice@acme.example"), true),
        (rule("com.acme/*", sso, "bob@acme.example"), false),
        (rule("com.acme/*", "https://other.example", "alice@acme.example"), false),
        (rule("com.other/*", sso, "alice@acme.example"), false),
    ] {
        let rules = [rule];
        assert_eq!(authorise(&name("com.acme/tool"), &alice, &rules, None).is_ok(), allowed);
        assert!(
            authorise(&name("io.github.acme/tool"), &alice, &rules, None).is_err(),
            "no rule gives away a forge's namespace"
        );
    }
}

#[test]
fn patterns_have_one_spelling() {
    for text in ["*", "com.acme/*", "io.github.acme/*"] {
        assert_eq!(text.parse::<NamePattern>().unwrap().to_string(), text);
    }
    for text in ["", "com.acme", "com.acme/x", "*/*", "com.*/*", "../*", "com.acme/**"] {
        assert!(text.parse::<NamePattern>().is_err(), "{text}");
    }
}

#[test]
fn a_listed_repository_is_known_by_its_numbers() {
    let acme = Publisher::of(&acme()).unwrap();
    let url = "https://github.com/acme/weather";
    let row = |url: Option<&str>, repository_id: Option<&str>, owner_id: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let repository = AllowedRepository {
            url: text(url),
            repository_id: text(repository_id),
            owner_id: text(owner_id),
        };
        AllowedIdentity::repository(GITHUB_ISSUER.into(), repository)
    };
    let other = Some("https://github.com/acme/other");
    for (identity, expected) in [
        (row(Some(url), Some("1001"), None), "same"),
        (row(Some(url), None, Some("2001")), "same"),
        (row(None, None, Some("2001")), "same"),
        (row(None, Some("1001"), Some("2001")), "same"),
        // It was renamed.
        (row(other, Some("1001"), None), "same"),
        // The name is the same, and somebody else has it now.
        (row(Some(url), Some("9"), None), "recycled"),
        (row(Some(url), None, Some("9")), "recycled"),
        (row(Some(url), Some("1001"), Some("9")), "recycled"),
        (row(other, None, Some("2001")), "other"),
        (row(None, None, Some("9")), "other"),
    ] {
        let identity = identity.unwrap();
        let rules =
            [NamespaceRule { pattern: "com.acme/*".parse().unwrap(), identities: vec![identity] }];
        let found = match authorise(&name("com.acme/tool"), &acme, &rules, None) {
            Ok(()) => "same",
            Err(NamespaceError::Recycled { .. }) => "recycled",
            Err(NamespaceError::NotOwner { .. }) => "other",
            Err(NamespaceError::Unknown(_)) => "unknown",
        };
        assert_eq!(found, expected, "{rules:?}");
    }
    assert_eq!(row(Some(url), None, None), Err(IdentityError::NameAlone(url.into())));
    assert_eq!(row(None, None, None), Err(IdentityError::Ambiguous(GITHUB_ISSUER.into())));
    assert!(matches!(row(None, Some("1 or 2"), None), Err(IdentityError::Id(_))));
}

#[test]
fn an_identity_is_read_as_it_is_written() {
    let issuer = format!("issuer = \"{GITHUB_ISSUER}\"\n");
    let sso = "issuer = \"https://sso.acme.example\"\n".to_owned();
    for (head, rest, is_good) in [
        (&issuer, "repository_id = \"1\"\n", true),
        (&issuer, "repository = \"https://github.com/a/b\"\nowner_id = \"1\"\n", true),
        (&issuer, "repository = \"https://github.com/a/b\"\n", false),
        // Whoever runs a forge of their own knows who gets which name.
        (&sso, "repository = \"https://git.acme.example/a/b\"\n", true),
        (&sso, "subject = \"a@acme.example\"\n", true),
        (&sso, "subject = \"\"\n", false),
        (&sso, "subject = \"a\"\nowner_id = \"1\"\n", false),
        (&sso, "", false),
        (&sso, "subject = \"a\"\nrepo = \"b\"\n", false),
    ] {
        let text = format!("{head}{rest}");
        let identity = toml::from_str::<AllowedIdentity>(&text);
        assert_eq!(identity.is_ok(), is_good, "{text}{identity:?}");
        if let Ok(identity) = identity {
            assert_eq!(toml::to_string(&identity).unwrap(), text);
        }
    }
}
