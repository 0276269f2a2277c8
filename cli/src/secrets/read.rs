//! Reading what a reference leads to: variables, files, programs, 1Password.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{MAX_BYTES, Secret, SecretError};

/// How long a program may take. It may ask the user for a fingerprint, and agents
/// give up on a server after about as long.
const LIMIT: Duration = Duration::from_mins(1);

/// A variable of our environment.
pub(super) fn variable(name: &str) -> Result<Option<Secret>, SecretError> {
    let Some(value) = std::env::var_os(name) else { return Ok(None) };
    let value = Zeroizing::new(value.into_encoded_bytes());
    read(&value, || format!("the variable `{name}`")).map(Some)
}

/// A file, which has to be the user's alone.
pub(super) fn file(path: &str) -> Result<Option<Secret>, SecretError> {
    let path = Path::new(path);
    let what = || format!("the file `{}`", path.display());
    let unreadable = |source| SecretError::Unreadable { what: what(), source };
    if !path.is_absolute() {
        return Err(unreadable(io::Error::other("it is a path of another system")));
    }
    // Asked before it is opened: opening a pipe waits for somebody to write.
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(unreadable)?,
    };
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("it is no regular file")));
    }
    let file = File::open(path).map_err(unreadable)?;
    check_private(&file, path)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    let most = u64::try_from(MAX_BYTES + 2).unwrap_or(u64::MAX);
    file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
    read(&bytes, what).map(Some)
}

/// Refuses a file that others can read, or write and so choose what it says.
#[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "as on the other systems"))]
fn check_private(file: &File, path: &Path) -> Result<(), SecretError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let unreadable = |source| {
            let what = format!("the file `{}`", path.display());
            SecretError::Unreadable { what, source }
        };
        if file.metadata().map_err(unreadable)?.mode() & 0o077 != 0 {
            return Err(SecretError::Exposed(path.to_owned()));
        }
    }
    // On Windows a file in the user's profile is the user's alone, and no mode says so.
    #[cfg(not(unix))]
    let _ = (file, path);
    Ok(())
}

/// What a program prints. It is run as it is, by no shell, and its arguments are in no
/// error.
pub(super) fn command(words: &[String]) -> Result<Secret, SecretError> {
    let (program, args) = words.split_first().map_or(("", words), |(it, rest)| (it, rest));
    let what = || format!("what `{program}` prints");
    let mut command = Command::new(program);
    // Not in the folder that an agent happens to start us in, whose files such a
    // program might take for its configuration.
    command.args(args).current_dir(root());
    let bytes = output(command, MAX_BYTES + 2)
        .map_err(|source| SecretError::Unreadable { what: what(), source })?;
    read(&bytes, what)
}

/// What 1Password has, asked of its own program.
pub(super) fn one_password(reference: &str) -> Result<Secret, SecretError> {
    command(&["op", "read", "--no-newline", reference].map(str::to_owned))
}

/// What a program prints, at most `limit` bytes of it. It has to succeed within a minute.
pub(crate) fn output(mut command: Command, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let (sender, receiver) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        let most = u64::try_from(limit).unwrap_or(u64::MAX);
        std::thread::spawn(move || {
            // Reserved at once, so that no copy is left behind as it grows.
            let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
            let read = stdout.take(most).read_to_end(&mut bytes);
            // Nobody listens any more if it took too long.
            let _ = sender.send(read.map(|_| bytes));
        });
    }
    let Ok(read) = receiver.recv_timeout(LIMIT) else {
        child.kill()?;
        child.wait()?;
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it did not end within a minute"));
    };
    let bytes = read?;
    let status = child.wait()?;
    if status.success() {
        Ok(bytes)
    } else {
        Err(io::Error::other(format!("it ended with {status}")))
    }
}

/// A folder that nobody else puts files into.
fn root() -> PathBuf {
    let here = std::env::current_exe().ok();
    let root = here.as_deref().and_then(|path| path.ancestors().last().map(Path::to_owned));
    root.unwrap_or_else(|| PathBuf::from("/"))
}

fn read(bytes: &[u8], what: impl FnOnce() -> String) -> Result<Secret, SecretError> {
    Secret::read(bytes).map_err(|reason| SecretError::NotASecret { what: what(), reason })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use mcpkg_core::{Code, Coded as _};

    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_program_is_run_as_it_is_and_has_to_succeed() {
        let secret = command(&words(&["printf", "%s\n", "$HOME;id"])).unwrap();
        assert_eq!(secret.expose(), "$HOME;id", "no shell looks at it");
        for failing in [&["false", "hunter2"][..], &["/nothing/here", "hunter2"], &["true"]] {
            let error = command(&words(failing)).unwrap_err();
            assert_eq!(error.code(), Code::Secret);
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_file_is_read_if_it_is_the_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let text = path.to_str().unwrap();
        assert!(file(text).unwrap().is_none());
        std::fs::write(&path, "hunter2\n").unwrap();
        for (mode, is_read) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match file(text) {
                Ok(secret) => assert!(is_read && secret.unwrap().expose() == "hunter2"),
                Err(error) => assert!(!is_read && matches!(error, SecretError::Exposed(_))),
            }
        }
        let error = file(folder.path().to_str().unwrap()).unwrap_err();
        assert!(matches!(error, SecretError::Unreadable { .. }), "a folder: {error}");
        assert!(file(r"C:\key").is_err());
    }
}
