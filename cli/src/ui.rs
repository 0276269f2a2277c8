//! What the user sees. The only file that prints.
//!
//! Data goes to stdout, talk to stderr. Text that came from elsewhere is made
//! safe for a terminal here, once, and not at each place that makes a message.

use std::fmt::{self, Display};
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

const GREEN: Style = AnsiColor::Green.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// How much to say, and in which form.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ui {
    /// Data as JSON.
    pub json: bool,
    /// How much to say.
    pub talk: Talk,
    /// Never ask: take what was asked for as approved.
    pub yes: bool,
}

/// How much to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Talk {
    /// Errors alone.
    Errors,
    /// What was done, and what to look at.
    #[default]
    Plain,
    /// With which files, and which bytes.
    More,
}

impl Ui {
    /// Whether nothing but errors is said.
    pub fn is_quiet(&self) -> bool {
        self.talk == Talk::Errors
    }

    /// Says that something was done: a verb and its object.
    pub fn status(&self, verb: &str, what: impl Display) {
        if !self.is_quiet() {
            anstream::eprintln!("{GREEN}{verb:>12}{GREEN:#} {}", Printable(what));
        }
    }

    /// Says something that the user should look at.
    pub fn warn(&self, what: impl Display) {
        if !self.is_quiet() {
            anstream::eprintln!("{YELLOW}warning{YELLOW:#}: {}", Printable(what));
        }
    }

    /// Says several things that the user should look at.
    pub fn warn_all(&self, what: &[impl Display]) {
        for what in what {
            self.warn(what);
        }
    }

    /// Says a line of explanation, indented below a status.
    pub fn detail(&self, label: &str, what: impl Display) {
        if !self.is_quiet() {
            anstream::eprintln!("{DIM}{label:>12}{DIM:#} {}", Printable(what));
        }
    }

    /// Says a line of explanation that few want to read.
    pub fn more(&self, label: &str, what: impl Display) {
        if self.talk == Talk::More {
            self.detail(label, what);
        }
    }

    /// Says a heading.
    pub fn heading(&self, what: impl Display) {
        if !self.is_quiet() {
            anstream::eprintln!("\n  {BOLD}{}{BOLD:#}", Printable(what));
        }
    }

    /// Prints data: `value` as JSON where that was asked for, else `text`.
    pub fn data<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<()> {
        let text = if self.json {
            let mut json = serde_json::to_string_pretty(value).map_err(Error::Json)?;
            json.push('\n');
            json
        } else {
            Printable(text()).to_string()
        };
        self.raw(text.as_bytes())
    }

    /// Prints one of many things as they happen: as a line of JSON where that was
    /// asked for, else `text`.
    pub fn event<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Result<()> {
        let text = if self.json {
            serde_json::to_string(value).map_err(Error::Json)? + "\n"
        } else {
            Printable(text()).to_string()
        };
        self.raw(text.as_bytes())
    }

