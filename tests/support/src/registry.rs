//! A registry of the test's own, in the test's process.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use mcpkg_core::log::{SigningKey, VerifierKey};
use mcpkg_core::namespace::{AllowedIdentity, NamePattern, NamespaceRule};
use mcpkg_core::policy::Policy;
use mcpkg_registry_server::{
    AccessFile, AdmissionFile, AuthorityConfig, Config, ConfigFile, Limits, NamedRegistry,
    OfficialConfig, Overrides, PolicyFile, ProxyFile, SourceConfig, SourceMode, StartError,
    TlsFile, export, import, start,
};
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
    /// Registries that it mirrors, trusting the same Sigstore for all of their names.
    pub sources: Vec<SourceSetup>,
    /// Whose tokens count; without it, reading is for everybody.
    pub access: Option<AccessFile>,
    /// What else decides who may do what.
    pub policy: PolicyFile,
    /// Whose word on who asks is taken.
    pub proxy: ProxyFile,
    /// What it speaks TLS with, if it does.
    pub tls: Option<TlsFile>,
    /// Registries for audiences of their own.
    pub registries: Vec<NamedRegistry>,
    /// Who may publish through the MCP registry's API.
    pub official: OfficialConfig,
    /// Whose releases policy has to admit.
    pub admission: AdmissionFile,
}

/// A registry that a [`TestRegistry`] mirrors.
#[derive(Clone, Debug)]
pub struct SourceSetup {
    /// What it is called.
    pub name: &'static str,
    /// Where it is.
    pub url: String,
    /// The key of its log.
    pub log_key: VerifierKey,
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

    /// Starts one without a network, which has what the export `from` has of the source
    /// of this name. All of its sources are offline.
    pub fn start_carried(
        trusted_root_json: &str,
        setup: &Setup,
        source: &str,
        from: &Path,
    ) -> Result<Self, StartError> {
        let data = tempfile::tempdir().expect("a temporary folder can be made");
        let configure = || {
            let mut config = configure(data.path(), trusted_root_json, setup.clone());
            config.sources.iter_mut().for_each(|source| source.mode = SourceMode::Offline);
            config
        };
        let source = source.parse().expect("it is a name");
        block_on(import(configure(), &source, from, None))?;
        let config = configure();
        Ok(Self::run(data, config))
    }

    /// Exports what it has of a source into the file `to`, beside serving it.
    pub fn export_source(&self, trusted_root_json: &str, source: SourceSetup, to: &Path) {
        let name = source.name.parse().expect("it is a name");
        let setup = Setup { sources: vec![source], ..Setup::default() };
        let config = configure(self.data.path(), trusted_root_json, setup);
        block_on(export(config, Some(&name), None, to)).expect("the source is exported");
    }

    fn run(data: TempDir, config: Config) -> Self {
        let log_key = config.log.key.clone();
        let scheme = if config.tls.is_some() { "https" } else { "http" };
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
            http: Http::new(format!("{scheme}://{address}")),
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
    let names = ["*", "io.github.acme/*", "io.github.mallory/*", "io.gitlab.acme/*"]
        .map(|name| name.parse().expect("it is a pattern"))
        .to_vec();
    let source = |setup: SourceSetup| {
        let root = TrustRoot::from_json(trusted_root_json).expect("the trust root is one");
        SourceConfig {
            name: setup.name.parse().expect("it is a name"),
            url: Some(setup.url.parse().expect("it is an address")),
            log_key: setup.log_key,
            mode: SourceMode::Online,
            namespaces: vec![NamePattern::All],
            refresh_seconds: 60,
            prefetch: false,
            ca: None,
            trust: TrustStore::new(vec![(names.clone(), root)]).into(),
            policy: Policy::private(),
        }
    };
    let sources = setup.sources.into_iter().map(source).collect();
    let trust = setup
        .keys
        .into_iter()
        .fold(TrustStore::new(vec![(names.clone(), root)]), |trust, (names, key)| {
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
        sources,
        access: setup.access,
        policy: setup.policy,
        proxy: setup.proxy,
        tls: setup.tls,
        registries: setup.registries,
        official: setup.official,
        admission: setup.admission,
        ..defaults(&folder.join("data"))
    }
}

/// What comes of `work`, in a runtime of its own.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("the system has a poller").block_on(work)
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
