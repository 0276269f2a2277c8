//! Whose signatures count for which names: roots and managed keys, with one
//! thing changed at a time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::provenance::Provenance;
use mcpkg_core::{Coded, Digest, PackageName, Platform, TreeHasher};
use mcpkg_test_support::sigstore::{Fault, Identity, ManagedKey, TestSigstore, surgery};
use mcpkg_verify::{
    ReleaseSubjects, TrustRoot, TrustStore, TrustedKey, VerifyError, key, verify_release,
};
use serde_json::Value;

const ARTIFACT: Digest = Digest::from_bytes([1; 32]);
const METADATA: Digest = Digest::from_bytes([3; 32]);

fn release(name: &str) -> (ReleaseSubjects, Vec<u8>) {
    let (name, version): (PackageName, _) = (name.parse().unwrap(), "1.2.0".parse().unwrap());
    let tree = TreeHasher::default().finish();
    let statement = Provenance {
        name: &name,
        version: &version,
        metadata: METADATA,
        artifacts: &[(Platform::Any, ARTIFACT, tree)],
        build: None,
        recipe: None,
        path: None,
    }
    .statement();
    let artifacts = vec![(ARTIFACT, Some(tree))];
    let release = ReleaseSubjects { name, version, metadata: METADATA, artifacts };
    (release, statement.to_string().into_bytes())
}

fn root(sigstore: &TestSigstore) -> TrustRoot {
    TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap()
}

/// The test's Sigstore as if it were the public-good one.
fn public(sigstore: &TestSigstore) -> TrustRoot {
    TrustRoot::public_good_from(&sigstore.trusted_root_json()).unwrap()
}

fn names(names: &[&str]) -> Vec<NamePattern> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// What becomes of a bundle that `sigstore` made for a release of `name`.
fn keyless(store: &TrustStore, name: &str, sigstore: &TestSigstore) -> &'static str {
    let (release, statement) = release(name);
    let bundle = sigstore.sign_statement(&Identity::github("acme/weather"), &statement);
    outcome(store, &release, &bundle)
}

fn outcome(store: &TrustStore, release: &ReleaseSubjects, bundle: &str) -> &'static str {
    let result = store
        .for_name(&release.name)
        .and_then(|vouchers| verify_release(release, &[bundle.as_bytes()], &vouchers));
    result.err().map_or("", |error| error.code().as_str())
}

#[test]
fn a_root_vouches_for_the_names_it_is_tied_to() {
    let (company, other) = (TestSigstore::start(), TestSigstore::start());
    let store = TrustStore::new(vec![
        (names(&["com.acme/*"]), root(&company)),
        (names(&["*"]), root(&other)),
    ]);
    assert_eq!(keyless(&store, "com.acme/tool", &company), "");
    assert_eq!(keyless(&store, "com.other/tool", &other), "");
    assert_eq!(keyless(&store, "com.acme/tool", &other), "E_SIGNATURE");
    assert_eq!(keyless(&store, "com.other/tool", &company), "E_SIGNATURE");
    assert_eq!(keyless(&TrustStore::default(), "com.acme/tool", &company), "E_TRUST_ROOT");
}

#[test]
fn only_the_public_root_vouches_for_a_forges_accounts_without_naming_them() {
    let (company, everybody) = (TestSigstore::start(), TestSigstore::start());
    let private = |patterns: &[&str]| (names(patterns), root(&company));
    let good = (names(&["*"]), public(&everybody));
    for (roots, by_company, by_public) in [
        (vec![private(&["*"])], "E_TRUST_ROOT", "E_TRUST_ROOT"),
        (vec![private(&["*"]), good.clone()], "E_SIGNATURE", ""),
        (vec![private(&["*", "io.github.other/*"]), good.clone()], "E_SIGNATURE", ""),
        (vec![private(&["io.github.acme/*"]), good.clone()], "", "E_SIGNATURE"),
        (vec![private(&["io.GitHub.Acme/*"])], "", "E_SIGNATURE"),
    ] {
        let store = TrustStore::new(roots);
        for name in ["io.github.acme/weather", "io.GitHub.acme/weather"] {
            assert_eq!(keyless(&store, name, &company), by_company, "{name} {store:?}");
            assert_eq!(keyless(&store, name, &everybody), by_public, "{name} {store:?}");
        }
    }
}

