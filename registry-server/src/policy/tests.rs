//! What is permitted, what is not, and which policies are refused.

use std::collections::BTreeSet;
use std::fs;

use mcpkg_core::publisher::{Identity, Publisher};
use mcpkg_core::{Code, Coded as _, PackageName};

use super::reload::{Patience, Reloaded};
use super::{
    Action, Advisories, Circumstances, Engine, Place, Policies, PolicyError, Possession, Principal,
    ReleaseFacts, Resource, Role, User,
};
use crate::config::{PolicyDefaults, PolicyFile};

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn weather() -> Resource {
    Resource::own(name("com.Acme/Weather"))
}

fn user(groups: &[&str], roles: &[Role]) -> Principal {
    Principal::User(User {
        issuer_name: "sso".to_owned(),
        issuer: "https://sso.acme.example".to_owned(),
        subject: "alice".to_owned(),
        email: None,
        repository_id: None,
        groups: groups.iter().map(ToString::to_string).collect(),
        roles: roles.iter().copied().collect(),
    })
}

fn signer() -> Principal {
    let identity = Identity {
        issuer: "https://sso.acme.example".to_owned(),
        subject: "release@acme.example".to_owned(),
    };
    Principal::Signer { publisher: Box::new(Publisher::Identity(identity)), roles: BTreeSet::new() }
}

