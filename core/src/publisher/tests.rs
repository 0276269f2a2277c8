//! Who a signer is, and who is the same.

use super::*;

/// A signer that is `acme/weather`'s release workflow, built from a tag.
pub(crate) fn acme() -> Signer {
    let workflow = "https://github.com/acme/weather/.github/workflows/release.yml@refs/tags/v1.2.0";
    let some = |text: &str| Some(text.to_owned());
    Signer {
        issuer: GITHUB_ISSUER.to_owned(),
        subject: workflow.to_owned(),
        build: Some(BuildClaims {
            build_signer_uri: some(workflow),
            build_config_uri: some(workflow),
            runner_environment: some("github-hosted"),
            source_repository: some("https://github.com/acme/weather"),
            source_commit: some("0123456789abcdef0123456789abcdef01234567"),
            source_ref: some("refs/tags/v1.2.0"),
            source_repository_id: some("1001"),
            source_owner: some("https://github.com/acme"),
            source_owner_id: some("2001"),
            trigger: some("push"),
            ..BuildClaims::default()
        }),
    }
}

const OLD: &str = "https://github.com/acme/weather/.github/workflows/release.yml@refs/heads/old";
const OTHER: &str = "https://github.com/acme/weather/.github/workflows/other.yml@refs/tags/v1.2.0";
const ODD: &str =
    "https://github.com/acme/weather/.github/workflows/release.yml@x.yml@refs/tags/v1.2.0";

/// Builds from another ref, workflow and all.
fn at_ref(claims: &mut BuildClaims, git_ref: &str) {
    let uri = format!("https://github.com/acme/weather/.github/workflows/release.yml@{git_ref}");
    claims.source_ref = Some(git_ref.to_owned());
    claims.build_config_uri = Some(uri.clone());
    claims.build_signer_uri = Some(uri);
}

/// `acme()` with one claim changed.
pub(crate) fn acme_with(change: impl FnOnce(&mut BuildClaims)) -> Signer {
    let mut signer = acme();
    change(signer.build.as_mut().unwrap());
    signer
}

#[test]
fn a_workflow_is_known_by_its_repository_and_path() {
    let Publisher::Workflow(workflow) = Publisher::of(&acme()).unwrap() else {
        panic!("a CI job is a workflow")
    };
    assert_eq!(workflow.workflow, ".github/workflows/release.yml");
    assert_eq!(workflow.repository_id, "1001");
    assert_eq!(workflow.git_ref, ReleaseRef::Tags);
}

#[test]
fn what_strangers_can_start_is_no_publisher() {
    type Change = fn(&mut BuildClaims);
    let missing = PublisherError::Missing;
    let rows: Vec<(Change, PublisherError)> = vec![
        (
            |c| c.trigger = Some("pull_request_target".into()),
            PublisherError::Event("pull_request_target".into()),
        ),
        (|c| c.trigger = Some("workflow_run".into()), PublisherError::Event("workflow_run".into())),
        (
            |c| c.trigger = Some("issue_comment".into()),
            PublisherError::Event("issue_comment".into()),
        ),
        (
            // A workflow of the same repository as it is at another ref.
            |c| c.build_signer_uri = Some(OLD.into()),
            PublisherError::ForeignWorkflow {
                signer: OLD.into(),
                repository: "https://github.com/acme/weather".into(),
            },
        ),
        (|c| c.trigger = None, missing("trigger")),
        (|c| c.source_repository_id = None, missing("repository id")),
        (|c| c.source_owner_id = Some(String::new()), missing("owner id")),
        (|c| c.source_ref = None, missing("ref")),
        (|c| at_ref(c, "refs/pull/7/merge"), PublisherError::Ref("refs/pull/7/merge".into())),
        (
            |c| {
                c.build_signer_uri =
                    Some("https://github.com/evil/shared/.github/workflows/x.yml@v1".into());
            },
            PublisherError::ForeignWorkflow {
                signer: "https://github.com/evil/shared/.github/workflows/x.yml@v1".into(),
                repository: "https://github.com/acme/weather".into(),
            },
        ),
        (
            // A repository whose name merely starts the same.
            |c| {
                c.build_config_uri =
                    Some("https://github.com/acme/weather-evil/.github/workflows/x.yml@v1".into());
            },
            PublisherError::ForeignWorkflow {
                signer: "https://github.com/acme/weather-evil/.github/workflows/x.yml@v1".into(),
                repository: "https://github.com/acme/weather".into(),
            },
        ),
    ];
    for (change, reason) in rows {
        assert_eq!(Publisher::of(&acme_with(change)), Err(reason));
    }
}

