//! Each rule of the judgement, and that it refuses for its own reason.

use super::*;
use crate::evidence::{BuildClaims, LogEntry, Signer, Statement};
use crate::publisher::tests::{acme, acme_with};

const METADATA: Digest = Digest::from_bytes([1; 32]);
const ARTIFACT: Digest = Digest::from_bytes([2; 32]);
const SIGNED_AT: &str = "2026-11-01T00:00:00Z";

fn evidence(signer: Signer) -> Evidence {
    Evidence {
        bundle: Digest::from_bytes([9; 32]),
        subjects: vec![METADATA, ARTIFACT],
        signer,
        signed_at: SIGNED_AT.parse().unwrap(),
        log: LogEntry { log_id: "00".into(), index: 7 },
        statement: Some(Statement {
            predicate_type: crate::provenance::SLSA_V1.into(),
            build_type: Some(crate::provenance::PACK_BUILD_TYPE.into()),
            builder: None,
            source: None,
            recipe: None,
            path: None,
            parameters: ["build", "name", "version", "workflow"].map(String::from).to_vec(),
        }),
    }
}

struct Case {
    policy: Policy,
    name: &'static str,
    artifacts: Vec<Digest>,
    evidence: Vec<Evidence>,
    published_at: Option<&'static str>,
    status: Status,
    bound: Option<Publisher>,
    pinned: Option<Publisher>,
    rebuilds: Vec<VerifiedRebuild>,
    now: &'static str,
}

impl Case {
    /// A release that every rule allows.
    fn good() -> Self {
        Self {
            policy: Policy::public(),
            name: "io.github.acme/weather",
            artifacts: vec![ARTIFACT],
            evidence: vec![evidence(acme())],
            published_at: None,
            status: Status::Active,
            bound: Some(Publisher::of(&acme()).unwrap()),
            pinned: Some(Publisher::of(&acme()).unwrap()),
            rebuilds: Vec::new(),
            now: "2026-11-03T00:00:00Z",
        }
    }

    fn codes(&self) -> Vec<&'static str> {
        let candidate = Candidate {
            name: &self.name.parse().unwrap(),
            version: &"1.2.0".parse().unwrap(),
            metadata: METADATA,
            artifacts: &self.artifacts,
            evidence: &self.evidence,
            published_at: self.published_at.map(|at| at.parse().unwrap()),
            status: self.status,
            bound: self.bound.as_ref(),
            pinned: self.pinned.as_ref(),
            authority: None,
            rebuilds: &self.rebuilds,
        };
        match judge(&self.policy, &candidate, self.now.parse().unwrap()) {
            Verdict::Trusted { .. } => vec![],
            Verdict::Refused(refusals) => {
                assert!(!refusals.is_empty(), "a refusal says why");
                refusals.iter().map(|refusal| refusal.code().as_str()).collect()
            }
        }
    }
}

