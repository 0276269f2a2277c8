//! How servers are started.

use serde::{Deserialize, Serialize};

/// How servers are started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// What becomes of a server of which something bad is known.
    #[serde(default)]
    pub faults: OnFault,
}

/// What becomes of a server of which something bad is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFault {
    /// It is started with a warning: what is installed stays (DESIGN section 7).
    #[default]
    Warn,
    /// It is not started.
    Refuse,
}

impl RunConfig {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
