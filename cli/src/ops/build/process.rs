//! Running one step, within limits.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

#[cfg(not(unix))]
use super::Confinement;
use super::{BuildError, Job};
use crate::error::{Error, Result};

/// The most that a build may print: a log that nobody could read.
const LOG_BYTES: u64 = 64 << 20;

/// How often a step is looked at.
const INTERVAL: Duration = Duration::from_millis(10);

/// Where what a build says goes.
#[derive(Clone, Copy, Debug)]
pub enum Output<'a> {
    /// To the user, as it is said.
    Terminal,
    /// Nowhere.
    Nowhere,
    /// Into a file.
    Log(&'a LogFile),
}

/// A file for what a build says.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Makes the file, or empties it.
    pub fn create(path: &Path) -> Result<Self> {
        let failed = |source| Error::Write { path: path.to_owned(), source };
        // Two handles of the same file, stdout and stderr, both write at its end.
        File::create(path).map_err(failed)?;
        let file = File::options().append(true).open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How much time is left for a build.
pub(super) struct Clock {
    timeout: Duration,
    end: Instant,
}

impl Clock {
    pub(super) fn start(timeout: Duration) -> Self {
        Self { timeout, end: Instant::now() + timeout }
    }
}

/// A child that is killed with its whole group when this is dropped, however
/// its step ends.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.0.id()) {
            use nix::sys::signal::{Signal, killpg};
            use nix::unistd::Pid;
            // It fails if nobody is left, which is what was wanted.
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `words` in the source folder, to the end.
pub(super) fn run(
    words: &[String],
    job: &Job<'_>,
    output: Output<'_>,
    clock: &mut Clock,
) -> Result<ExitStatus, BuildError> {
    let program = words.first().cloned().unwrap_or_default();
    let failed = |source| BuildError::Run { program: program.clone(), source };
    let mut command = command(words, job)?;
    let (stdout, stderr) = match output {
        Output::Terminal => (Stdio::from(std::io::stderr()), Stdio::from(std::io::stderr())),
        Output::Nowhere => (Stdio::null(), Stdio::null()),
        Output::Log(log) => {
            let handle = || log.file.try_clone().map(Stdio::from).map_err(failed);
            (handle()?, handle()?)
        }
    };
    command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut group = Group(command.spawn().map_err(failed)?);
    loop {
        if let Some(status) = group.0.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if Instant::now() >= clock.end {
            return Err(BuildError::Timeout { minutes: clock.timeout.as_secs() / 60 });
        }
        if let Output::Log(log) = output
            && log.file.metadata().map_err(failed)?.len() > LOG_BYTES
        {
            return Err(BuildError::TooMuchOutput { limit_bytes: LOG_BYTES });
        }
        std::thread::sleep(INTERVAL);
    }
}

#[cfg(unix)]
fn command(words: &[String], job: &Job<'_>) -> Result<Command, BuildError> {
    use std::os::unix::process::CommandExt as _;
    let mut command = super::stage::command(words, job)?;
    command.process_group(0);
    Ok(command)
}

#[cfg(not(unix))]
fn command(words: &[String], job: &Job<'_>) -> Result<Command, BuildError> {
    if let Confinement::Confined { .. } = job.confinement {
        return Err(BuildError::not_here());
    }
    let (program, arguments) = words.split_first().map_or(("", &[][..]), |(a, b)| (a, b));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(job.site.source.join(job.site.folder))
        .env_clear()
        .envs(&job.environment);
    Ok(command)
}

/// How a step ended, for a sentence.
pub(super) fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with status {code}"),
        None => "was killed".to_owned(),
    }
}
