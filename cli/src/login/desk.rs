//! A log-in, from the registry's word for who lets people in to what is kept of it.

use std::borrow::Cow;

use url::Url;

use super::browser::{Browser, Return};
use super::device::Device;
use super::dpop::ProofKey;
use super::grant::{Endpoint, Tokens};
use super::http::Client;
use super::kept::{self, Kept, Text};
use super::metadata::{IssuerMetadata, ResourceMetadata, issuer_url};
use super::{Door, Identity, Kind, LoggedIn, LoginError, discover, register, runtime};
use crate::config::{Config, LoginConfig};
use crate::error::{Error, Result};
use crate::places::Places;
use crate::registry::connection;
use crate::secrets::{StoreKind, Stores};

/// How somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With the browser on this machine.
    Browser,
    /// With a code to type, on any device.
    Device,
}

/// A registry or a server to log in at, and what it says of that.
pub struct Desk<'a> {
    door: &'a Door,
    places: &'a Places,
    stores: Stores<'a>,
    client: Client,
    resource: ResourceMetadata,
    issuer: String,
    runtime: tokio::runtime::Runtime,
}

/// What is asked of an issuer.
pub(super) struct Request<'a> {
    pub(super) client_id: &'a str,
    pub(super) resource: &'a str,
    scope: String,
}

/// A log-in that a person has to finish.
pub struct Started<'a> {
    desk: &'a Desk<'a>,
    login: LoginConfig,
    issuer: IssuerMetadata,
    key: Option<ProofKey>,
    scope: String,
    waiting: Waiting,
}

enum Waiting {
    Browser(Browser),
    Device(Device),
}

impl<'a> Desk<'a> {
    /// Asks the registry who lets people in. The issuer is asked nothing yet.
    ///
    /// # Errors
    ///
    /// `E_ISSUER` if the registry names another issuer than `wanted`, or, where nobody
    /// wants any, than the pinned one.
    pub fn find(
        door: &'a Door,
        config: &Config,
        places: &'a Places,
        wanted: Option<&str>,
    ) -> Result<Self> {
        let runtime = runtime()?;
        let source = &door.source;
        let failed = || Error::wrap(format!("could not log in at `{}`", source.name));
        let behind = Client::new(door.client(places)?).map_err(failed())?;
        let client = Client::new(connection::to_issuer(source, places)?).map_err(failed())?;
        let resource = runtime.block_on(discover::resource(&behind, door.kind, &source.url));
        let resource = resource.map_err(failed())?;
        let pinned = source.login.as_ref().map(|login| login.issuer.as_str());
        let issuer = resource.issuer(wanted.or(pinned)).map_err(failed())?.to_owned();
        let stores = Stores::of_logins(Cow::Borrowed(places), &config.secrets);
        Ok(Self { door, places, stores, client, resource, issuer, runtime })
    }

    /// Who lets people in.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether that is who is pinned.
    pub fn is_pinned(&self) -> bool {
        self.door.source.login.as_ref().is_some_and(|login| login.issuer == self.issuer)
    }