/// A company with a key, whose use is logged by a Sigstore that is trusted for
/// everything.
struct Company {
    sigstore: TestSigstore,
    key: ManagedKey,
}

impl Company {
    fn new() -> Self {
        Self { sigstore: TestSigstore::start(), key: ManagedKey::generate() }
    }

    fn trusted(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> TrustedKey {
        TrustedKey::from_pem(&self.key.public_pem(), from, until).unwrap()
    }

    fn store(&self, tied_to: &[&str], key: TrustedKey) -> TrustStore {
        let roots = vec![(names(&["*"]), public(&self.sigstore))];
        TrustStore::new(roots).with_key(names(tied_to), key).unwrap()
    }

    fn sign(&self, statement: &[u8]) -> String {
        self.sigstore.sign_statement_with_key(&self.key, statement, &self.key.subject())
    }
}

#[test]
fn a_key_vouches_for_the_names_it_is_tied_to() {
    let company = Company::new();
    let key = || company.trusted(None, None);
    for (tied_to, name, code) in [
        (["com.acme/*"], "com.acme/tool", ""),
        (["*"], "com.acme/tool", ""),
        (["com.other/*"], "com.acme/tool", "E_TRUST_ROOT"),
        (["com.acme/*"], "com.other/tool", "E_TRUST_ROOT"),
        (["*"], "io.github.acme/tool", "E_TRUST_ROOT"),
        (["*"], "io.gitlab.acme/tool", "E_TRUST_ROOT"),
    ] {
        let (release, statement) = release(name);
        let store = company.store(&tied_to, key());
        assert_eq!(outcome(&store, &release, &company.sign(&statement)), code, "{tied_to:?}");
        // A key does not stand in the way of the roots.
        assert_eq!(keyless(&store, name, &company.sigstore), "");
    }
    for forge in ["io.github.acme/*", "io.gitlab.acme/*", "io.GitHub.acme/*"] {
        let error = TrustStore::default().with_key(names(&[forge]), key()).unwrap_err();
        assert!(matches!(error, VerifyError::KeyForForge(_)), "{error:?}");
    }
    // Whoever ties a root to the name says who speaks for it.
    let own = TrustStore::new(vec![(names(&["com.acme/*"]), root(&company.sigstore))]);
    let (release, statement) = release("com.acme/tool");
    let store = own.with_key(names(&["*"]), key()).unwrap();
    assert_eq!(outcome(&store, &release, &company.sign(&statement)), "E_TRUST_ROOT");
}

#[test]
fn the_signer_of_a_key_is_its_fingerprint() {
    let company = Company::new();
    let (release, statement) = release("com.acme/tool");
    let store = company.store(&["com.acme/*"], company.trusted(None, None));
    let vouchers = store.for_name(&release.name).unwrap();
    let bundle = company.sign(&statement);
    let evidence = verify_release(&release, &[bundle.as_bytes()], &vouchers).unwrap().remove(0);
    assert_eq!(evidence.signer.issuer, key::ISSUER);
    assert_eq!(evidence.signer.subject, company.key.subject());
    assert_eq!(evidence.signer.build, None);
}

#[test]
fn a_key_counts_within_its_window_only() {
    let company = Company::new();
    let (release, statement) = release("com.acme/tool");
    let bundle = company.sign(&statement);
    let hours = |hours| Some(Timestamp::now() + SignedDuration::from_hours(hours));
    for (from, until, code) in [
        (hours(-1), hours(1), ""),
        (hours(-1), None, ""),
        (None, hours(1), ""),
        // It was used before it might be, and after.
        (hours(1), hours(2), "E_SIGNATURE"),
        (hours(-2), hours(-1), "E_SIGNATURE"),
    ] {
        let store = company.store(&["com.acme/*"], company.trusted(from, until));
        assert_eq!(outcome(&store, &release, &bundle), code, "{from:?} {until:?}");
    }
    let backwards = TrustedKey::from_pem(&company.key.public_pem(), hours(1), hours(-1));
    assert!(matches!(backwards, Err(VerifyError::EmptyWindow { .. })), "{backwards:?}");
    let no_key = TrustedKey::from_pem("-----BEGIN PUBLIC KEY-----\nAA==\n", None, None);
    assert!(matches!(no_key, Err(VerifyError::Key(_))), "{no_key:?}");
}

#[test]
fn a_key_counts_only_with_a_proven_time_in_a_trusted_log() {
    type Change = fn(&mut Value, &Value);
    let company = Company::new();
    let elsewhere = TestSigstore::start();
    let (release, statement) = release("com.acme/tool");
    let store = company.store(&["com.acme/*"], company.trusted(None, None));
    let good: Value = serde_json::from_str(&company.sign(&statement)).unwrap();
    let other = elsewhere.sign_statement_with_key(&company.key, &statement, "");
    let other: Value = serde_json::from_str(&other).unwrap();
    let rows: [(&str, Change); 5] = [
        ("", |_, _| ()),
        ("E_SIGNATURE", |bundle, _| surgery::remove_timestamps(bundle)),
        ("E_SIGNATURE", |bundle, _| {
            bundle["verificationMaterial"]["tlogEntries"] = Value::Array(Vec::new());
        }),
        ("E_SIGNATURE", |bundle, other| {
            *surgery::part(bundle, surgery::LOG_ENTRY) =
                other.pointer(surgery::LOG_ENTRY).unwrap().clone();
        }),
        ("E_SIGNATURE", |bundle, _| surgery::flip_signature(bundle)),
    ];
    for (code, change) in rows {
        let mut bundle = good.clone();
        change(&mut bundle, &other);
        assert_eq!(outcome(&store, &release, &bundle.to_string()), code, "{bundle}");
    }
    let late = Company::new();
    late.sigstore.break_with(Fault::TimestampFromStranger);
    let store = late.store(&["com.acme/*"], late.trusted(None, None));
    assert_eq!(outcome(&store, &release, &late.sign(&statement)), "E_SIGNATURE");
}

#[test]
fn a_hint_selects_among_the_keys_and_decides_nothing() {
    let company = Company::new();
    let stranger = ManagedKey::generate();
    let (release, statement) = release("com.acme/tool");
    let other = TrustedKey::from_pem(&stranger.public_pem(), None, None).unwrap();
    let store = company
        .store(&["com.acme/*"], company.trusted(None, None))
        .with_key(names(&["com.acme/*"]), other)
        .unwrap();
    let mine = company.key.subject();
    let sign = |key: &ManagedKey, hint: &str| {
        company.sigstore.sign_statement_with_key(key, &statement, hint)
    };
    let unknown = ManagedKey::generate();
    for (bundle, code) in [
        (sign(&company.key, &mine), ""),
        (sign(&company.key, mine.trim_start_matches("sha256:")), ""),
        (sign(&company.key, "whatever"), ""),
        (sign(&company.key, ""), ""),
        (sign(&stranger, &stranger.subject()), ""),
        // It says that it is a trusted key, and is not.
        (sign(&unknown, &mine), "E_SIGNATURE"),
        (sign(&unknown, &unknown.subject()), "E_SIGNATURE"),
        (sign(&company.key, &stranger.subject()), "E_SIGNATURE"),
    ] {
        assert_eq!(outcome(&store, &release, &bundle), code, "{bundle}");
    }
}
