//! Publishing through the MCP registry's API: metadata, and no signature.
//!
//! What comes in here is nobody's word but that of whoever could prove, at that moment,
//! that the name is theirs. It is listed as *unsigned*, it is never a package, and our
//! own command installs none of it. So only the names that the configuration opens for
//! it can be published, and none that has a signed release or comes from a source.
//!
//! Who may is then asked of the policies, like any other write, and written down: no log
//! tells of these entries.

use std::fmt::Write as _;

use jiff::Timestamp;
use mcpkg_core::PackageName;
use mcpkg_core::domain::DomainMethod;
use mcpkg_core::namespace::NamePattern;
use mcpkg_core::official::ListedStatus;
use mcpkg_core::server_json::{ForeignServerJson, MAX_LEN, ServerJsonError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::OfficialError;
use super::oidc::{Issuers, Shown, TokenBody};
use super::proof::DomainProofBody;
use super::replay::Used;
use super::token::{Grant, Tokens, Who};
use crate::access::Caller;
use crate::app::App;
use crate::config::{ConfigError, IssuerConfig, OfficialConfig};
use crate::policy::Action;
use crate::store::{NewListed, ServerRow, Taken};

/// The longest message beside a status, in characters.
///
/// Source: the MCP registry's document of its API.
const MAX_MESSAGE_LEN: usize = 500;

/// What publishing through this API needs.
#[derive(Debug)]
pub(crate) struct Official {
    open: Vec<NamePattern>,
    issuers: Issuers,
    tokens: Tokens,
    pub(super) used: Used,
}

/// A token that was given out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokenAnswer {
    /// The token, for the `Authorization` header.
    registry_token: String,
    /// When it ends, in seconds since 1970.
    expires_at: i64,
}

/// What is off with a document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Validation {
    /// Whether it could be published.
    valid: bool,
    /// What is off.
    issues: Vec<Issue>,
}

/// One thing that is off with a document.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Issue {
    /// Always `schema`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where.
    path: String,
    /// What, in a sentence.
    message: String,
    /// Always `error`.
    severity: &'static str,
    /// Which rule.
    reference: &'static str,
}

/// A change of status.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StatusBody {
    /// `active`, `deprecated` or `deleted`.
    status: String,
    /// Why, in up to 500 characters.
    #[serde(default)]
    #[schema(max_length = 500)]
    status_message: Option<String>,
}

impl Official {
    pub(crate) fn new(config: &OfficialConfig, own_address: &str) -> Result<Self, ConfigError> {
        let unusable = |source| ConfigError::Client { source };
        let own = url::Url::parse(own_address).map_err(|error| unusable(Box::new(error)))?;
        let audience = config.audience.clone();
        let audience = audience.unwrap_or_else(|| own.origin().ascii_serialization());
        Ok(Self {
            open: config.publish.clone(),
            issuers: Issuers::new(&config.issuer, &audience)
                .map_err(|error| unusable(Box::new(error)))?,
            tokens: Tokens::generate(&audience).map_err(|error| unusable(Box::new(error)))?,
            used: Used::default(),
        })
    }

    /// Whether a name in this namespace, or in one below it, may be published unsigned.
    pub(super) fn is_open_at_or_below(&self, namespace: &str) -> bool {
        self.open.iter().any(|pattern| match pattern {
            NamePattern::All => true,
            NamePattern::Namespace(open) => open
                .strip_prefix(namespace)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.')),
        })
    }

    fn check_open(&self, name: &PackageName) -> Result<(), OfficialError> {
        if self.open.iter().any(|pattern| pattern.matches(name)) {
            Ok(())
        } else {
            Err(OfficialError::NotOpen(name.to_string()))
        }
    }
}

impl App {
    /// Exchanges a domain's proof for a token.
    pub(crate) async fn exchange_domain(
        &self,
        method: DomainMethod,
        body: DomainProofBody,
    ) -> Result<TokenAnswer, OfficialError> {
        let now = Timestamp::now();
        let grant = self.prove_domain(method, body, now).await?;
        self.give_out(grant, now)
    }

    /// Exchanges an issuer's token for one of ours.
    pub(crate) async fn exchange_token(
        &self,
        body: TokenBody,
    ) -> Result<TokenAnswer, OfficialError> {
        let now = Timestamp::now();
        let Shown { issuer: IssuerConfig { issuer, names, .. }, claims } =
            self.official.issuers.check(body, &self.official.used, now).await?;
        let user = self.access.user_of(&issuer, &claims).map_err(|_| {
            OfficialError::Token("it does not say who that is, as this registry wants it")
        })?;
        let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        let who = Who::Oidc { issuer, subject, user };
        self.give_out(Grant { who, names, below: None }, now)
    }

    fn give_out(&self, grant: Grant, now: Timestamp) -> Result<TokenAnswer, OfficialError> {
        tracing::info!(who = %grant.who, names = %grant, "gave out a token");
        let (registry_token, expires_at) = self.official.tokens.issue(grant, now)?;
        Ok(TokenAnswer { registry_token, expires_at })
    }

