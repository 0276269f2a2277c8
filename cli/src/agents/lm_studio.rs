//! LM Studio: `~/.lmstudio/mcp.json`. It has no settings for a project.
//!
//! Source: lmstudio.ai/docs/app/mcp and lmstudio-bug-tracker#1371, read in
//! November 2026. Older installations still have `~/.cache/lm-studio`. How
//! strictly it reads is not known.

use std::path::Path;

use super::described::{Described, not_local, nothing_to_do, plain};
use super::{Dialect, Format};

/// The LM Studio application.
pub(super) const LM_STUDIO: Described = Described {
    id: "lm-studio",
    display_name: "LM Studio",
    format: Format::Json(Dialect::Jsonc),
    root_key: "mcpServers",
    user: |places| {
        let old = places.home.join(Path::new(".cache/lm-studio/mcp.json"));
        vec![places.home.join(".lmstudio").join("mcp.json"), old]
    },
    project: &[],
    local: not_local,
    traces: |places| {
        let old = places.home.join(Path::new(".cache/lm-studio"));
        vec![places.home.join(".lmstudio"), old]
    },
    entry: plain,
    next_step: nothing_to_do,
};