    /// Asks the issuer to let somebody in.
    pub fn begin(
        &self,
        way: Option<Way>,
        client_id: Option<&str>,
        scopes: &[String],
    ) -> Result<Started<'_>> {
        self.runtime
            .block_on(self.begin_now(way, client_id, scopes))
            .map_err(Error::wrap(format!("could not log in at `{}`", self.door.source.name)))
    }

    async fn begin_now(
        &self,
        way: Option<Way>,
        client_id: Option<&str>,
        scopes: &[String],
    ) -> Result<Started<'_>, LoginError> {
        let url = issuer_url(&self.issuer, &self.door.source.url)?;
        let issuer = discover::issuer(&self.client, &self.issuer, &url).await?;
        let pinned = self.door.source.login.as_ref().filter(|login| login.issuer == self.issuer);
        // What an issuer gave for one log-in is good for that one.
        let known = client_id
            .or(pinned.filter(|login| !login.registered).map(|login| login.client_id.as_str()))
            .or(self.resource.client_id(&self.issuer))
            .map(str::to_owned);
        let scopes = match pinned {
            Some(login) if scopes.is_empty() => login.scopes.clone(),
            _ => scopes.to_vec(),
        };
        let lacks = |what| LoginError::Unsupported { issuer: self.issuer.clone(), what };
        if self.resource.dpop_bound_access_tokens_required && !issuer.has_dpop() {
            return Err(lacks("way to tie a token to a key, which the registry demands"));
        }
        let key = issuer.has_dpop().then(ProofKey::generate).transpose()?;
        let scope = self.scope(&issuer, &scopes);
        let (device, browser) =
            (&issuer.device_authorization_endpoint, &issuer.authorization_endpoint);
        let (url, back) = match (way, browser, device) {
            (Some(Way::Device), _, Some(url)) | (None, None, Some(url)) => (url, None),
            (Some(Way::Browser) | None, Some(url), _) => (url, Some(Return::listen().await?)),
            (Some(Way::Device), ..) => return Err(lacks("log-in with a code to type")),
            _ => return Err(lacks("log-in with a browser")),
        };
        let registered = known.is_none();
        let client_id = match known {
            Some(known) => known,
            None => self.register(&issuer, back.as_ref()).await?,
        };
        let request = Request {
            client_id: &client_id,
            resource: &self.resource.resource,
            scope: scope.clone(),
        };
        let waiting = match back {
            None => Waiting::Device(Device::begin(&self.client, url, &request).await?),
            Some(back) => {
                Waiting::Browser(Browser::begin(&issuer, url, back, &request, key.as_ref())?)
            }
        };
        let login = LoginConfig { issuer: self.issuer.clone(), client_id, registered, scopes };
        Ok(Started { desk: self, login, issuer, key, scope, waiting })
    }

    /// Becomes known to an issuer that nobody has an account at: that of a server, which
    /// may be anybody's. A registry's is the company's own, which makes its clients itself.
    async fn register(
        &self,
        issuer: &IssuerMetadata,
        back: Option<&Return>,
    ) -> Result<String, LoginError> {
        match (self.door.kind, &issuer.registration_endpoint) {
            (Kind::Server, Some(url)) => {
                let back = back.map(|back| back.address.as_str());
                register::client_id(&self.client, url, back).await
            }
            _ => Err(LoginError::NoClient),
        }
    }

    /// What is asked for: what somebody wants, or all that the registry has; and to be
    /// told who it is, and to be let in again without a person, where the issuer can.
    fn scope(&self, issuer: &IssuerMetadata, wanted: &[String]) -> String {
        let wanted = if wanted.is_empty() { &self.resource.scopes_supported } else { wanted };
        let mut scopes: Vec<&str> = ["openid", "offline_access"]
            .into_iter()
            .filter(|scope| issuer.scopes_supported.iter().any(|it| it == scope))
            .collect();
        scopes.extend(wanted.iter().map(String::as_str));
        scopes.join(" ")
    }
}

impl Request<'_> {
    pub(super) fn form(&self) -> Vec<(&str, &str)> {
        let mut form = vec![("client_id", self.client_id), ("resource", self.resource)];
        if !self.scope.is_empty() {
            form.push(("scope", &self.scope));
        }
        // Else no refresh token is given (OpenID Connect Core 1.0, section 11).
        if self.scope.split(' ').any(|scope| scope == "offline_access") {
            form.push(("prompt", "consent"));
        }
        form
    }
}

impl Started<'_> {
    /// Where the person has to go.
    pub fn address(&self) -> &Url {
        match &self.waiting {
            Waiting::Browser(browser) => &browser.address,
            Waiting::Device(device) => &device.address,
        }
    }

    /// What they have to type there.
    pub fn code(&self) -> Option<&str> {
        match &self.waiting {
            Waiting::Browser(_) => None,
            Waiting::Device(device) => Some(&device.user_code),
        }
    }

    /// Waits until they have, and keeps what the issuer gives. Pins the issuer.
    pub fn finish(self) -> Result<(LoggedIn, StoreKind)> {
        let Self { desk, login, issuer, key, scope, waiting } = self;
        let failed = || Error::wrap(format!("could not log in at `{}`", desk.door.source.name));
        let (client_id, resource) = (login.client_id.as_str(), desk.resource.resource.as_str());
        let request = Request { client_id, resource, scope };
        let url = &issuer.token_endpoint;
        let endpoint = Endpoint { client: &desk.client, url, key: key.as_ref() };
        let (tokens, nonce) = desk
            .runtime
            .block_on(async {
                match waiting {
                    Waiting::Device(device) => {
                        Ok((device.finish(&endpoint, &request).await?, None))
                    }
                    Waiting::Browser(browser) => {
                        let nonce = browser.nonce.clone();
                        Ok((browser.finish(&issuer, &endpoint, &request).await?, Some(nonce)))
                    }
                }
            })
            .map_err(failed())?;
        let Tokens { access, expires_at, refresh, scope, identity } = tokens;
        let identity = identity
            .map(|token| Identity::read(&token, &issuer.issuer, client_id, nonce.as_deref()))
            .transpose()
            .map_err(failed())?
            .unwrap_or_default();
        let kept = Kept {
            registry: desk.door.source.url.clone(),
            resource: resource.to_owned(),
            issuer: issuer.issuer.clone(),
            client_id: client_id.to_owned(),
            token_endpoint: issuer.token_endpoint.clone(),
            revocation_endpoint: issuer.revocation_endpoint.clone(),
            identity,
            scope,
            access: Text(access),
            expires_at,
            refresh: refresh.map(Text),
            key: key.map(|key| Text(key.text().copy())),
        };
        let _turn = kept::turn(desk.door.name(), desk.places)?;
        kept.write(&desk.door.source.name, &desk.stores)?;
        Config::pin_login(desk.places, desk.door, &login)?;
        Ok((kept.shown(&desk.door.source.name), desk.stores.choose()?.kind))
    }
}
