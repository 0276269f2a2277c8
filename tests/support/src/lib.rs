//! The harness of the tests.
//!
//! Everything here is real, and on this machine: [`sigstore`] is a Sigstore of
//! the test's own, [`mod@world`] a home folder of its own, [`lying_registry`] an
//! honest registry with somebody in between. There are no mocks of our own code.

pub mod background;
pub mod binaries;
pub mod domain;
pub mod http;
pub mod lying_registry;
pub mod mount;
pub mod registry;
pub mod registry_log;
pub mod registry_process;
pub mod sigstore;
pub mod statement;
pub mod submission;
pub mod test_log;
pub mod tuf;
pub mod witness;
pub mod world;

pub use binaries::Binaries;
pub use domain::TestDomain;
pub use http::{Http, Reply};
pub use lying_registry::{Answer, LyingRegistry};
pub use registry::{Setup, TestRegistry};
pub use registry_log::RegistryLog;
pub use registry_process::RegistryProcess;
pub use statement::Basis;
pub use submission::{Draft, Submission};
pub use test_log::TestLog;
pub use tuf::TestTuf;
pub use witness::TestWitness;
pub use world::{Outcome, World};
