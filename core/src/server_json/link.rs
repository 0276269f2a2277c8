//! Addresses in a `server.json`.

use url::{Host, Url};

/// The longest address we publish, in bytes.
const MAX_LEN: usize = 2048;

/// Checks an address that a person may follow: a page, a repository.
///
/// `http` is fine for a page inside a company. Schemes that a browser would
/// execute are not, nor are credentials in the address.
pub(super) fn check_page(text: &str) -> Result<(), &'static str> {
    let url = parse(text)?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(())
    } else {
        Err("is not an http or https URL")
    }
}

/// Checks the address of an image, which programs fetch.
pub(super) fn check_image(text: &str) -> Result<(), &'static str> {
    if parse(text)?.scheme() == "https" { Ok(()) } else { Err("is not an https URL") }
}

/// Checks the address of a remote server, where `{name}` stands for a value of
/// the user.
///
/// Plain `http` is for this machine alone, and then without a variable in the
/// host: `http://127.0.0.{x}` could be made to lead anywhere.
pub(crate) fn check_remote(
    template: &str,
    is_declared: impl Fn(&str) -> bool,
) -> Result<(), &'static str> {
    // Whatever the user fills in, 1 is as good: it fits a host, a port, a path.
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) =
            after.split_once('}').ok_or("has an opening brace without a closing one")?;
        if !is_declared(name) {
            return Err("names a variable that `variables` does not declare");
        }
        filled.push_str(before);
        filled.push('1');
        rest = after;
    }
    filled.push_str(rest);

    let url = parse(&filled)?;
    if template.starts_with("https://") {
        return Ok(());
    }
    let authority = template.strip_prefix("http://").ok_or("is not an https URL")?;
    let authority = authority.split(['/', '?', '#']).next().unwrap_or(authority);
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if is_loopback && !authority.contains('{') { Ok(()) } else { Err("is not an https URL") }
}

/// Parses an absolute address with a host and without credentials.
fn parse(text: &str) -> Result<Url, &'static str> {
    if text.len() > MAX_LEN {
        return Err("is longer than 2048 bytes");
    }
    // The URL parser drops tabs and line feeds instead of refusing them.
    if text.contains(char::is_whitespace) || crate::text::first_hidden(text).is_some() {
        return Err("has a space or a character that cannot be seen");
    }
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    if !url.has_host() {
        return Err("is a URL without a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries credentials");
    }
    Ok(url)
}