#[test]
fn ids_bind_and_names_do_not() {
    type Change = fn(&mut BuildClaims);
    let bound = Publisher::of(&acme()).unwrap();
    let rows: [(Change, Option<&str>); 8] = [
        (|c| at_ref(c, "refs/tags/v2.0.0"), None),
        (|c| c.source_commit = Some("ff".into()), None),
        (|c| c.source_owner_id = Some("9".into()), Some("owner id")),
        (|c| c.source_repository_id = Some("9".into()), Some("repository id")),
        (|c| c.environment = Some("staging".into()), Some("environment")),
        (|c| c.build_config_uri = Some(OTHER.into()), Some("workflow")),
        (
            |c| {
                c.build_config_uri = Some(ODD.into());
                c.build_signer_uri = Some(ODD.into());
            },
            Some("workflow"),
        ),
        (|c| at_ref(c, "refs/heads/main"), Some("ref")),
    ];
    for (change, what) in rows {
        let found = Publisher::of(&acme_with(change)).unwrap();
        assert_eq!(bound.difference(&found).map(|difference| difference.what), what);
    }
}

#[test]
fn a_name_that_changed_hands_is_told_from_a_fork() {
    let bound = Publisher::of(&acme()).unwrap();
    let is_recycled = |repository: &str, owner_id: &str, repository_id: &str| {
        let (owner_id, repository_id) = (owner_id.to_owned(), repository_id.to_owned());
        let url = format!("https://github.com/{repository}");
        let signer = acme_with(|c| {
            let uri = format!("{url}/.github/workflows/release.yml@refs/tags/v1.2.0");
            c.source_repository = Some(url);
            c.build_config_uri = Some(uri.clone());
            c.build_signer_uri = Some(uri);
            c.source_owner_id = Some(owner_id);
            c.source_repository_id = Some(repository_id);
        });
        bound.difference(&Publisher::of(&signer).unwrap()).unwrap().is_recycled
    };
    assert!(is_recycled("acme/weather", "9", "9"), "the account was taken");
    assert!(is_recycled("Acme/other", "9", "9"), "the account was taken, with a new repository");
    assert!(is_recycled("acme/weather", "2001", "9"), "the repository was made again");
    assert!(!is_recycled("mallory/weather", "9", "9"), "a fork");
    assert!(!is_recycled("acme/other", "2001", "9"), "another repository of the same owner");
}

#[test]
fn a_renamed_repository_is_the_same_publisher() {
    let bound = Publisher::of(&acme()).unwrap();
    let renamed = acme_with(|c| {
        c.source_repository = Some("https://github.com/acme/forecast".into());
        let uri = "https://github.com/acme/forecast/.github/workflows/release.yml@refs/tags/v1.2.0";
        c.build_config_uri = Some(uri.into());
        c.build_signer_uri = Some(uri.into());
    });
    assert_eq!(bound.difference(&Publisher::of(&renamed).unwrap()), None);
}

#[test]
fn a_person_is_not_a_workflow() {
    let person = Signer {
        issuer: "https://accounts.example".into(),
        subject: "a@example.com".into(),
        build: None,
    };
    let person = Publisher::of(&person).unwrap();
    let workflow = Publisher::of(&acme()).unwrap();
    assert_eq!(workflow.difference(&person).map(|found| found.what), Some("identity"));
    assert_eq!(person.difference(&person), None);
}

#[test]
fn a_publisher_has_one_reference() {
    let acme = Publisher::of(&acme()).unwrap();
    let text = "github.com/acme/weather#1001/.github/workflows/release.yml,owner=2001";
    assert_eq!(acme.reference(), text);
    assert_eq!(Publisher::from_reference(text), Ok(acme));
    let alice = "alice@acme.example,issuer=https://sso.acme.example";
    assert_eq!(Publisher::from_reference(alice).unwrap().reference(), alice);
    for other in [
        "",
        "github.com/acme/weather",
        "alice@acme.example",
        "github.com/acme/weather#1001/release.yml",
        &text.replace("#1001", ""),
        &format!("{text},owner=2001"),
        &format!("{text},environment"),
        &format!("{text},issuer={GITHUB_ISSUER}"),
        &format!("{text},ref=refs/tags/*"),
        &format!("{text},ref=refs/pull/1"),
        &format!("{text} "),
        &text.replace("github.com", "github%2Ecom"),
    ] {
        assert!(Publisher::from_reference(other).is_err(), "{other}");
    }
}
