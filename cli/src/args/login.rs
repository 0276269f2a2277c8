//! `mcpkg login`, `logout`, `whoami`.

use clap::Args;

/// Options of `login`
#[derive(Args, Debug)]
pub struct LoginArgs {
    /// The registry, or an installed server that runs elsewhere [default: the first registry]
    #[arg(value_name = "REGISTRY|SERVER")]
    pub at: Option<String>,
    /// Log in on another device, with a code to type there
    #[arg(long, conflicts_with = "browser")]
    pub device: bool,
    /// Log in with the browser on this machine [default, where the issuer has it]
    #[arg(long)]
    pub browser: bool,
    /// Do not open the browser: show the address alone
    #[arg(long)]
    pub no_open: bool,
    /// Where to log in: accepts this issuer, and no other, from now on
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// By which name the issuer knows this program [default: what the registry says, or
    /// what the issuer gives it]
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// What to ask for [default: all that the registry has]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Vec<String>,
}

/// Options of `logout`
#[derive(Args, Debug)]
pub struct LogoutArgs {
    /// The registry, or an installed server that runs elsewhere [default: the first registry]
    #[arg(value_name = "REGISTRY|SERVER")]
    pub at: Option<String>,
}

/// Options of `whoami`
#[derive(Args, Debug)]
pub struct WhoamiArgs {
    /// The registry, or an installed server that runs elsewhere [default: the first registry]
    #[arg(value_name = "REGISTRY|SERVER")]
    pub at: Option<String>,
}