    /// Publishes a document, unsigned.
    pub(crate) async fn publish_unsigned(
        &self,
        caller: &Caller,
        authorization: Option<&str>,
        body: &[u8],
    ) -> Result<ServerRow, OfficialError> {
        let grant = self.official.tokens.check(authorization)?;
        let server = ForeignServerJson::read_lenient(body).map_err(OfficialError::Document)?;
        let name = server.name.clone();
        self.check_name(&grant, &name).await?;
        if !server.oddities.is_empty() {
            let oddities = server.oddities.iter().map(ToString::to_string).collect();
            return Err(OfficialError::Odd(oddities));
        }
        let (Some(version), Ok(document)) = (server.version, String::from_utf8(body.to_vec()))
        else {
            return Err(OfficialError::Odd(vec!["`/version` is missing".to_owned()]));
        };
        let what = format!("without a signature, the version {}", version.escape_debug());
        let (principal, what) = (grant.who.principal(), (Action::Publish, what.as_str()));
        self.permit_unsigned(caller, &principal, what, &name).await?;
        let now = Timestamp::now();
        let entry = NewListed {
            name: name.clone(),
            version: version.clone(),
            document,
            oddities: Vec::new(),
            is_presentable: true,
            status: ListedStatus::Active,
            status_message: None,
            status_changed_at: now,
            published_at: now,
            is_latest: false,
        };
        let published = self.store.publish_unsigned(&entry, &grant.who.to_string(), now).await?;
        published.map_err(|taken| match taken {
            Taken::Name(holder) => OfficialError::Held { name: name.to_string(), holder },
            Taken::Version => OfficialError::Exists { name: name.to_string(), version },
        })
    }

    /// Gives what was published unsigned another status: one version, or all.
    pub(crate) async fn change_listed_status(
        &self,
        caller: &Caller,
        authorization: Option<&str>,
        (name, version): (&PackageName, Option<&str>),
        body: StatusBody,
    ) -> Result<Vec<ServerRow>, OfficialError> {
        let grant = self.official.tokens.check(authorization)?;
        self.check_name(&grant, name).await?;
        let status = ListedStatus::of(&body.status);
        let status = status.ok_or(OfficialError::Status(
            "the status is none of `active`, `deprecated` and `deleted`",
        ))?;
        let message = body.status_message.as_deref().filter(|message| !message.is_empty());
        if message.is_some_and(|message| message.chars().count() > MAX_MESSAGE_LEN) {
            return Err(OfficialError::Status("the message is longer than 500 characters"));
        }
        if message.is_some() && status == ListedStatus::Active {
            return Err(OfficialError::Status("what is active has no message"));
        }
        let of = version.map_or("all versions".to_owned(), |it| it.escape_debug().to_string());
        let what = format!("without a signature, {} of {of}", status.as_str());
        let (principal, what) = (grant.who.principal(), (Action::State, what.as_str()));
        self.permit_unsigned(caller, &principal, what, name).await?;
        let now = Timestamp::now();
        let rows = self.store.change_listed_status(name, version, (status, message), now).await?;
        if rows.is_empty() {
            let mut what = format!("`{name}`");
            if let Some(version) = version {
                // Writing to a string does not fail.
                let _ = write!(what, " {}", version.escape_debug());
            }
            return Err(OfficialError::Unknown(what));
        }
        Ok(rows)
    }

    /// Refuses a name that is not open, not whose grant it is, or not from here.
    async fn check_name(&self, grant: &Grant, name: &PackageName) -> Result<(), OfficialError> {
        self.official.check_open(name)?;
        if !grant.covers(name) {
            let granted = grant.to_string();
            return Err(OfficialError::NotGranted { name: name.to_string(), granted });
        }
        match self.source_of(name).await? {
            None => Ok(()),
            Some((source_name, code)) => {
                Err(OfficialError::FromSource { name: name.to_string(), source_name, code })
            }
        }
    }
}

/// Says what is off with a document, without publishing it.
pub(crate) fn validate(body: &[u8]) -> Validation {
    let issues = match ForeignServerJson::read_lenient(body) {
        Ok(server) => server.oddities.iter().map(|oddity| issue("", oddity)).collect(),
        Err(error) => vec![issue(place(&error), &Chain(&error))],
    };
    Validation { valid: issues.is_empty(), issues }
}

/// Whether a body is no longer than any document that is read.
pub(crate) const MAX_BODY_LEN: usize = MAX_LEN;

fn issue(path: &str, message: &impl std::fmt::Display) -> Issue {
    let message = message.to_string();
    // A sentence about a place begins with it, as a JSON pointer.
    let named = message.strip_prefix('`').and_then(|rest| rest.split_once('`'));
    let named = named.map(|(path, _)| path).filter(|path| path.starts_with('/'));
    let path = named.unwrap_or(path).to_owned();
    Issue { kind: "schema", path, message, severity: "error", reference: "server.json" }
}

fn place(error: &ServerJsonError) -> &'static str {
    match error {
        ServerJsonError::Name(_) | ServerJsonError::NoName => "/name",
        _ => "",
    }
}

/// An error with its causes, in one line.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut causes = std::iter::successors(self.0.source(), |&cause| cause.source());
        causes.try_for_each(|cause| write!(f, ": {cause}"))
    }
}
