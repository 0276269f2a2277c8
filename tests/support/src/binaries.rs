//! The real programs, for stories and figures that Cargo builds no binaries for.

use std::path::PathBuf;
use std::process::Command;

/// The folder that Cargo puts this build's programs in.
#[derive(Clone, Debug)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Builds `programs`, with the Cargo and the profile that built the program that
    /// asks, and with the features of the whole workspace: so their dependencies are
    /// those that are there already.
    pub fn build(programs: &[&str]) -> std::io::Result<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        command.args(["build", "--quiet"]);
        for program in programs {
            command.args(["--bin", program]);
        }
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        if !command.status()?.success() {
            return Err(std::io::Error::other("the programs do not build"));
        }
        Self::beside()
    }

    /// The programs that are beside the one that asks: whoever has built it has built
    /// these too, with the same features of their dependencies, and so has built those
    /// once.
    pub fn beside() -> std::io::Result<Self> {
        let here = std::env::current_exe()?;
        let folder = here.parent().ok_or_else(|| std::io::Error::other("no folder"))?;
        // Tests are one folder further down.
        let folder = if folder.ends_with("deps") { folder.join("..") } else { folder.to_owned() };
        Ok(Self { folder })
    }

    /// The program of this name.
    pub fn program(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }
}