    /// Prints bytes that are ours, as they are.
    pub fn raw(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // `mcpkg list | head` is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(Error::Print(source)),
            Ok(()) => Ok(()),
        }
    }

    /// Asks a question that has a yes. Without a terminal, and without `--yes`,
    /// the answer is an error that names the flag.
    pub fn confirm(&self, question: &str) -> Result<bool> {
        if self.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::NoTerminal);
        }
        dialoguer::Confirm::new().with_prompt(question).default(false).interact().map_err(|error| {
            match error {
                dialoguer::Error::IO(source) => Error::Print(source),
            }
        })
    }

    /// A progress bar over `total` bytes, which shows itself after a second and
    /// on a terminal only.
    pub fn progress(&self, verb: &str, total: u64) -> ProgressBar {
        if self.is_quiet() || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        let template = "{prefix:>12.green.bold} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb.to_owned());
        bar
    }

    /// Advances a bar, and shows it once it has been worth it.
    pub fn advance(bar: &ProgressBar, bytes: u64) {
        bar.inc(bytes);
        if bar.is_hidden()
            && !bar.is_finished()
            && bar.length().is_some_and(|length| length > 0)
            && bar.elapsed() > Duration::from_secs(1)
            && std::io::stderr().is_terminal()
        {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

/// Asks for a secret, without showing it. `None` if there is nobody to ask.
pub fn ask_secret(prompt: &str) -> std::io::Result<Option<Zeroizing<String>>> {
    ask_hidden(|password| password.with_prompt(prompt))
}

/// The same, twice, for one that nobody could look up if it was mistyped.
pub fn ask_new_secret(prompt: &str) -> std::io::Result<Option<Zeroizing<String>>> {
    ask_hidden(|password| {
        let again = "Once more";
        password.with_prompt(prompt).with_confirmation(again, "these are not the same")
    })
}

/// The same, where an empty answer means not to give one now.
pub fn ask_optional_secret(prompt: &str) -> std::io::Result<Option<Zeroizing<String>>> {
    let asked = ask_hidden(|password| password.with_prompt(prompt).allow_empty_password(true))?;
    Ok(asked.filter(|text| !text.is_empty()))
}

fn ask_hidden(
    make: impl FnOnce(dialoguer::Password<'static>) -> dialoguer::Password<'_>,
) -> std::io::Result<Option<Zeroizing<String>>> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    match make(dialoguer::Password::new()).interact() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(dialoguer::Error::IO(source)) => Err(source),
    }
}

/// The two streams that an agent talks to a server on, when it is ours to pass on what
/// is said and not to say anything.
pub fn streams() -> (std::io::Stdin, std::io::Stdout) {
    (std::io::stdin(), std::io::stdout())
}

/// Waits until nobody reads our output any more, which an agent that is gone does not.
/// It waits for ever where that cannot be noticed: of a file, or a terminal.
pub fn until_unheard() {
    #[cfg(not(unix))]
    loop {
        std::thread::park();
    }
    #[cfg(unix)]
    until_error();
}

#[cfg(unix)]
fn until_error() {
    use std::os::fd::AsFd as _;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    let stdout = std::io::stdout();
    let mut watched = [PollFd::new(stdout.as_fd(), PollFlags::empty())];
    while poll(&mut watched, PollTimeout::NONE) == Err(Errno::EINTR) {}
}

/// Reports a failure: what happened, why, and what to do about it.
pub fn report(error: &Error, json: bool) {
    if json {
        let mut stdout = anstream::stdout().lock();
        let body = serde_json::json!({ "error": error.to_json() });
        // Nothing is left to be told if this fails: stderr follows, and the
        // exit code says the rest.
        let _ = writeln!(stdout, "{body:#}");
    }
    for (index, reason) in error.reasons().iter().enumerate() {
        let label = if index == 0 { "error" } else { "  and" };
        anstream::eprintln!("{RED}{label}[{}]{RED:#}: {}", reason.code, Printable(&reason.message));
        for cause in &reason.causes {
            anstream::eprintln!("  caused by: {}", Printable(cause));
        }
        if let Some(hint) = &reason.hint {
            anstream::eprintln!("   {BOLD}hint{BOLD:#}: {}", Printable(hint));
        }
    }
}

/// Says what a process that is about to become another could not do: nobody is
/// left then who could report it.
pub fn complain(what: &dyn Display) {
    anstream::eprintln!("{}", Printable(what));
}

/// Text with everything replaced that could rewrite a screen or reorder a line:
/// control characters, and Unicode's bidirectional and invisible formatting.
///
/// A registry could otherwise show one publisher and mean another.
pub struct Printable<T>(pub T);

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_unsafe = |c: char| {
            (c.is_control() && c != '\n' && c != '\t')
                || matches!(c,
                    '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                    | '\u{feff}' | '\u{061c}' | '\u{00ad}')
        };
        for c in self.0.to_string().chars() {
            fmt::Write::write_char(f, if is_unsafe(c) { '\u{fffd}' } else { c })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Printable;

    #[test]
    fn what_could_rewrite_the_screen_is_shown_as_a_mark() {
        for (text, shown) in [
            ("plain text, ünïcode too", "plain text, ünïcode too"),
            ("\u{1b}[2Jgone", "\u{fffd}[2Jgone"),
            ("a\rb", "a\u{fffd}b"),
            ("acme\u{202e}live", "acme\u{fffd}live"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
    }
}
