//! Standing between a server and its agent.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::egress::Report;
use crate::error::{Error, Result};
use crate::ops::guard::{Session, Talk};
use crate::sandbox::{self, Level, Plan, Wanted};
use crate::ui::{self, Ui};

/// How long the last words of a server that has ended are waited for.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// Starts a server, passes on what it and the agent say, and waits for its end. The
/// answer is its exit code.
pub fn serve(plan: &Plan, wanted: Wanted, session: Session, ui: &Ui) -> Result<u8> {
    let program = plan.program.display();
    let said = *ui;
    let report: Report = Arc::new(move |denial| {
        said.warn(format!("the server wanted to connect to {denial}"));
    });
    let mut server = sandbox::spawn(plan, wanted, report)
        .map_err(Error::wrap(format!("`{program}` was not started")))?;
    match (server.found().level, &server.found().reason) {
        (Level::Strong, _) => (),
        (Level::None, _) => ui.warn("the server is not confined: it may do what you can do"),
        (Level::Medium, reason) => ui.warn(format!(
            "the server is confined at level medium: {}",
            reason.as_deref().unwrap_or("there is no better one here")
        )),
    }
    let (input, output) = ui::streams();
    let talk = Arc::new(session.with(output));
    let streams = server.take_stdin().zip(server.take_stdout());
    let said = relay(streams, &talk, input);
    let code = server.wait().map_err(Error::wrap(format!("`{program}` is lost")))?;
    // An unconfined server may leave somebody behind who still holds its output.
    let _ = said.recv_timeout(GRACE);
    talk.server_ended(code);
    Ok(code)
}

/// Lets the guard pass on what the agent and the server say. The answer is closed when
/// the server's output is.
pub(super) fn relay(
    streams: Option<(impl Write + Send + 'static, impl Read + Send + 'static)>,
    talk: &Arc<Talk<impl Write + Send + 'static>>,
    from_agent: impl Read + Send + 'static,
) -> Receiver<()> {
    let (saying, said) = mpsc::channel();
    if let Some((input, output)) = streams {
        let talk = Arc::clone(talk);
        thread::spawn(move || {
            // When either side is gone there is nobody to tell: the other one notices by
            // its own end being closed.
            let _ = talk.run(from_agent, (input, output));
            drop(saying);
        });
    }
    said
}
