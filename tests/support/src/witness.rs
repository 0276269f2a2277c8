//! A witness of the test's own, in the test's process.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use mcpkg_core::log::{Hash, SigningKey, VerifierKey};
use mcpkg_registry_server::WitnessFile;
use mcpkg_registry_server::witness::{WitnessConfig, start};
use tempfile::TempDir;
use tokio::runtime;
use tokio::sync::oneshot;

/// A witness at a free port of the loopback interface, with a memory of its own,
/// until it is dropped. It can go away, and come back at the same address.
///
/// It has a runtime of its own and its methods block, so it serves tests with
/// and without a runtime.
pub struct TestWitness {
    config: WitnessConfig,
    running: Option<Running>,
    _state: TempDir,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl TestWitness {
    /// Starts one that is called `name` and signs for the logs with these keys. It
    /// answers when this returns.
    pub fn start(name: &str, logs: &[VerifierKey]) -> Self {
        let state = tempfile::tempdir().expect("a temporary folder can be made");
        let seed = *Hash::leaf(name.as_bytes()).as_bytes();
        let config = WitnessConfig {
            key: SigningKey::from_seed(name, seed).expect("the name is a key's"),
            state: state.path().to_owned(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            logs: logs.to_vec(),
            request: Duration::from_secs(15),
        };
        let mut witness = Self { config, running: None, _state: state };
        witness.come_back();
        witness
    }

    /// Where it is, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.config.listen)
    }

    /// What its signatures are verified with.
    pub fn key(&self) -> VerifierKey {
        self.config.key.verifier().as_cosigner()
    }

    /// How a registry's configuration names it.
    pub fn to_file(&self) -> WitnessFile {
        WitnessFile { url: self.url(), key: self.key() }
    }

    /// Stops it. What it has signed it remembers.
    pub fn go_away(&mut self) {
        let Some(Running { stop, thread }) = self.running.take() else { return };
        drop(stop);
        let stopped = thread.join();
        // A second panic, while a test's own is being reported, would abort.
        if !std::thread::panicking() {
            stopped.expect("the witness did not panic");
        }
    }

    /// Starts it again, at the same address. It answers when this returns.
    pub fn come_back(&mut self) {
        assert!(self.running.is_none(), "it is there");
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let config = self.config.clone();
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("the system has a poller");
            runtime.block_on(async {
                let running = start(config).await.expect("the witness starts");
                tell.send(running.address()).expect("the test waits for it");
                drop(stopped.await);
                // Not a graceful shutdown: that would wait for idle connections.
                drop(running);
            });
        });
        self.config.listen = told.recv().expect("the witness starts");
        self.running = Some(Running { stop, thread });
    }
}

impl Drop for TestWitness {
    fn drop(&mut self) {
        self.go_away();
    }
}
