//! Taking literal secrets out of the settings of agents.
//!
//! | module | does |
//! |---|---|
//! | `detect` | says which texts of an entry look like secrets, and why |
//! | `target` | makes one that starts an installed server, where the user says which |
//! | `rewrite` | makes an entry without them, and the record to undo that with |
//! | `record` | keeps the records: they name secrets and hold none |
//! | `plan` | says what to do to the settings of an agent, and does it |
//! | `carry_out` | does all of it, in an order in which nothing is lost, and undoes it |
//!
//! A variable in the environment of a local server is handed over by us: the entry
//! becomes `mcpkg secret exec --env NAME=store:… -- <what it was>`, which any agent can
//! start. A header, or an argument, has to be filled in by the agent itself, so it
//! becomes the agent's own word for a variable, where it has one.

mod carry_out;
mod detect;
mod plan;
mod record;
mod rewrite;
mod target;

pub use self::carry_out::{Restored, carry_out, restore};
pub use self::detect::{Literal, Site, literals};
pub use self::plan::{Change, Plan, plans};
pub use self::record::{Record, Records};
pub use self::rewrite::{Rewritten, rewrite, undo};
pub use self::target::{Replaced, Target, Targets};
