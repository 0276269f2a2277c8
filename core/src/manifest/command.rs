//! Which program a manifest starts, and whether we do.

use super::runtime::RUNTIMES;
use super::{CommandError, CommandLine, Manifest, arguments, entry_point};
use crate::System;
use crate::template::Template;

/// The program of a command line that we launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A runtime of the system, by its name.
    Runtime(String),
    /// A file of the bundle, with `/` between the parts of its path.
    File(String),
}

/// Programs that fetch what they run.
const RESOLVERS: &[&str] = &[
    "npx",
    "npm",
    "pnpm",
    "pnpx",
    "yarn",
    "bunx",
    "uvx",
    "pipx",
    "pip",
    "pip3",
    "poetry",
    "pdm",
    "hatch",
    "dnx",
    "docker",
    "podman",
    "nerdctl",
    "nix",
    "nix-shell",
    "go",
    "cargo",
    "jbang",
];

/// Programs that run what their arguments or their input say.
const SHELLS: &[&str] = &[
    "sh",
    "bash",
    "dash",
    "zsh",
    "ksh",
    "fish",
    "csh",
    "tcsh",
    "busybox",
    "cmd",
    "powershell",
    "pwsh",
    "wscript",
    "cscript",
    "mshta",
    "rundll32",
    "osascript",
    "env",
    "sudo",
    "doas",
    "xargs",
    "nohup",
    "timeout",
    "nice",
    "setsid",
    "script",
    "perl",
    "awk",
];

impl Manifest {
    /// Checks that we would launch the server's command line on `system`.
    ///
    /// # Errors
    ///
    /// [`CommandError`]; `manifest`'s own documentation says what is not launched
    /// and why.
    pub fn check_command(&self, system: System) -> Result<(), CommandError> {
        program(&self.command_line(system)).map(|_| ())
    }

    /// The command line for `system`, with what it replaces in place.
    pub(super) fn command_line(&self, system: System) -> CommandLine {
        let Some(mut line) = self.server.command.clone() else { return self.default_uv() };
        if let Some(other) = self.server.platform_overrides.get(system.mcpb_name()) {
            line.command = other.command.clone().unwrap_or(line.command);
            line.args = other.args.clone().unwrap_or(line.args);
            line.env.extend(other.env.clone());
        }
        line
    }

    /// What MCPB 0.4 leaves to the host: a server of type `uv` has an entry point
    /// and its project around it.
    fn default_uv(&self) -> CommandLine {
        let entry_point = Template::file(&self.server.entry_point);
        let mut args: Vec<_> = ["run", "--directory"].map(Template::literal).into();
        args.extend([Template::bundle(), entry_point]);
        CommandLine {
            command: Template::literal("uv"),
            args,
            env: std::collections::BTreeMap::new(),
        }
    }
}

/// The program that `line` starts, if we launch it.
pub(super) fn program(line: &CommandLine) -> Result<Program, CommandError> {
    let text = line.command.as_str();
    let in_bundle = line.command.path_in_bundle().filter(|path| !path.is_empty());
    let is_bare = !text.contains(['/', '\\']);
    let file = match in_bundle {
        Some(path) => Some(path),
        // Binaries of older manifests: `server/weather` or `./weather`.
        None if !is_bare && line.command.is_literal() => {
            entry_point::normalize(&text.replace('\\', "/"))
        }
        None => None,
    };
    let last = file.as_deref().unwrap_or(text).rsplit(['/', '\\']).next().unwrap_or(text);
    let name = program_name(last);

    // By its name, wherever it is: `/bin/sh` and a copy of bash in the bundle too.
    if RESOLVERS.contains(&name.as_str()) {
        return Err(CommandError::ResolvesAtLaunch(name));
    }
    if SHELLS.contains(&name.as_str()) {
        return Err(CommandError::Shell(name));
    }
    let is_runtime = RUNTIMES.contains(&name.as_str());
    // `node.exe` is node, and `node.cmd` a script for a shell.
    let is_itself = last.len() == name.len() || last.to_ascii_lowercase().ends_with(".exe");
    if !(file.is_some() || is_bare && is_runtime && is_itself) {
        return Err(CommandError::Unknown(text.chars().take(80).collect()));
    }
    if is_runtime {
        arguments::check(&name, &line.args)?;
    }
    Ok(file.map_or_else(|| Program::Runtime(text.to_owned()), Program::File))
}

/// Whether `program`, a path or a name, is uv.
pub(super) fn is_uv(program: &str) -> bool {
    program.rsplit(['/', '\\']).next().is_some_and(|file| program_name(file) == "uv")
}

/// The name of a program without what Windows adds to it.
fn program_name(file: &str) -> String {
    let name = file.to_ascii_lowercase();
    let stem =
        [".exe", ".cmd", ".bat", ".com", ".ps1"].iter().find_map(|end| name.strip_suffix(end));
    stem.unwrap_or(&name).to_owned()
}
