//! From a registry's files to an artifact: with real npm and pip, against registries that
//! the test makes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod fixture;
mod hostile;
mod npm;
mod pypi;
mod sbom;
