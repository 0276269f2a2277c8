//! A person with a browser: follows where it is sent, keeps cookies, fills forms in.

use std::collections::BTreeMap;

use mcpkg_test_support::TestCa;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Certificate, Client, Proxy, Response};
use tokio::runtime::Runtime;
use url::Url;

use crate::Result;

/// How many pages somebody looks at before they give up.
const PATIENCE: usize = 30;

/// Somebody who logs in, behind the company's proxy.
pub(crate) struct Person {
    name: &'static str,
    client: Client,
    runtime: Runtime,
    cookies: BTreeMap<String, String>,
}

impl Person {
    pub(crate) fn new(name: &'static str, ca: &TestCa, proxy: &str) -> Result<Self> {
        let client = Client::builder()
            .tls_certs_only([Certificate::from_pem(ca.pem().as_bytes())?])
            .no_proxy()
            .proxy(Proxy::https(proxy)?)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { name, client, runtime, cookies: BTreeMap::new() })
    }

    /// Opens an address and says yes to everything, typing `code` where one is asked for;
    /// until there is nothing more to fill in. Gives the last page.
    pub(crate) fn say_yes(&mut self, address: &str, code: &str) -> Result<String> {
        let (mut url, mut form) = (address.parse::<Url>()?, None::<String>);
        for _ in 0..PATIENCE {
            let response = self.visit(&url, form.take())?;
            if let Some(to) = response.headers().get(LOCATION) {
                url = url.join(to.to_str()?)?;
                continue;
            }
            let page = self.runtime.block_on(response.text())?;
            let Some(filled) = fill(&page, self.name, code) else { return Ok(page) };
            url = url.join(&filled.action)?;
            form = Some(filled.body);
        }
        Err(format!("nobody knows what {url} wants").into())
    }

    fn visit(&mut self, url: &Url, form: Option<String>) -> Result<Response> {
        let mut request = match form {
            Some(body) => self
                .client
                .post(url.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body),
            None => self.client.get(url.clone()),
        };
        // The way back to the command is no page of the provider's.
        if url.scheme() == "https" {
            let cookies: Vec<_> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, cookies.join("; "));
        }
        let response = self.runtime.block_on(request.send())?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
            if let Some((name, value)) = cookie.split_once('=') {
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Ok(response)
    }
}

struct Filled {
    action: String,
    body: String,
}

/// The first form of a page, filled in.
fn fill(page: &str, name: &str, code: &str) -> Option<Filled> {
    let (_, form) = page.split_once("<form")?;
    let (form, _) = form.split_once("</form>")?;
    let action = attribute(form.split_once('>')?.0, "action")?.to_owned();
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    for input in form.split("<input").skip(1) {
        let Some(field) = attribute(input, "name") else { continue };
        let value = match field {
            "login" => name,
            "password" => "anything",
            "user_code" => code,
            _ => attribute(input, "value").unwrap_or_default(),
        };
        body.append_pair(field, value);
    }
    Some(Filled { action, body: body.finish() })
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0)
}
