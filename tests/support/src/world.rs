//! A machine of one's own: an empty home, and nothing in the environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An empty home folder, in which `mcpkg` runs with a cleared environment, so
/// that a test passes for the same reasons on every machine.
pub struct World {
    home: TempDir,
    mcpkg: PathBuf,
    variables: Vec<(String, String)>,
}

/// A [`World`] with the `mcpkg` that Cargo built for the test.
#[macro_export]
macro_rules! world {
    () => {
        $crate::world::World::new(env!("CARGO_BIN_EXE_mcpkg"))
    };
}

/// What came out of one command.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed as data.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl World {
    /// A new world, with the `mcpkg` at this path.
    pub fn new(mcpkg: impl Into<PathBuf>) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        Self { home, mcpkg: mcpkg.into(), variables: Vec::new() }
    }

    /// The same, with the home folder in `parent`.
    pub fn new_in(parent: &Path, mcpkg: impl Into<PathBuf>) -> Self {
        let home = tempfile::tempdir_in(parent).expect("a temporary folder can be made");
        Self { home, mcpkg: mcpkg.into(), variables: Vec::new() }
    }

    /// The home folder, in which commands run.
    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// Where the user's own lock is.
    pub fn lock_path(&self) -> PathBuf {
        self.path().join(".config/mcpkg/mcpkg.lock")
    }

    /// The content store.
    pub fn store_path(&self) -> PathBuf {
        self.path().join(".local/share/mcpkg")
    }

    /// Sets variables of the environment, for commands from now on.
    pub fn set(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        self.variables.extend(variables);
    }

    /// Makes a file, and the folders above it.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(path);
        let folder = path.parent().expect("a file is in a folder");
        fs::create_dir_all(folder).expect("a folder can be made");
        fs::write(&path, content).expect("a file can be made");
        path
    }

    /// Reads a file.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect("the file is there")
    }

    /// `mcpkg`, ready to be run with other input or output.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.mcpkg);
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            // Where no session bus is, and so no key store of the person who tests.
            .env("XDG_RUNTIME_DIR", self.path().join("run"))
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs `mcpkg` with these arguments.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.command(args).output().expect("mcpkg runs").into()
    }

    /// Runs `mcpkg` and demands that it succeeds.
    #[track_caller]
    pub fn ok(&self, args: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, Some(0), "mcpkg {args:?}\n{outcome}");
        outcome
    }

    /// Runs `mcpkg` and demands that it refuses with this exit code and exactly
    /// these stable codes, in this order.
    #[track_caller]
    pub fn refused(&self, args: &[&str], exit_code: i32, codes: &[&str]) -> Outcome {
        let outcome = self.run(args);
        assert_eq!(outcome.code, Some(exit_code), "mcpkg {args:?}\n{outcome}");
        assert_eq!(outcome.codes(), codes, "mcpkg {args:?}\n{outcome}");
        outcome
    }

    /// What was written below home, as sorted relative paths: for tests that
    /// show that nothing was.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        list(self.path(), self.path(), &mut files);
        files.sort();
        files
    }
}

fn list(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder can be listed") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() && !path.is_symlink() {
            list(root, &path, files);
        } else {
            let relative = path.strip_prefix(root).expect("it is below the root");
            files.push(relative.display().to_string());
        }
    }
}

impl Outcome {
    /// The stable codes of the errors, as printed: `error[E_CODE]: …`.
    pub fn codes(&self) -> Vec<&str> {
        self.stderr
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix("error[").or_else(|| line.strip_prefix("  and["))?;
                Some(rest.split_once("]: ")?.0)
            })
            .collect()
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        write!(f, "exit code: {code}\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}
