//! Whether an interpreter is given a file of the bundle to run.

use super::runtime::{self, Rules};
use super::{CommandError, is_bundle_path};
use crate::template::Template;

/// Checks that `runtime`, given `args`, runs a file of the bundle and loads
/// nothing else. What comes after that file is the server's own business.
pub(super) fn check(runtime: &str, args: &[Template]) -> Result<(), CommandError> {
    let rules = runtime::rules(runtime);
    let walk = Walk {
        runtime,
        rules,
        subcommands: rules.subcommands,
        required: rules.required.to_vec(),
        is_in_bundle: false,
    };
    walk.check(args)
}

/// The arguments before the program, from left to right.
struct Walk<'a> {
    runtime: &'a str,
    rules: &'a Rules,
    /// The subcommands that have not come yet.
    subcommands: &'a [&'a str],
    /// The options that must be there and have not come yet.
    required: Vec<&'a str>,
    /// Whether uv has been told to work in the bundle, so that paths are there.
    is_in_bundle: bool,
}

impl Walk<'_> {
    fn check(mut self, args: &[Template]) -> Result<(), CommandError> {
        let rules = self.rules;
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let text = arg.as_str();
            let (name, glued) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            if text == "-" || matches(rules.inline, text) || matches(rules.inline, name) {
                let (runtime, option) = (self.runtime.to_owned(), shown(text));
                return Err(CommandError::InlineCode { runtime, option });
            } else if matches(rules.programs, text) {
                let program = rest.next().ok_or_else(|| self.option(text))?;
                return self.program(program, rest.as_slice());
            } else if matches(rules.paths, name) {
                let path = match glued {
                    Some(path) => Template::parse(path).ok(),
                    None => rest.next().cloned(),
                };
                let path = path.ok_or_else(|| self.option(text))?;
                if path.path_in_bundle().is_none() {
                    return Err(self.outside(path.as_str()));
                }
                self.is_in_bundle |= name == "--directory";
            } else if matches(rules.valued, text) {
                // An unset value would drop out, and the program take its place.
                let value = rest.next().ok_or_else(|| self.option(text))?;
                if value.config_keys().next().is_some() {
                    return Err(self.option(text));
                }
            } else if text.starts_with('-') {
                if !matches(rules.flags, text) {
                    return Err(self.option(text));
                }
                self.required.retain(|required| *required != text);
            } else if let [subcommand, later @ ..] = self.subcommands {
                if text != *subcommand {
                    return self.without_subcommand(arg);
                }
                self.subcommands = later;
            } else {
                return self.program(arg, rest.as_slice());
            }
        }
        Err(CommandError::NoProgram(self.runtime.to_owned()))
    }

    /// Bun alone takes a file where the others want `run`.
    fn without_subcommand(&self, arg: &Template) -> Result<(), CommandError> {
        match self.runtime {
            "bun" if is_file(arg) => self.program(arg, &[]),
            // `uv tool run`, `deno eval`, `bun x`: there are many, and `run` is enough.
            runtime => {
                let command = format!("{runtime} {}", shown(arg.as_str()));
                Err(CommandError::ResolvesAtLaunch(command))
            }
        }
    }

    /// The first argument that is no option: what runs.
    fn program(&self, arg: &Template, rest: &[Template]) -> Result<(), CommandError> {
        let text = arg.as_str();
        // `uv run` takes a script, or any program there is.
        let is_uv = self.runtime == "uv";
        if is_uv && matches!(text, "python" | "python3") {
            return check(text, rest);
        }
        let is_script = text.strip_suffix(".py").is_some() && is_bundle_path(text);
        if !(is_file(arg) || is_uv && self.is_in_bundle && is_script) {
            return Err(self.outside(text));
        }
        match self.required.first() {
            None => Ok(()),
            Some(option) => {
                let command = format!("{} without {option}", self.runtime);
                Err(CommandError::ResolvesAtLaunch(command))
            }
        }
    }

    fn outside(&self, program: &str) -> CommandError {
        CommandError::ProgramOutside { runtime: self.runtime.to_owned(), program: shown(program) }
    }

    fn option(&self, option: &str) -> CommandError {
        CommandError::Option { runtime: self.runtime.to_owned(), option: shown(option) }
    }
}

fn is_file(arg: &Template) -> bool {
    arg.path_in_bundle().is_some_and(|path| !path.is_empty())
}

/// Whether `text` is one of `patterns`; a `*` at the end stands for any rest.
fn matches(patterns: &[&str], text: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => text.starts_with(prefix),
        None => *pattern == text,
    })
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
