//! The token that goes with each request to one registry, or to one remote server.
//!
//! It goes there alone: the client that has a session asks no other origin,
//! follows no redirect, and is made for https or this machine alone. It goes in a header
//! and never in an address.
//!
//! Nobody's key store is opened for a registry at which nobody has logged in: the
//! configuration has the pinned issuer once somebody has. In CI, a registry that is
//! private, or wants to know, is shown a token that the CI made for it.

use std::borrow::Cow;
use std::cell::RefCell;

use jiff::{SignedDuration, Timestamp};
use mcpkg_core::api::Problem;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::dpop::{ProofKey, Subject};
use super::grant::Endpoint;
use super::http::{self, Client};
use super::kept::{self, Kept, Text, failed};
use super::{Door, Kind, LoginError, ambient};
use crate::config::{Config, RegistryConfig};
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::connection;
use crate::secrets::{Secret, Stores};

/// How long before its end a token is renewed: a request has to arrive before it.
const MARGIN: SignedDuration = SignedDuration::from_secs(30);

/// What a registry is told about who asks.
pub(crate) struct Session {
    kind: Kind,
    source: RegistryConfig,
    places: Places,
    stores: Stores<'static>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    token: Token,
    nonce: Option<String>,
}

/// What is shown to the registry.
#[derive(Default)]
enum Token {
    /// Nobody has looked.
    #[default]
    Unread,
    /// There is none.
    None,
    /// Of the CI's.
    Ambient(Secret),
    /// Of a log-in.
    Login(Box<Held>),
}

/// A log-in, and the key that its tokens are tied to.
struct Held {
    kept: Kept,
    key: Option<ProofKey>,
}

/// What could be done about a token that was not taken.
enum Known {
    Unread,
    Renewable,
    Final,
}

/// What was done already about a request that was not let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tried {
    nonce: bool,
    token: bool,
}

impl Session {
    pub(crate) fn new(door: &Door, config: &Config, places: &Places) -> Self {
        Self {
            kind: door.kind,
            source: door.source.clone(),
            stores: Stores::of_logins(Cow::Owned(places.clone()), &config.secrets),
            places: places.clone(),
            state: RefCell::default(),
        }
    }

    /// Whether there is a token, or may be one, before the registry has asked for it.
    pub(crate) fn is_expected(&self) -> bool {
        self.source.login.is_some() || self.source.private
    }

