//! A trust root that is kept current through TUF: what is accepted, what is
//! refused and why, and for how long a copy may be used.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::Coded;
use mcpkg_test_support::TestTuf;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_verify::TrustRoot;
use mcpkg_verify::tuf::{TufAnchor, TufCache, TufError, TufRoot};

struct Repository {
    tuf: TestTuf,
    anchor: TufAnchor,
    runtime: tokio::runtime::Runtime,
}

impl Repository {
    fn of(sigstore: &TestSigstore) -> Self {
        let tuf = TestTuf::start(&sigstore.trusted_root_json());
        let anchor = TufAnchor::from_json(tuf.root_json()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { tuf, anchor, runtime }
    }

    fn refresh_at(
        &self,
        cache: &TufCache,
        now: Timestamp,
    ) -> Result<(TufCache, TufRoot), TufError> {
        let files = self.tuf.files().clone();
        self.runtime.block_on(self.anchor.refresh(cache, files, now))
    }

    fn refresh(&self, cache: &TufCache) -> Result<(TufCache, TufRoot), TufError> {
        self.refresh_at(cache, Timestamp::now())
    }
}

fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(hours)
}

fn fingerprint(sigstore: &TestSigstore) -> mcpkg_core::Digest {
    TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap().fingerprint()
}

#[test]
fn what_the_repository_publishes_is_what_is_trusted() {
    let (one, two) = (TestSigstore::start(), TestSigstore::start());
    let mut repository = Repository::of(&one);
    let (cache, first) = repository.refresh(&TufCache::default()).unwrap();
    assert_eq!(first.root.fingerprint(), fingerprint(&one));
    assert!(!first.root.is_public_good());
    assert_eq!((first.status.root_version, first.status.targets_version), (1, 1));

    repository.tuf.publish(&two.trusted_root_json());
    let (cache, second) = repository.refresh(&cache).unwrap();
    assert_eq!(second.root.fingerprint(), fingerprint(&two));
    assert_eq!((second.status.root_version, second.status.targets_version), (1, 2));

    // Nothing new is no error, and a copy says the same without asking.
    let (cache, again) = repository.refresh(&cache).unwrap();
    assert_eq!(again.root.fingerprint(), fingerprint(&two));
    let copy = repository.anchor.open(&cache, Timestamp::now()).unwrap();
    assert_eq!(copy.status, again.status);
    let text = serde_json::to_string(&cache).unwrap();
    assert_eq!(serde_json::from_str::<TufCache>(&text).unwrap(), cache);
}

#[test]
fn a_root_is_followed_from_key_to_key_and_to_no_other() {
    let mut repository = Repository::of(&TestSigstore::start());
    let (cache, _) = repository.refresh(&TufCache::default()).unwrap();
    repository.tuf.rotate();
    repository.tuf.rotate();
    for start in [&cache, &TufCache::default()] {
        let (rotated, found) = repository.refresh(start).unwrap();
        assert_eq!(found.status.root_version, 3);
        assert_eq!(
            repository.anchor.open(&rotated, Timestamp::now()).unwrap().status,
            found.status
        );
    }
    repository.tuf.usurp();
    let error = repository.refresh(&cache).unwrap_err();
    assert!(matches!(error, TufError::Invalid(_)), "{error:?}");
    assert_eq!(error.code().as_str(), "E_TRUST_ROOT");
}

#[test]
fn nothing_goes_back() {
    let mut repository = Repository::of(&TestSigstore::start());
    let old = repository.tuf.files().save();
    repository.tuf.sign();
    let (cache, _) = repository.refresh(&TufCache::default()).unwrap();
    repository.tuf.files().restore(old);
    let error = repository.refresh(&cache).unwrap_err();
    assert!(matches!(error, TufError::Rollback(_)), "{error:?}");
    assert_eq!(error.code().as_str(), "E_ROLLBACK");
    // Somebody who has seen nothing yet cannot know.
    repository.refresh(&TufCache::default()).unwrap();
}

#[test]
fn what_has_expired_is_not_fetched() {
    for role in ["root", "targets", "snapshot", "timestamp"] {
        let mut repository = Repository::of(&TestSigstore::start());
        repository.tuf.lasting(role, -1);
        let error = repository.refresh(&TufCache::default()).unwrap_err();
        let TufError::Expired { role: found, .. } = &error else { panic!("{error:?}") };
        assert_eq!((found.as_str(), error.code().as_str()), (role, "E_STALE"));
    }
}

