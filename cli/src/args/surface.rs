//! The options of `inspect` and `tools`.

use clap::Args;

use super::ScopeArg;

/// Options of `inspect`
#[derive(Args, Debug)]
#[command(after_help = "\
The server is started, without its secrets, and asked for its tools, prompts, resources and \
instructions. What it shows is pinned in mcpkg.lock, as digests, and `mcpkg run` withholds what \
is not as pinned. If something is pinned already and differs, the differences are shown, and \
pinned only with your word: at a terminal, or by `--accept-surface`.")]
pub struct InspectArgs {
    /// The package, or its short name
    pub name: String,
    /// The one installed for you or for this project
    #[arg(long, value_enum, default_value = "user")]
    pub scope: ScopeArg,
    /// Pin what it shows now in place of what was pinned
    #[arg(long)]
    pub accept_surface: bool,
}

/// Options of `tools`
#[derive(Args, Debug)]
#[command(after_help = "\
Without options, the rules are shown. As soon as there is one, a tool without a rule is denied; \
`*` stands for all tools that no rule names.")]
pub struct ToolsArgs {
    /// The package, or its short name
    pub name: String,
    /// The one installed for you or for this project
    #[arg(long, value_enum, default_value = "user")]
    pub scope: ScopeArg,
    /// Allow this tool
    #[arg(long, value_name = "TOOL")]
    pub allow: Vec<String>,
    /// Ask before each call of this tool, where the agent can
    #[arg(long, value_name = "TOOL")]
    pub ask: Vec<String>,
    /// Deny this tool, and do not list it
    #[arg(long, value_name = "TOOL")]
    pub deny: Vec<String>,
    /// Begin without rules
    #[arg(long)]
    pub reset: bool,
}