    /// Adds what there is to a request.
    pub(crate) async fn sign(&self, request: &mut reqwest::Request) -> Result<()> {
        if self.is_expected() && matches!(self.state.borrow().token, Token::Unread) {
            let token = self.read().await?;
            self.state.borrow_mut().token = token;
        }
        let is_over = match &self.state.borrow().token {
            Token::Login(held) if held.kept.refresh.is_some() => {
                held.kept.expires_at - MARGIN < Timestamp::now()
            }
            _ => false,
        };
        if is_over {
            self.refresh().await?;
        }
        let state = self.state.borrow();
        let (token, key) = match &state.token {
            Token::Unread | Token::None => return Ok(()),
            Token::Ambient(token) => (token, None),
            Token::Login(held) => (&held.kept.access.0, held.key.as_ref()),
        };
        if let Some(key) = key {
            let (method, url) = (request.method().as_str(), request.url());
            let nonce = state.nonce.as_deref();
            let subject = Subject { method, url, token: Some(token), nonce };
            let proof = key.prove(&subject, Timestamp::now());
            let proof = proof.map_err(Error::wrap(failed(&self.source.name)))?;
            let proof = HeaderValue::try_from(proof).map_err(|_| self.unusable())?;
            request.headers_mut().insert("dpop", proof);
        }
        let scheme = if key.is_some() { "DPoP" } else { "Bearer" };
        let value = Zeroizing::new(format!("{scheme} {}", token.expose()));
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| self.unusable())?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
        Ok(())
    }

    /// Takes what an answer brings for the next request.
    pub(crate) fn hear(&self, headers: &HeaderMap) {
        if let Some(nonce) = http::nonce(headers) {
            self.state.borrow_mut().nonce = Some(nonce);
        }
    }

    /// Does what there is to do about a request that was not let in. Says whether it is
    /// worth sending again: at most once for a nonce, and once for another token.
    pub(crate) async fn renew(&self, headers: &HeaderMap, tried: &mut Tried) -> Result<bool> {
        let challenges = http::challenges(headers);
        let wants_nonce = challenges.iter().any(|challenge| {
            challenge.scheme == "dpop" && challenge.parameter("error") == Some("use_dpop_nonce")
        });
        if wants_nonce && !tried.nonce {
            tried.nonce = true;
            return Ok(http::nonce(headers).is_some());
        }
        if std::mem::replace(&mut tried.token, true) {
            return Ok(false);
        }
        let known = match &self.state.borrow().token {
            Token::Unread => Known::Unread,
            Token::Login(held) if held.kept.refresh.is_some() => Known::Renewable,
            _ => Known::Final,
        };
        match known {
            Known::Renewable => self.refresh().await.map(|()| true),
            Known::Final => Ok(false),
            // Nobody has logged in here; perhaps this is a CI.
            Known::Unread => {
                let token = self.ambient().await?;
                let is_some = !matches!(token, Token::None);
                self.state.borrow_mut().token = token;
                Ok(is_some)
            }
        }
    }

    /// What is said to whoever was not let in.
    pub(crate) fn refused(&self, body: &[u8]) -> Error {
        let problem = serde_json::from_slice::<Problem>(body).ok();
        let reason = problem.map_or_else(
            || match &self.state.borrow().token {
                Token::Unread | Token::None => "nobody is logged in here".to_owned(),
                Token::Ambient(_) => "it does not take the token of this CI".to_owned(),
                Token::Login(..) => "it does not take the token any more".to_owned(),
            },
            |problem| problem.detail,
        );
        Error::LoggedOut { at: self.source.name.clone(), reason }
    }

    async fn read(&self) -> Result<Token> {
        if let Some(login) = &self.source.login {
            let kept = Kept::read(&self.source.name, &self.source.url, &self.stores)?;
            // Of another issuer than the pinned one, it is nobody's here.
            if let Some(kept) = kept.filter(|kept| kept.issuer == login.issuer) {
                return self.login(kept);
            }
        }
        self.ambient().await
    }

    async fn ambient(&self) -> Result<Token> {
        // A server is told nothing that nobody has told us to tell it.
        if self.kind == Kind::Server {
            return Ok(Token::None);
        }
        let token = ambient::token(&self.source, &self.places).await;
        let token = token.map_err(Error::wrap(failed(&self.source.name)))?;
        Ok(token.map_or(Token::None, Token::Ambient))
    }

    fn login(&self, kept: Kept) -> Result<Token> {
        let key = kept.proof_key().map_err(Error::wrap(failed(&self.source.name)))?;
        Ok(Token::Login(Box::new(Held { kept, key })))
    }

    /// Gets another access token. Only one process at a time does: each refresh token is
    /// good once, and an issuer that sees one twice has to take it for stolen.
    async fn refresh(&self) -> Result<()> {
        let name = &self.source.name;
        let _turn = kept::turn(name, &self.places)?;
        let kept = Kept::read(name, &self.source.url, &self.stores)?;
        let Some(mut kept) = kept else { return Err(self.logged_out("somebody has logged out")) };
        let is_same = match &self.state.borrow().token {
            Token::Login(old) => old.kept.access.0.expose() == kept.access.0.expose(),
            _ => true,
        };
        // Another process was faster.
        if !is_same && kept.expires_at - MARGIN > Timestamp::now() {
            self.state.borrow_mut().token = self.login(kept)?;
            return Ok(());
        }
        let failed = || Error::wrap(failed(name));
        let key = kept.proof_key().map_err(failed())?;
        let client = Client::new(connection::to_issuer(&self.source, &self.places)?);
        let client = client.map_err(failed())?;
        let Some(refresh) = &kept.refresh else { return Err(self.logged_out("it is over")) };
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.0.expose()),
            ("client_id", &kept.client_id),
            ("resource", &kept.resource),
        ];
        let endpoint = Endpoint { client: &client, url: &kept.token_endpoint, key: key.as_ref() };
        let tokens = match endpoint.tokens(&form).await {
            Err(LoginError::Refused(word)) if word == "invalid_grant" => {
                Kept::forget(name, &self.stores)?;
                return Err(self.logged_out("the log-in is over"));
            }
            other => other.map_err(failed())?,
        };
        kept.access = Text(tokens.access);
        kept.expires_at = tokens.expires_at;
        kept.refresh = tokens.refresh.map(Text).or(kept.refresh);
        // Before it is used: the old refresh token is worth nothing from now on.
        kept.write(name, &self.stores)?;
        self.state.borrow_mut().token = Token::Login(Box::new(Held { kept, key }));
        Ok(())
    }

    fn logged_out(&self, reason: &str) -> Error {
        Error::LoggedOut { at: self.source.name.clone(), reason: reason.to_owned() }
    }

    fn unusable(&self) -> Error {
        Error::wrap(failed(&self.source.name))(LoginError::Kept(self.source.name.clone()))
    }
}
