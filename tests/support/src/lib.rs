//! The harness of the tests.
//!
//! Everything here is real, and on this machine: [`sigstore`] is a Sigstore of
//! the test's own, [`mod@world`] a home folder of its own, [`lying_registry`] an
//! honest registry with somebody in between. There are no mocks of our own code.

pub mod background;
pub mod binaries;
pub mod ca;
pub mod domain;
pub mod ecosystem;
pub mod http;
pub mod issuer;
pub mod listing;
pub mod login;
pub mod lying_registry;
pub mod mount;
pub mod network;
pub mod registry;
pub mod registry_log;
pub mod registry_process;
pub mod remote;
pub mod sign_on;
pub mod sigstore;
pub mod statement;
pub mod submission;
pub mod test_log;
pub mod tuf;
pub mod witness;
pub mod world;

pub use binaries::Binaries;
pub use ca::{Pair, TestCa};
pub use domain::TestDomain;
pub use ecosystem::{NpmAttestor, TestEcosystem};
pub use http::{Http, Reply};
pub use issuer::{TestIssuer, TestKey};
pub use listing::TestListing;
pub use login::{Gate, Rules, TestIdentityProvider};
pub use lying_registry::{Answer, Heard, LyingRegistry};
pub use mcpkg_registry_server::{
    AccessFile, AdmissionFile, ClientCertificates, IssuerConfig, OfficialConfig, PolicyFile,
    TlsFile, TlsVersion,
};
pub use network::{TestProxy, TlsFront};
pub use registry::{Setup, SourceSetup, TestRegistry};
pub use registry_log::RegistryLog;
pub use registry_process::RegistryProcess;
pub use remote::{Sent, TestRemote, Whim};
pub use sign_on::TestSignOn;
pub use statement::Basis;
pub use submission::{Draft, Submission};
pub use test_log::TestLog;
pub use tuf::TestTuf;
pub use witness::TestWitness;
pub use world::{Outcome, World};