fn facts() -> ReleaseFacts {
    ReleaseFacts {
        name: name("io.github.Octo/tool"),
        version: "1.2.3".parse().unwrap(),
        source: "public".to_owned(),
        publisher: None,
        has_provenance: true,
        age_seconds: 90_000,
        rebuilds: 1,
        rebuilds_that_differ: 0,
        permissions: serde_json::from_str(r#"{"network":{"allow":["api.example.com:443"]}}"#)
            .unwrap(),
        licences: BTreeSet::from(["MIT".to_owned()]),
        carried_licences: BTreeSet::new(),
        is_inspected: true,
        advisories: Advisories::default(),
        status: mcpkg_core::api::Status::Active,
        is_remote_only: false,
        size_bytes: 1,
    }
}

/// Policies of this text alone, or with the defaults before them.
fn parse(defaults: PolicyDefaults, text: &str) -> Result<Policies, PolicyError> {
    let source = PolicyFile { files: Vec::new(), defaults };
    let mut texts = super::load::texts(&source).unwrap();
    texts.push(("acme.cedar".to_owned(), text.to_owned()));
    Policies::parse(texts)
}

fn ids(ruling: &super::Ruling) -> Vec<&str> {
    ruling.policies.iter().map(|policy| policy.id.as_str()).collect()
}

#[test]
fn each_role_may_do_what_it_is_there_for_and_nothing_else() {
    use Action::{Approve, Audit, Configure, Publish, Read, State};
    let policies = parse(PolicyDefaults::Roles, "").unwrap();
    let all = [Read, Publish, State, Approve, Configure, Audit];
    for (role, may) in [
        (None, vec![]),
        (Some(Role::Reader), vec![Read]),
        (Some(Role::Publisher), vec![Read, Publish]),
        (Some(Role::Maintainer), vec![Read, Publish, State]),
        (Some(Role::Owner), vec![Read, Publish, State, Approve]),
        (Some(Role::Auditor), vec![Read, Audit]),
        (Some(Role::Operator), vec![Configure]),
    ] {
        let roles: Vec<Role> = role.into_iter().collect();
        for action in all {
            let resource = match action {
                Configure | Audit => Resource::Place(Place::own()),
                _ => weather(),
            };
            let ruling =
                policies.decide(&user(&[], &roles), action, &resource, &Circumstances::default());
            assert_eq!(ruling.errors, Vec::<String>::new(), "{role:?} {action}");
            assert_eq!(ruling.allowed, may.contains(&action), "{role:?} {action}");
        }
    }
}

#[test]
fn an_operator_publishes_nothing_whatever_else_they_are() {
    let policies = parse(PolicyDefaults::Roles, "").unwrap();
    let both = user(&[], &[Role::Operator, Role::Owner]);
    for action in [Action::Publish, Action::State, Action::Approve] {
        let ruling = policies.decide(&both, action, &weather(), &Circumstances::default());
        assert!(!ruling.allowed, "{action}");
        assert_eq!(ids(&ruling), ["operators-publish-nothing"]);
    }
}

#[test]
fn whoever_owns_a_name_publishes_and_strangers_read_nothing() {
    let policies = parse(PolicyDefaults::Roles, "").unwrap();
    let circumstances = Circumstances::default();
    let ruling = policies.decide(&signer(), Action::Publish, &weather(), &circumstances);
    assert_eq!((ruling.allowed, ids(&ruling)), (true, vec!["owners-of-a-name-publish"]));
    let log = Resource::Place(Place::own());
    for resource in [&weather(), &log] {
        let nobody = Principal::nobody();
        let ruling = policies.decide(&nobody, Action::Read, resource, &circumstances);
        assert_eq!((ruling.allowed, ids(&ruling)), (false, vec![]));
        let everybody = Principal::Anonymous { roles: BTreeSet::from([Role::Reader]) };
        assert!(policies.decide(&everybody, Action::Read, resource, &circumstances).allowed);
    }
}

#[test]
fn what_is_forbidden_is_denied_whoever_permits_it_and_says_by_what() {
    let policies = parse(
        PolicyDefaults::Roles,
        r#"@id("frozen") @advice("ask the platform team")
           forbid (principal, action == Action::"publish", resource in Namespace::"com.acme");"#,
    )
    .unwrap();
    let ruling = policies.decide(
        &user(&[], &[Role::Owner]),
        Action::Publish,
        &weather(),
        &Circumstances::default(),
    );
    assert!(!ruling.allowed);
    assert_eq!(ids(&ruling), ["frozen"]);
    assert_eq!(ruling.policies[0].file, "acme.cedar");
    assert_eq!(ruling.policies[0].annotations["advice"], "ask the platform team");
    let elsewhere = Resource::own(name("com.other/weather"));
    let owner = user(&[], &[Role::Owner]);
    assert!(
        policies.decide(&owner, Action::Publish, &elsewhere, &Circumstances::default()).allowed
    );
}

#[test]
fn a_group_is_one_of_its_issuer() {
    let policies = parse(
        PolicyDefaults::None,
        r#"permit (principal in Group::"sso/platform", action == Action::"read", resource);"#,
    )
    .unwrap();
    let decide = |principal| {
        policies.decide(&principal, Action::Read, &weather(), &Circumstances::default())
    };
    let ruling = decide(user(&["platform"], &[]));
    assert_eq!((ruling.allowed, ids(&ruling)), (true, vec!["acme.cedar#1"]));
    assert!(!decide(user(&["platforms"], &[])).allowed);
    let Principal::User(member) = user(&["platform"], &[]) else { unreachable!() };
    let elsewhere = Principal::User(User { issuer_name: "ci".to_owned(), ..member });
    assert!(!decide(elsewhere).allowed, "another issuer's group of the same name");
}

#[test]
fn a_policy_sees_how_and_from_where_it_is_asked() {
    let policies = parse(
        PolicyDefaults::Roles,
        r#"@id("proof") forbid (principal, action == Action::"read", resource) unless { context.dpop };
           @id("inside") forbid (principal, action == Action::"read", resource)
           unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#,
    )
    .unwrap();
    for (possession, address, denied) in [
        (Possession::Proven, Some("10.1.2.3"), vec![]),
        (Possession::Bearer, Some("10.1.2.3"), vec!["proof"]),
        (Possession::Proven, Some("192.0.2.1"), vec!["inside"]),
        (Possession::Proven, None, vec!["inside"]),
    ] {
        let address = address.map(|address| address.parse().unwrap());
        let circumstances = Circumstances { possession, address };
        let ruling =
            policies.decide(&user(&[], &[Role::Reader]), Action::Read, &weather(), &circumstances);
        assert_eq!(ruling.allowed, denied.is_empty(), "{circumstances:?}");
        if !ruling.allowed {
            assert_eq!(ids(&ruling), denied);
        }
    }
}

#[test]
fn every_fact_of_a_release_can_be_asked_for() {
    let source = Principal::Source("public".to_owned());
    let decide = |condition: &str, facts: ReleaseFacts| {
        let policy = format!(
            r#"@id("it") permit (principal == Source::"public", action == Action::"admit", resource)
               when {{ {condition} }};"#
        );
        let policies = parse(PolicyDefaults::None, &policy).unwrap_or_else(|error| {
            panic!("{condition}: {error}");
        });
        let resource = Resource::Release(Box::new(facts));
        let ruling = policies.decide(&source, Action::Admit, &resource, &Circumstances::default());
        assert_eq!(ruling.errors, Vec::<String>::new(), "{condition}");
        ruling.allowed
    };
    for condition in [
        r#"resource.name == "io.github.Octo/tool""#,
        r#"resource.namespace == "io.github.octo""#,
        r#"resource.version == "1.2.3""#,
        "!resource.isPrerelease",
        r#"resource.source == Source::"public""#,
        "!(resource has publisher)",
        "resource.hasProvenance",
        "resource.ageSeconds >= 86400",
        "resource.rebuilds == 1 && resource.rebuildsThatDiffer == 0",
        r#"resource.permissions.hosts.contains("api.example.com:443")"#,
        "resource.permissions.run.isEmpty() && resource.permissions.writes.isEmpty()",
        "resource.permissions.reads.isEmpty() && resource.permissions.env.isEmpty()",
        "resource.permissions.secrets.isEmpty()",
        r#"["MIT", "Apache-2.0"].containsAll(resource.licences)"#,
        "resource.carriedLicences.isEmpty() && resource.isInspected",
        "resource.advisories.ids.isEmpty() && resource.advisories.worst == 0",
        r#"resource.status == "active""#,
        "!resource.isRemoteOnly && resource.sizeBytes == 1",
        r#"resource in Namespace::"io.github.octo""#,
        r#"resource in Package::"io.github.octo/tool" && resource in Source::"public""#,
    ] {
        assert!(decide(condition, facts()), "{condition}");
    }
    let identity = Identity { issuer: "https://sso.example".to_owned(), subject: "a@b".to_owned() };
    let signed = ReleaseFacts { publisher: Some(Publisher::Identity(identity)), ..facts() };
    let issuer = r#"resource has publisher && resource.publisher.issuer == "https://sso.example""#;
    assert!(decide(issuer, signed));
    assert!(!decide(issuer, facts()));
}

#[test]
fn what_cannot_be_evaluated_is_denied() {
    let policies = parse(
        PolicyDefaults::Roles,
        r#"@id("sum") forbid (principal is Source, action == Action::"admit", resource)
           when { resource.sizeBytes + 1 > 100 };
           @id("all") permit (principal, action == Action::"admit", resource);"#,
    )
    .unwrap();
    let decide = |size_bytes| {
        let facts = ReleaseFacts { size_bytes, ..facts() };
        let source = Principal::Source("public".to_owned());
        policies.decide(
            &source,
            Action::Admit,
            &Resource::Release(Box::new(facts)),
            &Circumstances::default(),
        )
    };
    assert!(decide(1).allowed);
    // Cedar's numbers do not wrap around: the sum fails, and with it the policy.
    let ruling = decide(u64::MAX);
    assert!(!ruling.allowed && ruling.errors.len() == 1, "{ruling:?}");
}

#[test]
fn what_does_not_fit_the_schema_is_denied() {
    let policies = parse(PolicyDefaults::None, "permit (principal, action, resource);").unwrap();
    let wrong = [
        (signer(), Action::Configure, Resource::Place(Place::own())),
        (Principal::nobody(), Action::Publish, weather()),
        (user(&[], &[]), Action::Admit, weather()),
    ];
    for (principal, action, resource) in wrong {
        let ruling = policies.decide(&principal, action, &resource, &Circumstances::default());
        assert!(!ruling.allowed && !ruling.errors.is_empty(), "{principal} {action}");
    }
}

#[test]
fn a_policy_that_could_mean_something_else_is_refused_with_its_line() {
    for (text, line, word) in [
        ("permit (principal, action, resource)", 1, "unexpected end"),
        ("\n\npermit (principal, action, resourse);", 3, "resourse"),
        (
            "permit (principal, action, resource);\nforbid (principal in Role::\"raeder\", action, resource);",
            2,
            "raeder",
        ),
        ("\nforbid (principal, action == Action::\"publsh\", resource);", 2, "publsh"),
        ("forbid (principal is Usr, action, resource);", 1, "Usr"),
        (
            "forbid (principal, action == Action::\"publish\", resource)\nwhen { resource.nam == \"x\" };",
            2,
            "nam",
        ),
        (
            "forbid (principal, action == Action::\"admit\", resource)\nwhen { resource.ageSeconds < \"1\" };",
            2,
            "Long",
        ),
        (
            "forbid (principal, action == Action::\"admit\", resource)\nwhen { resource.publisher.issuer == \"x\" };",
            2,
            "publisher",
        ),
        ("forbid (principal is Signer, action == Action::\"approve\", resource);", 1, "applicable"),
        ("\nforbid (principal, action, resource in Namespace::\"com.Acme\");", 2, "lower case"),
        ("permit (principal == ?principal, action, resource);", 1, "template"),
        ("@approval(\"three\")\nforbid (principal, action, resource);", 1, "approval"),
        ("@approval(\"one\")\npermit (principal, action, resource);", 1, "approval"),
    ] {
        let error = parse(PolicyDefaults::None, text).unwrap_err();
        assert_eq!(error.code(), Code::Policy, "{text}");
        let PolicyError::Invalid { file, line: found, .. } = &error else { panic!("{error}") };
        assert_eq!((file.as_str(), *found), ("acme.cedar", line), "{text}: {error}");
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
}

#[test]
fn two_policies_of_one_name_are_refused() {
    let text = "@id(\"a\") permit (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);";
    let error = parse(PolicyDefaults::None, text).unwrap_err();
    assert!(matches!(&error, PolicyError::Twice { line: 2, .. }), "{error}");
    let error =
        parse(PolicyDefaults::Roles, "@id(\"readers-read\") permit (principal, action, resource);");
    assert!(matches!(error, Err(PolicyError::Twice { .. })), "a default cannot be replaced");
}

#[test]
fn a_change_is_taken_when_it_has_settled_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("acme.cedar");
    let write = |text: &str| fs::write(&file, text).unwrap();
    write("permit (principal, action, resource);");
    let source = PolicyFile { files: vec![file.clone()], defaults: PolicyDefaults::None };
    let engine = Engine::open(&source).unwrap();
    let may_read = || {
        let circumstances = Circumstances::default();
        engine.decide(&Principal::nobody(), Action::Read, &weather(), &circumstances).allowed
    };
    assert_eq!(engine.look(Patience::Settled), Reloaded::Unchanged);

    write("forbid (principal, action, resource);");
    assert_eq!(engine.look(Patience::Settled), Reloaded::Changing);
    assert!(may_read());
    write("forbid (principal, action, resource) unless { false };");
    assert_eq!(engine.look(Patience::Settled), Reloaded::Changing, "it is still being written");
    write("forbid (principal, action, resource);");
    assert_eq!(engine.look(Patience::Settled), Reloaded::Changing);
    assert_eq!(engine.look(Patience::Settled), Reloaded::Loaded);
    assert!(!may_read());

    write("permit (principal, action, resource) when { principal.nme == 1 };");
    assert_eq!(engine.look(Patience::AtOnce), Reloaded::Refused);
    assert!(!may_read(), "what was in force stays");
    assert!(engine.refused().unwrap().contains("line 1"));
    assert_eq!(engine.look(Patience::Settled), Reloaded::Unchanged, "it is said once");
    fs::remove_file(&file).unwrap();
    assert_eq!(engine.look(Patience::Settled), Reloaded::Refused);
    assert!(!may_read());

    write("permit (principal, action, resource);");
    assert_eq!(engine.look(Patience::Settled), Reloaded::Changing);
    assert!(engine.refused().is_some(), "what is in force is older than the files yet");
    assert_eq!(engine.look(Patience::Settled), Reloaded::Loaded);
    assert!(may_read());
    assert_eq!(engine.refused(), None);
}
