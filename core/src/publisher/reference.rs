//! A publisher as one word.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{GITHUB_ISSUER, GITLAB_ISSUER, Identity, Publisher, ReleaseRef, Workflow};

/// What stands for something else in a reference or to a shell, in any of its parts.
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b',')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~');

/// Text that is no publisher's reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no publisher, expected `<repository>#<id>/<workflow>,owner=<id>` or `<subject>,issuer=<url>`",
    .0.escape_debug()
)]
pub struct ReferenceError(String);

impl Publisher {
    /// The publisher as one word that names it and no other, for people to compare and
    /// for `--accept-publisher`: `github.com/acme/weather#1001/.github/workflows/x.yml,owner=2001`,
    /// and for a person `alice@acme.example,issuer=https://sso.acme.example`.
    ///
    /// It holds the numbers that a forge gives an account, which a name that was given
    /// up and taken by somebody else does not inherit.
    pub fn reference(&self) -> String {
        match self {
            Self::Workflow(workflow) => workflow.reference(),
            Self::Identity(Identity { issuer, subject }) => {
                format!("{},issuer={}", encode(subject), encode(issuer))
            }
        }
    }

    /// The publisher that a [`Self::reference`] names.
    ///
    /// # Errors
    ///
    /// Text that is written in any other way.
    pub fn from_reference(text: &str) -> Result<Self, ReferenceError> {
        read(text)
            .filter(|publisher| publisher.reference() == text)
            .ok_or_else(|| ReferenceError(text.chars().take(300).collect()))
    }
}

impl Workflow {
    fn reference(&self) -> String {
        let Self { issuer, repository, repository_id, owner_id, workflow, environment, git_ref } =
            self;
        let host = repository.strip_prefix("https://").unwrap_or(repository);
        let mut text = format!(
            "{}#{}/{},owner={}",
            encode(host),
            // It ends at the first slash.
            encode(repository_id).replace('/', "%2F"),
            encode(workflow),
            encode(owner_id)
        );
        let git_ref = Some(git_ref.to_string()).filter(|_| *git_ref != ReleaseRef::Tags);
        let issuer =
            Some(issuer.clone()).filter(|issuer| usual_issuer(host) != Some(issuer.as_str()));
        for (key, value) in [
            ("environment", environment.clone()),
            ("ref", git_ref),
            ("issuer", issuer),
            // Every repository is at one; what was read from a log may say otherwise.
            ("url", Some(repository.clone()).filter(|_| !repository.starts_with("https://"))),
        ] {
            if let Some(value) = value {
                text = format!("{text},{key}={}", encode(&value));
            }
        }
        text
    }
}

/// The issuer of the tokens of the forge at `host`, a URL without its scheme.
fn usual_issuer(host: &str) -> Option<&'static str> {
    [("github.com/", GITHUB_ISSUER), ("gitlab.com/", GITLAB_ISSUER)]
        .into_iter()
        .find_map(|(forge, issuer)| host.starts_with(forge).then_some(issuer))
}

fn read(text: &str) -> Option<Publisher> {
    let mut parts = text.split(',');
    let first = parts.next()?;
    let mut fields = Vec::new();
    for part in parts {
        let (key, value) = part.split_once('=')?;
        fields.push((key, decode(value)?));
    }
    let field = |wanted| fields.iter().find(|(key, _)| *key == wanted).map(|(_, it)| it.clone());
    let Some((host, rest)) = first.split_once('#') else {
        let issuer = field("issuer")?;
        return Some(Publisher::Identity(Identity { issuer, subject: decode(first)? }));
    };
    let (host, (repository_id, workflow)) = (decode(host)?, rest.split_once('/')?);
    let git_ref = match field("ref") {
        Some(text) => text.parse().ok()?,
        None => ReleaseRef::Tags,
    };
    Some(Publisher::Workflow(Workflow {
        issuer: match field("issuer") {
            Some(issuer) => issuer,
            None => usual_issuer(&host)?.to_owned(),
        },
        repository: field("url").unwrap_or_else(|| format!("https://{host}")),
        repository_id: decode(repository_id)?,
        owner_id: field("owner")?,
        workflow: decode(workflow)?,
        environment: field("environment"),
        git_ref,
    }))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}