fn recycled(claims: &mut BuildClaims) {
    claims.source_owner_id = Some("666".into());
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each rule")]
fn each_rule_refuses_for_its_own_reason() {
    type Change = fn(&mut Case);
    let rows: [(&str, Change, &[&str]); 20] = [
        ("nothing is wrong", |_| (), &[]),
        (
            "unsigned",
            |case| {
                case.evidence.clear();
                (case.bound, case.pinned) = (None, None);
            },
            &["E_PROVENANCE"],
        ),
        ("no longer signed", |case| case.evidence.clear(), &["E_PROVENANCE_LOST"]),
        (
            "no longer signed, says the lock",
            |case| {
                case.evidence.clear();
                case.bound = None;
            },
            &["E_PROVENANCE_LOST"],
        ),
        (
            "another artifact",
            |case| case.artifacts = vec![Digest::from_bytes([3; 32])],
            &["E_ATTESTATION"],
        ),
        (
            "one of two artifacts",
            |case| case.artifacts.push(Digest::from_bytes([3; 32])),
            &["E_ATTESTATION"],
        ),
        ("other metadata", |case| case.evidence[0].subjects = vec![ARTIFACT], &["E_METADATA"]),
        (
            "a stranger's event",
            |case| {
                case.evidence[0].signer =
                    acme_with(|claims| claims.trigger = Some("workflow_run".into()));
            },
            &["E_OIDC_EVENT"],
        ),
        (
            "two signers",
            |case| {
                case.evidence.push(evidence(acme_with(|claims| {
                    claims.environment = Some("other".into());
                })));
            },
            &["E_PUBLISHER"],
        ),
        ("another's namespace", |case| case.name = "io.github.evil/weather", &["E_NAMESPACE"]),
        ("nobody's namespace", |case| case.name = "com.acme/weather", &["E_NAMESPACE"]),
        (
            "not the bound publisher",
            |case| {
                case.pinned = None;
                case.evidence[0].signer =
                    acme_with(|claims| claims.environment = Some("other".into()));
            },
            &["E_PUBLISHER"],
        ),
        (
            "a recycled account",
            |case| {
                case.pinned = None;
                case.evidence[0].signer = acme_with(recycled);
            },
            &["E_PUBLISHER_ID"],
        ),
        (
            "not the pinned publisher",
            |case| {
                case.bound = None;
                case.evidence[0].signer =
                    acme_with(|claims| claims.environment = Some("other".into()));
            },
            &["E_IDENTITY_CHANGED"],
        ),
        (
            "a parameter that nobody knows",
            |case| {
                let statement = case.evidence[0].statement.as_mut().unwrap();
                statement.parameters = vec!["name".into(), "target".into()];
            },
            &["E_SLSA_PARAMETER"],
        ),
        ("deprecated", |case| case.status = Status::Deprecated, &[]),
        ("yanked", |case| case.status = Status::Yanked, &["E_YANKED"]),
        (
            "signed long ago and published just now",
            |case| case.published_at = Some("2026-11-02T12:00:00Z"),
            &["E_TOO_FRESH"],
        ),
        (
            "published before it was signed, says the registry",
            |case| case.published_at = Some("2020-01-01T00:00:00Z"),
            &[],
        ),
        ("too fresh", |case| case.now = "2026-11-01T23:59:59Z", &["E_TOO_FRESH"]),
    ];
    for (what, change, codes) in rows {
        let mut case = Case::good();
        change(&mut case);
        assert_eq!(case.codes(), codes, "{what}");
    }
}

#[test]
fn every_broken_rule_is_reported() {
    let case = Case {
        status: Status::Yanked,
        now: SIGNED_AT,
        name: "io.github.evil/weather",
        ..Case::good()
    };
    assert_eq!(case.codes(), ["E_NAMESPACE", "E_YANKED", "E_TOO_FRESH"]);
}

#[test]
fn freshness_is_excepted_by_name_and_version_alone() {
    let mut case = Case { now: SIGNED_AT, ..Case::good() };
    let exception = |name: &str, version: &str| {
        BTreeSet::from([(name.parse().unwrap(), version.parse().unwrap())])
    };
    case.policy.accept_fresh = exception("io.github.acme/weather", "1.2.1");
    assert_eq!(case.codes(), ["E_TOO_FRESH"]);
    case.policy.accept_fresh = exception("io.github.acme/weather", "1.2.0");
    assert_eq!(case.codes(), [""; 0]);
}

#[test]
fn an_old_bundle_does_not_age_a_new_one() {
    let mut case = Case::good();
    let old = Evidence { signed_at: "2020-01-01T00:00:00Z".parse().unwrap(), ..evidence(acme()) };
    case.evidence.push(old);
    case.now = "2026-11-01T01:00:00Z";
    assert_eq!(case.codes(), ["E_TOO_FRESH"]);
}

#[test]
fn a_clock_before_the_signature_is_too_fresh_for_any_minimum() {
    let mut case = Case { now: "2026-10-01T00:00:00Z", ..Case::good() };
    case.policy = Policy { min_age: SignedDuration::ZERO, ..Policy::default() };
    assert_eq!(case.codes(), ["E_TOO_FRESH"], "a signature from the future is refused");
}

#[test]
fn a_release_of_remotes_needs_its_metadata_signed_and_nothing_else() {
    let mut case = Case { artifacts: vec![], ..Case::good() };
    case.evidence[0].subjects = vec![METADATA];
    assert_eq!(case.codes(), [""; 0]);
}

#[test]
fn a_new_publisher_is_accepted_by_its_whole_name_alone() {
    let moved = acme_with(|claims| claims.environment = Some("other".into()));
    let reference = Publisher::of(&moved).unwrap().reference();
    let mut case = Case { bound: None, ..Case::good() };
    case.evidence[0].signer = moved;
    for (accepted, codes) in [
        (reference.as_str(), &[][..]),
        ("github.com/acme/weather", &["E_IDENTITY_CHANGED"]),
        (&reference.replace("2001", "2002"), &["E_IDENTITY_CHANGED"]),
        (&Publisher::of(&acme()).unwrap().reference(), &["E_IDENTITY_CHANGED"]),
    ] {
        case.policy.accept_publishers = BTreeSet::from([accepted.to_owned()]);
        assert_eq!(case.codes(), codes, "{accepted}");
    }
}

#[test]
fn rebuilds_count_once_for_each_named_identity() {
    let person = |subject: &str| {
        let issuer = "https://accounts.example".to_owned();
        Signer { issuer, subject: subject.to_owned(), build: None }
    };
    let rebuilt = |signer: Signer, result| VerifiedRebuild {
        rebuilder: Publisher::of(&signer).unwrap(),
        result,
    };
    let by = |subject: &str| rebuilt(person(subject), RebuildResult::Identical);
    let named = |subject: &str| {
        AllowedIdentity::subject("https://accounts.example".to_owned(), subject.to_owned()).unwrap()
    };
    let rule = |required| RebuildRule {
        pattern: NamePattern::All,
        required,
        by: vec![named("alice"), named("bob"), named("alice")],
    };
    let different = rebuilt(person("bob"), RebuildResult::Different);
    for (what, required, rebuilds, is_enough) in [
        ("none asked for", 0, vec![], true),
        ("none", 1, vec![], false),
        ("one of one", 1, vec![by("bob")], true),
        ("two of two", 2, vec![by("bob"), by("alice")], true),
        ("one of two", 2, vec![by("bob")], false),
        ("a stranger", 1, vec![by("mallory")], false),
        ("one twice", 2, vec![by("alice"), by("alice")], false),
        ("found other files", 1, vec![different], false),
    ] {
        let mut case = Case { rebuilds, ..Case::good() };
        case.policy.rebuilds = vec![rule(required)];
        let codes: &[&str] = if is_enough { &[] } else { &["E_REBUILDS"] };
        assert_eq!(case.codes(), codes, "{what}");
    }
    // Whoever published it says nothing new about it.
    let mut case = Case { rebuilds: vec![by("alice")], ..Case::good() };
    case.policy = Policy {
        namespaces: vec![NamespaceRule {
            pattern: "com.acme/*".parse().unwrap(),
            identities: vec![named("alice")],
        }],
        rebuilds: vec![rule(1)],
        ..Policy::default()
    };
    (case.name, case.bound, case.pinned) = ("com.acme/weather", None, None);
    case.evidence[0].signer = person("alice");
    assert_eq!(case.codes(), ["E_REBUILDS"]);
}
