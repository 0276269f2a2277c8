//! Keeping a process that holds secrets to itself.

use super::SecretError;

/// From now on nobody but root reads the memory of this process or its environment,
/// and no core is dumped of it or of what it starts.
///
/// A program that it becomes or starts can be read again by the user's others: the
/// kernel forgets the first of the two with `exec`. A child that is forked and has not
/// done that yet cannot write its own `/proc/self/uid_map`.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "as on the other systems"))]
pub(super) fn protect() -> Result<(), SecretError> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, setrlimit};
        let failed = |error: nix::errno::Errno| SecretError::Unprotected(error.into());
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_dumpable(false).map_err(failed)?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(failed)?;
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use nix::sys::resource::{Resource, getrlimit};

    #[test]
    fn a_process_with_secrets_leaves_no_core() {
        super::protect().unwrap();
        assert!(!nix::sys::prctl::get_dumpable().unwrap());
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).unwrap(), (0, 0));
    }
}
