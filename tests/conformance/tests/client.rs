//! Running the client.

use std::ffi::OsStr;
use std::process::Command;

/// What came out of one run.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

/// Runs the client with these arguments, without a network to speak of: a proxy
/// that nobody listens at stands before everything beyond this machine.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_mcpkg-conformance"))
        .args(args)
        .env_clear()
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Outcome { code: output.status.code(), stderr }
}

impl Outcome {
    #[track_caller]
    pub(crate) fn accepted(&self, case: &str) {
        assert_eq!(self.code, Some(0), "{case}: {}", self.stderr);
        assert_eq!(self.stderr, "", "{case}: success is silent");
    }

    /// Refused, with exactly this exit code, for this reason.
    #[track_caller]
    pub(crate) fn refused(&self, case: &str, reason: &str) {
        assert_eq!(self.code, Some(1), "{case}: {}", self.stderr);
        assert!(self.stderr.contains(reason), "{case}: `{}` lacks `{reason}`", self.stderr);
    }
}