#[test]
fn a_tampered_repository_is_refused() {
    type Change = fn(&mut Vec<u8>);
    let rows: [(&str, Change); 6] = [
        (".trusted_root.json", |file| *file.last_mut().unwrap() = b' '),
        (".trusted_root.json", |file| file[0] = b' '),
        ("1.targets.json", |file| file.push(b' ')),
        ("1.snapshot.json", |file| file.push(b' ')),
        ("timestamp.json", |file| {
            let text = String::from_utf8(file.clone()).unwrap();
            *file = text.replace("\"version\":1", "\"version\":7").into_bytes();
        }),
        ("timestamp.json", |file| *file = b"{}".to_vec()),
    ];
    for (name, change) in rows {
        let repository = Repository::of(&TestSigstore::start());
        repository.refresh(&TufCache::default()).unwrap();
        repository.tuf.files().edit(name, change);
        let error = repository.refresh(&TufCache::default()).unwrap_err();
        assert!(matches!(error, TufError::Invalid(_)), "{name}: {error:?}");
    }
    for name in ["timestamp.json", ".trusted_root.json"] {
        let repository = Repository::of(&TestSigstore::start());
        repository.tuf.files().edit(name, |file| file.resize(20_000, b' '));
        let error = repository.refresh(&TufCache::default()).unwrap_err();
        assert!(matches!(error, TufError::Source(_)), "{name} is cut off: {error:?}");
    }
}

#[test]
fn a_copy_is_used_for_as_long_as_root_and_targets_allow() {
    let repository = Repository::of(&TestSigstore::start());
    let (cache, _) = repository.refresh(&TufCache::default()).unwrap();
    let open = |at| repository.anchor.open(&cache, at);
    for (hours, is_stale) in [(0, false), (23, false), (25, true), (24 * 99, true)] {
        let at = in_hours(hours);
        assert_eq!(open(at).unwrap().status.is_stale(at), is_stale, "{hours} h");
    }
    let error = open(in_hours(24 * 101)).unwrap_err();
    assert!(matches!(&error, TufError::Expired { role, .. } if role == "root"), "{error:?}");
    // Nor does it come back into use by asking a repository that stood still.
    let error = repository.refresh_at(&cache, in_hours(24 * 101)).unwrap_err();
    assert_eq!(error.code().as_str(), "E_STALE", "{error:?}");
    let nothing = repository.anchor.open(&TufCache::default(), Timestamp::now()).unwrap_err();
    assert!(matches!(nothing, TufError::NoCopy), "{nothing:?}");
}

#[test]
fn an_edited_copy_is_of_no_use() {
    let (one, two) = (TestSigstore::start(), TestSigstore::start());
    let repository = Repository::of(&one);
    let (cache, _) = repository.refresh(&TufCache::default()).unwrap();
    let text = serde_json::to_string(&cache).unwrap();
    let quoted =
        |sigstore: &TestSigstore| serde_json::to_string(&sigstore.trusted_root_json()).unwrap();
    let other_root = text.replace(&quoted(&one), &quoted(&two));
    let no_end = text.replace("\\\"expires\\\":\\\"2", "\\\"expires\\\":\\\"3");
    for edited in [other_root, no_end] {
        assert_ne!(edited, text, "the edit did something");
        let edited: TufCache = serde_json::from_str(&edited).unwrap();
        let error = repository.anchor.open(&edited, Timestamp::now()).unwrap_err();
        assert_eq!(error.code().as_str(), "E_TRUST_ROOT", "{error:?}");
    }
    let elsewhere = Repository::of(&two);
    let error = elsewhere.anchor.open(&cache, Timestamp::now()).unwrap_err();
    assert_eq!(error.code().as_str(), "E_TRUST_ROOT", "{error:?}");
}

#[test]
fn the_public_good_anchor_is_one() {
    let repository = Repository::of(&TestSigstore::start());
    let files = repository.tuf.files().clone();
    let refresh = TufAnchor::public_good();
    let cache = TufCache::default();
    let refreshed = repository.runtime.block_on(refresh.refresh(&cache, files, Timestamp::now()));
    assert!(matches!(refreshed, Err(TufError::Invalid(_))), "a stranger's: {refreshed:?}");
    assert!(matches!(TufAnchor::from_json(b"{}"), Err(TufError::Invalid(_))));
}
