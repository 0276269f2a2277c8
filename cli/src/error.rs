//! Everything that can go wrong, with a code, a cause and a way out.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use mcpkg_core::api::{Problem, WithheldRelease};
use mcpkg_core::policy::Refusal;
use mcpkg_core::{Code, Coded, Digest, PackageName, Platform, TreeDigest, Version};
use serde::Serialize;

use crate::ops::faults::Fault;
use crate::secrets::SecretError;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure that the user will see.
///
/// Messages say what happened, in lower case and without a full stop. They do
/// not repeat their source: [`crate::ui::report`] prints the whole chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say what each one is")]
pub enum Error {
    // The machine.
    #[error("could not find your home folder")]
    NoHome,
    #[error("could not read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("could not write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("could not print")]
    Print(#[source] io::Error),
    #[error("could not write JSON")]
    Json(#[source] serde_json::Error),
    #[error("{what} asks somebody on the network, and you said `--offline`")]
    Offline { what: &'static str },
    #[error("this needs an answer, and there is no terminal to ask on")]
    NoTerminal,
    #[error("nothing was changed, because you said no")]
    Declined,

    // What the user asked for.
    #[error("`{found}` is not a {what}: {reason}")]
    Argument { what: &'static str, found: String, reason: String },
    #[error("no registry is configured")]
    NoRegistry,
    #[error("no configured registry serves `{0}`")]
    NoRegistryFor(PackageName),
    #[error("there is no registry called `{0}`")]
    UnknownRegistry(String),
    #[error("{name} comes from {release}, and not from a registry of releases")]
    FromUpstream { name: PackageName, release: String },
    #[error("{release} cannot be trusted: {lack}")]
    Unattested { release: String, lack: mcpkg_upstream::Lack },
    #[error(
        "{release} cannot be trusted: somebody attested who built {before}, and nobody does now"
    )]
    AttestedNoMore { release: String, before: Version },
    #[error("there is a registry called `{0}` already")]
    RegistryExists(String),
    #[error("there is no trust root or key called `{0}` that this could be done to")]
    UnknownTrust(String),
    #[error("there is a trust root or key called `{0}` already")]
    TrustExists(String),
    #[error("there is no agent called `{0}`")]
    UnknownAgent(String),
    #[error("{agent} has no settings file of {scope} scope")]
    NoScope { agent: &'static str, scope: &'static str },
    #[error("no agent was found on this machine")]
    NoAgents,
    #[error("`{0}` is not installed here")]
    NoSuchServer(String),
    #[error("{name}@{version} asks for more than you approved: {}", .added.join(", "))]
    Widened { name: PackageName, version: Version, added: Vec<String> },
    #[error("{name} does not ask for this: {}", .excess.join(", "))]
    NotAsked { name: PackageName, excess: Vec<String> },
    #[error("there is no lock at `{}`", path.display())]
    NoLock { path: PathBuf },
    #[error("`{0}` matches several installed packages: {1}")]
    Ambiguous(String, String),
    #[error("`{}` is not valid configuration", path.display())]
    Config { path: PathBuf, source: Box<toml::de::Error> },
    #[error("{message}")]
    Setting { message: String, hint: &'static str },

    // The registry.
    #[error("could not reach the registry at {url}")]
    Transport { url: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the registry at {url} sends us elsewhere, to {to}")]
    Redirect { url: String, to: String },
    #[error("`{url}` is not https, and not on this machine")]
    Insecure { url: String },
    #[error("{url} sent more than the {limit_bytes} bytes that were expected")]
    TooLong { url: String, limit_bytes: u64 },
    #[error("the artifact has {found} bytes, expected at most {limit}")]
    TooLarge { found: u64, limit: u64 },
    #[error("{url} was too slow and was cut off")]
    TooSlow { url: String },
    #[error("`{at}` wants to know who you are: {reason}")]
    LoggedOut { at: String, reason: String },
    #[error("{}", .0.detail)]
    Problem(Box<Problem>),
    #[error("{url} answered with status {status}")]
    Status { url: String, status: u16 },
    #[error("{url} answered what no registry should: {reason}")]
    Nonsense { url: String, reason: String },
    #[error("{url} answered with nothing")]
    Empty { url: String },
    #[error("`{name}` has no release that matches {wanted}")]
    NoRelease { name: PackageName, wanted: String },
    #[error(
        "every release of `{name}`{wanted} was yanked by its publisher: {}",
        .versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    Yanked { name: PackageName, wanted: String, versions: Vec<Version> },
    #[error("{release} was yanked by its author{}", .reason.as_ref().map(|it| format!(": {it}")).unwrap_or_default())]
    YankedUpstream { release: mcpkg_upstream::Release, reason: Option<String> },
    #[error("{name}@{} is not given out by this registry: {}", .withheld.version, .withheld.reason)]
    Withheld { name: PackageName, withheld: Box<WithheldRelease> },
    #[error("`{name}` was installed from `{locked}`, and `{found}` is another source")]
    SourceChanged { name: PackageName, locked: String, found: String },
    #[error("{name}@{version} has no artifact for this platform; it has {available}")]
    NoArtifact { name: PackageName, version: Version, available: String },

    // What does not hold.
    #[error(
        "the bytes are not the ones that were signed\n  expected {expected}\n  found    {found}"
    )]
    DigestMismatch { expected: Digest, found: Digest },
    #[error(
        "the files are not the ones that were pinned\n  expected {expected}\n  found    {found}"
    )]
    TreeMismatch { expected: TreeDigest, found: TreeDigest },
    #[error("`{}` is missing from the content store", path.display())]
    NotInStore { path: PathBuf },
    #[error("the registry's answer for {name}@{version} contradicts itself: {what}")]
    Contradiction { name: PackageName, version: Version, what: String },
    #[error("{name}@{version} is installed with other content: the registry replaced a release")]
    Replaced { name: PackageName, version: Version },
    #[error("{what}\n  {proof}")]
    Lie { what: String, proof: String, code: Code },
    #[error(
        "{name}@{version} is not started: {}",
        .faults.iter().map(|fault| fault.sentence.as_str()).collect::<Vec<_>>().join("; ")
    )]
    Faulty { name: PackageName, version: Version, faults: Vec<Fault> },
    #[error("{}", .0.first().map_or_else(String::new, ToString::to_string))]
    Refused(Vec<Refusal>),
    #[error("`{}` is for {found}", path.display())]
    WrongPlatform { path: PathBuf, found: Platform },
    #[error("{context}")]
    Failed { context: String, code: Code, hint: Option<&'static str>, source: Source },

    // Secrets.
    #[error(transparent)]
    Secret(#[from] SecretError),

    // Signing.
    #[error("nothing here can sign keylessly")]
    NoIdentity,
    #[error("could not sign: {step}")]
    Sign { step: &'static str, source: Source },
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// One reason of a failure, ready to be shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reason {
    /// The stable code.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// Why, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Error {
    /// Wraps a failure of `core` or `verify` in what was being done.
    pub fn wrap<E>(context: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Coded + std::error::Error + Send + Sync + 'static,
    {
        let context = context.into();
        move |error| Self::Failed {
            context,
            code: error.code(),
            hint: error.hint(),
            source: Box::new(error),
        }
    }

    /// Everything there is to say, one entry per broken rule.
    pub fn reasons(&self) -> Vec<Reason> {
        match self {
            Self::Refused(refusals) => refusals
                .iter()
                .map(|refusal| Reason {
                    code: refusal.code(),
                    message: refusal.to_string(),
                    causes: Vec::new(),
                    hint: refusal.hint().map(str::to_owned),
                })
                .collect(),
            Self::Problem(problem) if problem.causes.len() > 1 => problem
                .causes
                .iter()
                .map(|cause| Reason {
                    code: cause.code,
                    message: cause.detail.clone(),
                    causes: Vec::new(),
                    hint: None,
                })
                .collect(),
            _ => {
                let causes =
                    std::iter::successors(std::error::Error::source(self), |cause| cause.source());
                vec![Reason {
                    code: self.code(),
                    message: self.to_string(),
                    causes: causes.map(ToString::to_string).collect(),
                    hint: self.hint_text(),
                }]
            }
        }
    }

    /// Everything there is to say, for one of several failures.
    pub fn in_one_line(&self) -> String {
        let reasons = self.reasons().into_iter();
        let lines = reasons.map(|reason| [vec![reason.message], reason.causes].concat().join(": "));
        lines.collect::<Vec<_>>().join("; ")
    }

    /// The failure as `--json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        let reasons = self.reasons();
        serde_json::json!({ "code": self.code(), "reasons": reasons })
    }

    /// 2 for usage, 3 for a refusal by verification or policy, else 1.
    ///
    /// Source: `DESIGN.md` section 10.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Argument { .. }
            | Self::UnknownAgent(_)
            | Self::UnknownRegistry(_)
            | Self::UnknownTrust(_)
            | Self::NoScope { .. }
            | Self::NoTerminal => 2,
            _ if self.is_refusal() => 3,
            _ => 1,
        })
    }

    /// Whether the same may succeed a moment later, with nothing done about it.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::TooSlow { .. } => true,
            Self::Problem(problem) => problem.status >= 500 && problem.code == Code::Unavailable,
            Self::Status { status, .. } => matches!(status, 502..=504),
            _ => false,
        }
    }

    /// Whether the answer was *no* rather than a failure to find out.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Refused(_)
            | Self::Faulty { .. }
            | Self::Unattested { .. }
            | Self::AttestedNoMore { .. }
            | Self::Widened { .. }
            | Self::NotAsked { .. }
            | Self::Yanked { .. }
            | Self::YankedUpstream { .. }
            | Self::Withheld { .. }
            | Self::SourceChanged { .. }
            | Self::Replaced { .. }
            | Self::DigestMismatch { .. }
            | Self::TreeMismatch { .. }
            | Self::Contradiction { .. }
            | Self::Redirect { .. }
            | Self::Insecure { .. }
            | Self::TooLong { .. }
            | Self::TooLarge { .. }
            | Self::Empty { .. }
            | Self::Lie { .. }
            | Self::Nonsense { .. }
            | Self::Secret(SecretError::NotApproved { .. } | SecretError::InArguments(_)) => true,
            Self::Failed { .. } | Self::Problem(_) => !matches!(
                self.code(),
                Code::Storage
                    | Code::Settings
                    | Code::Config
                    | Code::Lock
                    | Code::NotFound
                    | Code::Unavailable
                    | Code::Login
                    | Code::Internal
                    | Code::Request
                    | Code::Transport
                    | Code::Source
                    | Code::Build
            ),
            _ => false,
        }
    }

    fn hint_text(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.hint.clone(),
            Self::Secret(error) => error.advice(),
            Self::Widened { name, version, .. } => {
                Some(format!("if it may have that, pass `--accept-permissions {name}@{version}`"))
            }
            Self::Unattested { release, .. } => Some(format!(
                "ask its author to publish from CI; if you have read it and trust it, pass \
                 `--accept-unattested {release}`"
            )),
            Self::AttestedNoMore { release, .. } => Some(format!(
                "ask its author why; if you know, and have read it, pass `--accept-unattested \
                 {release}`"
            )),
            Self::YankedUpstream { release, .. } => Some(format!(
                "choose a release that its author stands by; if it has to be this one, pass \
                 `--accept-yanked {release}`"
            )),
            Self::SourceChanged { name, .. } => Some(format!(
                "keep to where it came from; if you mean to change that, `mcpkg remove {name}` \
                 first, and approve it anew"
            )),
            Self::LoggedOut { at, .. } => Some(format!("log in with `mcpkg login {at}`")),
            _ => self.hint().map(str::to_owned),
        }
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::NoHome | Self::Read { .. } | Self::Write { .. } | Self::Print(_) => Code::Storage,
            Self::Json(_) => Code::Internal,
            Self::NoTerminal | Self::Declined | Self::Widened { .. } | Self::NotAsked { .. } => {
                Code::Permission
            }
            Self::Argument { .. } | Self::Ambiguous(..) => Code::Request,
            Self::NoRegistry
            | Self::NoRegistryFor(_)
            | Self::UnknownRegistry(_)
            | Self::FromUpstream { .. }
            | Self::RegistryExists(_)
            | Self::UnknownTrust(_)
            | Self::TrustExists(_)
            | Self::UnknownAgent(_)
            | Self::NoScope { .. }
            | Self::NoAgents
            | Self::Config { .. }
            | Self::Setting { .. } => Code::Config,
            Self::NoLock { .. }
            | Self::NoSuchServer(_)
            | Self::NoRelease { .. }
            | Self::NotInStore { .. }
            // What a plain file server says of a file that it does not have.
            | Self::Status { status: 404, .. } => Code::NotFound,
            Self::Offline { .. } => Code::Offline,
            Self::Transport { .. }
            | Self::Redirect { .. }
            | Self::Insecure { .. }
            | Self::TooSlow { .. } => Code::Transport,
            Self::TooLong { .. } | Self::TooLarge { .. } => Code::Limit,
            Self::LoggedOut { .. } => Code::Login,
            Self::Problem(problem) => problem.code,
            Self::Empty { .. } => Code::LogEmpty,
            Self::Status { .. } | Self::Nonsense { .. } => Code::Registry,
            Self::NoArtifact { .. } | Self::WrongPlatform { .. } => Code::Platform,
            Self::DigestMismatch { .. } => Code::Digest,
            Self::TreeMismatch { .. } => Code::Tree,
            Self::Contradiction { .. } => Code::Metadata,
            Self::Replaced { .. } => Code::Immutable,
            Self::Yanked { .. } | Self::YankedUpstream { .. } => Code::Yanked,
            Self::Withheld { withheld, .. } => withheld.code,
            Self::Faulty { faults, .. } => faults.first().map_or(Code::Internal, |it| it.code),
            Self::SourceChanged { .. } => Code::SourceChanged,
            Self::Refused(refusals) => refusals.first().map_or(Code::Internal, Refusal::code),
            Self::Lie { code, .. } | Self::Failed { code, .. } => *code,
            Self::Secret(error) => error.code(),
            Self::NoIdentity | Self::Sign { .. } => Code::Signature,
            Self::Unattested { .. } => Code::Provenance,
            Self::AttestedNoMore { .. } => Code::ProvenanceLost,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NoHome => "set HOME to the folder that holds your settings",
            Self::NoTerminal => "read what is asked for above, then approve it with `--yes`",
            Self::NoRegistry | Self::NoRegistryFor(_) => {
                "`mcpkg registry add <name> <url>` names one"
            }
            Self::FromUpstream { .. } => {
                "`mcpkg install` with that package and its new version puts another in its place"
            }
            Self::UnknownRegistry(_) => "`mcpkg registry list` shows those that you can name",
            Self::UnknownTrust(_) => "`mcpkg trust list` shows what there is, and where it is from",
            Self::TrustExists(_) => "choose another name with `--name`, or remove it first",
            Self::RegistryExists(_) => "remove it first: `mcpkg registry remove <name>`",
            Self::UnknownAgent(_) | Self::NoScope { .. } | Self::NoAgents => {
                "`mcpkg agents` lists the agents that you can name with `--agent`"
            }
            Self::NotAsked { .. } => {
                "`mcpkg permissions show <name>` shows what it asks for; only that can be granted"
            }
            Self::NoLock { .. } => "`mcpkg lock` makes one of mcpkg.toml; `mcpkg install` too",
            Self::NoSuchServer(_) => "`mcpkg list` shows what is; `mcpkg install` installs it",
            Self::Ambiguous(..) => "use the full name, `<namespace>/<name>`",
            Self::Config { .. } => "fix the file by hand; mcpkg has not changed it",
            Self::Setting { hint, .. } => hint,
            Self::Offline { .. } => {
                "leave `--offline` out; without the network, `verify`, `list`, `run`, `audit` and \
                 `sync --frozen` work"
            }
            Self::Transport { .. } | Self::TooSlow { .. } => {
                "check the address with `mcpkg registry list`, and that you are online"
            }
            Self::Redirect { .. } => {
                "a registry answers itself; if it moved, add it again under its new address"
            }
            Self::Insecure { .. } => "use an https:// address",
            Self::TooLong { .. } | Self::Empty { .. } | Self::Nonsense { .. } => {
                "do not use this registry until its operator has explained it"
            }
            Self::Lie { .. } => {
                "stop using this registry; send that file to its operator and to the people you \
                 share the registry with: anybody can check it"
            }
            Self::NoRelease { .. } => "`mcpkg info <name>` shows the releases there are",
            Self::Yanked { .. } => {
                "`mcpkg info <name>@<version>` shows why; choose another version, or wait for one"
            }
            Self::Withheld { .. } => "choose another version, or ask the registry's operator",
            Self::Faulty { .. } => {
                "`mcpkg outdated` shows whether there is a release without that; under `[run]` in \
                 config.toml, `faults = \"warn\"` has it started all the same"
            }
            Self::NoArtifact { .. } => "ask the author to publish one for this platform",
            Self::DigestMismatch { .. } | Self::Contradiction { .. } => {
                "do not use it; try again, and if that changes nothing, report it to the registry"
            }
            Self::TreeMismatch { .. } => {
                "it was not started; `mcpkg install <name>` puts the pinned files back"
            }
            Self::NotInStore { .. } => "`mcpkg install <name>` fetches it again",
            Self::Replaced { .. } => {
                "do not use it; releases never change, so ask the registry's operator"
            }
            Self::NoIdentity => {
                "run this in CI with `id-token: write` or at a terminal, pass `--identity-token <file>` \
                 or `--key <where>`, or sign elsewhere and pass `--bundle <file>`"
            }
            Self::Failed { hint, .. } => return *hint,
            _ => return None,
        })
    }
}
