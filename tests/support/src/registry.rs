//! A registry of the test's own, in the test's process.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use mcpkg_core::log::SigningKey;
use mcpkg_core::namespace::{AllowedIdentity, NamePattern, NamespaceRule};
use mcpkg_registry_server::{AuthorityConfig, Config, ConfigFile, Limits, Overrides, start};
use mcpkg_verify::{TrustRoot, TrustStore, TrustedKey};
use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

use crate::http::{Http, Reply};
use crate::submission::Submission;
use crate::test_log::TestLog;
use crate::witness::TestWitness;

/// How a [`TestRegistry`] differs from the default.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Who may publish in namespaces that no forge vouches for.
    pub namespaces: Vec<NamespaceRule>,
    /// Keys that may vouch for names, beside the Sigstore.
    pub keys: Vec<(Vec<NamePattern>, TrustedKey)>,
    /// How domains are asked; nobody is asked by default.
    pub authority: Option<AuthorityConfig>,
    /// External parameters of builds that are known beyond the usual ones.
    pub build_parameters: BTreeSet<String>,
    /// Whose word on rebuilds is taken; anybody's, if nobody is listed.
    pub rebuilders: Vec<AllowedIdentity>,
    /// What is too much.
    pub limits: Limits,
    /// How others reach it.
    pub public_url: Option<String>,
}

/// A registry at a free port of the loopback interface, with a data folder of
/// its own, until it is dropped.
///
/// It has a runtime of its own and its methods block, so it serves tests with
/// and without a runtime.
pub struct TestRegistry {
    http: Http,
    /// The data folder, and the log's key and guard beside it.
    data: TempDir,
    log_key: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TestRegistry {
    /// Starts one that trusts the Sigstore of this `trusted_root.json`, and no
    /// other, for every name but those of other accounts at a forge than Acme's. It answers when this returns.
    pub fn start(trusted_root_json: &str) -> Self {
        Self::start_with(trusted_root_json, Setup::default())
    }

    /// The same, set up otherwise.
    pub fn start_with(trusted_root_json: &str, setup: Setup) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let config = configure(data.path(), trusted_root_json, setup);
        Self::run(data, config)
    }

    /// The same as [`Self::start`], with a log for which three witnesses vouch. At
    /// least two of them have to.
    pub fn start_witnessed(trusted_root_json: &str) -> (Self, [TestWitness; 3]) {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let mut config = configure(data.path(), trusted_root_json, Setup::default());
        // The witnesses have to know the log's key before the log begins.
        let key = TestLog::new("localhost/witnessed").key;
        let mut file = fs::OpenOptions::new();
        file.write(true).create_new(true).mode(0o600);
        let file = file.open(&config.log.key).and_then(|mut it| writeln!(it, "{}", key.to_text()));
        file.expect("the key can be kept");
        let logs = [key.verifier()];
        let witnesses = ["w/one", "w/two", "w/three"].map(|name| TestWitness::start(name, &logs));
        config.log.witnesses = witnesses.iter().map(TestWitness::to_file).collect();
        config.log.witness_quorum = 2;
        (Self::run(data, config), witnesses)
    }

    fn run(data: TempDir, config: Config) -> Self {
        let log_key = config.log.key.clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("the system has a poller");
            runtime.block_on(async {
                let running = start(config).await.expect("the registry starts");
                tell.send(running.address()).expect("the test waits for it");
                drop(stopped.await);
                // Not a graceful shutdown: that would wait for what the test
                // has left open.
                drop(running);
            });
        });
        let address = told.recv().expect("the registry starts");
        Self {
            http: Http::new(format!("http://{address}")),
            data,
            log_key,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> &str {
        self.http.url()
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// The key that signs its log: with it a test can lie as the registry could.
    pub fn log_key(&self) -> SigningKey {
        let text = fs::read_to_string(&self.log_key).expect("the log has begun");
        text.trim_end().parse().expect("the file holds a key")
    }

    /// A client of it.
    pub fn http(&self) -> &Http {
        &self.http
    }

    /// Publishes, whatever the answer.
    pub fn publish(&self, submission: &Submission) -> Reply {
        self.http.publish(submission)
    }

    /// Publishes something that has to be accepted.
    #[track_caller]
    pub fn accept(&self, submission: &Submission) -> Reply {
        let reply = self.publish(submission);
        assert_eq!(reply.status, 201, "{reply}");
        reply
    }
}

/// The configuration of a registry with its data below `folder`.
fn configure(folder: &Path, trusted_root_json: &str, setup: Setup) -> Config {
    let root = TrustRoot::from_json(trusted_root_json).expect("the trust root is one");
    // What is tied to `*` does not speak for a forge's accounts.
    let names = ["*", "io.github.acme/*", "io.gitlab.acme/*"]
        .map(|name| name.parse().expect("it is a pattern"))
        .into();
    let trust =
        setup.keys.into_iter().fold(TrustStore::new(vec![(names, root)]), |trust, (names, key)| {
            trust.with_key(names, key).expect("a key may vouch for them")
        });
    Config {
        trust: trust.into(),
        namespaces: setup.namespaces,
        authority: setup.authority.unwrap_or_else(nobody),
        build_parameters: setup.build_parameters,
        rebuilders: setup.rebuilders,
        limits: setup.limits,
        public_url: setup.public_url,
        ..defaults(&folder.join("data"))
    }
}

/// Asking no domain: tests stay on this machine.
fn nobody() -> AuthorityConfig {
    AuthorityConfig { dns: false, well_known: false, ..AuthorityConfig::default() }
}

/// The configuration of a registry that trusts nobody, on a free port.
fn defaults(data: &Path) -> Config {
    let file =
        ConfigFile { trust_public_good: Some(false), authority: nobody(), ..ConfigFile::default() };
    let overrides = Overrides {
        listen: Some("127.0.0.1:0".parse().expect("it is an address")),
        data: Some(data.to_owned()),
        public_url: None,
    };
    file.resolve(&overrides).expect("the default makes sense")
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        drop(self.stop.take());
        let stopped = self.thread.take().map(JoinHandle::join);
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.transpose().expect("the registry did not panic");
        }
    }
}
