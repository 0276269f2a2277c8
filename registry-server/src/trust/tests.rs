use mcpkg_core::Coded as _;
use mcpkg_test_support::TestTuf;
use mcpkg_test_support::sigstore::TestSigstore;
use tempfile::TempDir;

use super::*;

/// A registry's trust in the root of one TUF repository.
struct Registry {
    tuf: TestTuf,
    data: TempDir,
}

impl Registry {
    fn of(sigstore: &TestSigstore) -> Self {
        let tuf = TestTuf::start(&sigstore.trusted_root_json());
        let data = tempfile::tempdir().unwrap();
        fs::create_dir(data.path().join("staging")).unwrap();
        Self { tuf, data }
    }

    fn open(&self, update: TrustUpdate) -> Trust {
        let tuf = TufConfig {
            url: self.tuf.url().parse().unwrap(),
            anchor: TufAnchor::from_json(self.tuf.root_json()).unwrap(),
            namespaces: vec!["com.acme/*".parse().unwrap()],
            embedded: None,
        };
        let config = TrustConfig { fixed: TrustStore::default(), tuf: vec![tuf], update };
        Trust::open(config, self.data.path()).unwrap()
    }
}

/// The root that vouches for the company's names, or the code of why none does.
fn root(trust: &Trust) -> Result<Digest, &'static str> {
    let vouchers = trust.for_name(&"com.acme/tool".parse().unwrap());
    vouchers
        .map(|vouchers| vouchers.roots()[0].fingerprint())
        .map_err(|error| error.code().as_str())
}

fn root_of(sigstore: &TestSigstore) -> Digest {
    TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap().fingerprint()
}

#[tokio::test]
async fn a_root_is_fetched_kept_current_and_used_offline() {
    let (one, two) = (TestSigstore::start(), TestSigstore::start());
    let mut registry = Registry::of(&one);
    let trust = registry.open(TrustUpdate::Hourly);
    assert_eq!(root(&trust), Err("E_TRUST_ROOT"), "nothing was fetched yet");
    trust.fetch_missing().await;
    assert_eq!(root(&trust), Ok(root_of(&one)));

    let old = registry.tuf.files().save();
    registry.tuf.publish(&two.trusted_root_json());
    trust.update(trust.config.tuf.iter()).await;
    trust.load(Timestamp::now());
    assert_eq!(root(&trust), Ok(root_of(&two)));

    // What goes back, or breaks, changes nothing; neither does a start over.
    registry.tuf.files().restore(old);
    trust.update(trust.config.tuf.iter()).await;
    trust.load(Timestamp::now());
    assert_eq!(root(&trust), Ok(root_of(&two)));
    registry.tuf.files().restore(std::collections::BTreeMap::new());
    let again = registry.open(TrustUpdate::Hourly);
    again.fetch_missing().await;
    again.update(again.config.tuf.iter()).await;
    assert_eq!(root(&again), Ok(root_of(&two)));
}

#[tokio::test]
async fn what_has_expired_is_trusted_no_more() {
    let sigstore = TestSigstore::start();
    let registry = Registry::of(&sigstore);
    let trust = registry.open(TrustUpdate::Hourly);
    trust.fetch_missing().await;
    for (days, is_trusted) in [(0, true), (2, true), (99, true), (101, false)] {
        trust.load(Timestamp::now() + jiff::SignedDuration::from_hours(24 * days));
        assert_eq!(root(&trust).is_ok(), is_trusted, "after {days} days");
    }
}

#[tokio::test]
async fn nothing_is_fetched_where_nothing_is_to_be() {
    let registry = Registry::of(&TestSigstore::start());
    let trust = registry.open(TrustUpdate::Never);
    trust.fetch_missing().await;
    assert_eq!(root(&trust), Err("E_TRUST_ROOT"));
}

#[tokio::test]
async fn a_copy_that_is_broken_is_fetched_again_and_nobody_trusted_until_then() {
    let sigstore = TestSigstore::start();
    let registry = Registry::of(&sigstore);
    let trust = registry.open(TrustUpdate::Hourly);
    trust.fetch_missing().await;
    fs::write(trust.path(&trust.config.tuf[0]), "{").unwrap();
    trust.load(Timestamp::now());
    assert_eq!(root(&trust), Err("E_TRUST_ROOT"));
    trust.update(trust.config.tuf.iter()).await;
    trust.load(Timestamp::now());
    assert_eq!(root(&trust), Ok(root_of(&sigstore)));
}
