//! A server that tries to get out, for the tests of confinement.
//!
//! It reads attempts, one a line, and says what came of each: `done`, or the name of
//! the error. It takes no part in any protocol.

#[cfg(target_os = "linux")]
mod attempts;
#[cfg(target_os = "linux")]
mod calls;

/// The argument of a process that never ends by itself.
#[cfg(target_os = "linux")]
const LINGER: &str = "linger";

#[cfg(target_os = "linux")]
fn main() {
    use std::io::{BufRead as _, Write as _};
    while std::env::args().nth(1).is_some_and(|argument| argument == LINGER) {
        std::thread::park();
    }
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let (name, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let outcome = match attempts::attempt(name, argument) {
            Ok(said) => said,
            Err(error) => calls::name_of(&error),
        };
        if writeln!(output, "{line} = {outcome}").and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {}
