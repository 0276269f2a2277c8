//! Each rule of the judgement, and that it refuses for its own reason.

use super::*;
use crate::evidence::{BuildClaims, LogEntry, Signer};
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
        statement: None,
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
fn each_rule_refuses_for_its_own_reason() {
    type Change = fn(&mut Case);
    let rows: [(&str, Change, &[&str]); 16] = [
        ("nothing is wrong", |_| (), &[]),
        ("unsigned", |case| case.evidence.clear(), &["E_PROVENANCE"]),
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
