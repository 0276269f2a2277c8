use super::*;

const SSO: &str = "[[issuer]]\nname = 'sso'\nurl = 'https://sso.acme.example'\n";

fn check(text: &str) -> Result<(), ConfigError> {
    let file: AccessFile = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    file.check(Some("https://mcp.acme.example"))
}

#[test]
fn what_could_let_in_somebody_who_is_not_meant_is_refused() {
    let role = |more: &str| format!("{SSO}[[role]]\nrole = 'reader'\n{more}");
    let github = "[[issuer]]\nname = 'ci'\nurl = 'https://token.actions.githubusercontent.com'\n";
    let everybody = "[[role]]\nrole = 'reader'\nissuer = 'ci'\nsubjects = ['*']\n";
    for (what, text) in [
        ("no name", SSO.replace("sso'\nurl", "'\nurl")),
        ("a name that reads as a path", SSO.replace("'sso'", "'sso/a'")),
        ("the same name twice", format!("{SSO}{SSO}")),
        ("plain http", SSO.replace("https", "http")),
        ("a query", SSO.replace("example'", "example/?a'")),
        ("a user", SSO.replace("//sso", "//root@sso")),
        ("no algorithm", format!("{SSO}algorithms = []")),
        ("no type", format!("{SSO}token_types = []")),
        ("tokens that are valid for no time", format!("max_token_minutes = 0\n{SSO}")),
        ("a role for nobody", role("")),
        ("a role for nobody of an issuer", role("issuer = 'sso'")),
        ("an issuer that is not there", role("issuer = 'other'\nsubjects = ['a']")),
        ("subjects of no issuer", role("subjects = ['a']")),
        ("two things at once", role("issuer = 'sso'\nsubjects = ['a']\nclaims = { a = 'b' }")),
        ("groups without a claim", role("issuer = 'sso'\ngroups = ['a']")),
        ("everybody on the internet", format!("{github}{everybody}")),
    ] {
        let error = check(&text).expect_err(what);
        assert!(matches!(error, ConfigError::Value { .. }), "{what}");
    }
    for text in [
        role("issuer = 'sso'\nsubjects = ['*']"),
        role("issuer = 'sso'\nclaims = { repository_owner_id = '1001' }"),
        role("[[role.signers]]\nissuer = 'https://sso.acme.example'\nsubject = 'a@b'"),
        format!("{github}{}", everybody.replace("'*'", "'repo:acme/weather:ref:refs/heads/main'")),
    ] {
        check(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn no_token_may_be_signed_with_a_secret_or_not_at_all() {
    for algorithm in ["none", "HS256", "HS384", "HS512", "RS1", "es256"] {
        let text = format!("{SSO}algorithms = ['{algorithm}']");
        assert!(toml::from_str::<AccessFile>(&text).is_err(), "{algorithm}");
    }
}

#[test]
fn tokens_are_for_an_address_that_is_known() {
    let file: AccessFile = toml::from_str(SSO).unwrap();
    assert!(file.check(None).is_err());
}

#[test]
fn people_log_in_at_one_issuer_with_words_that_can_be_sent() {
    let login = |text: &str| format!("{SSO}login = {{ {text} }}\n");
    let other = login("client_id = 'mcpkg'").replace("'sso'", "'other'");
    for (text, is_good) in [
        (login("client_id = 'mcpkg'"), true),
        (login("client_id = 'mcpkg', scopes = ['api://mcp/read']"), true),
        (login("client_id = ''"), false),
        (login("client_id = 'mcp kg'"), false),
        (login("client_id = 'mcpkg', scopes = ['read write']"), false),
        (login("client_id = 'mcpkg', scopes = ['\u{e9}']"), false),
        (format!("{}{other}", login("client_id = 'mcpkg'")), false),
        (format!("{SSO}{other}"), true),
    ] {
        assert_eq!(check(&text).is_ok(), is_good, "{text}");
    }
}

#[test]
fn a_proxy_has_no_password_in_a_file_and_none_in_an_error() {
    for (url, is_good) in [
        ("http://proxy.acme.example:3128", true),
        ("https://proxy.acme.example", true),
        ("socks5://proxy.acme.example", false),
        ("http://ada:hunter2@proxy.acme.example", false),
        ("data:text", false),
    ] {
        let found = check(&format!("proxy = '{url}'\n{SSO}"));
        assert_eq!(found.is_ok(), is_good, "{url}");
        assert!(!format!("{found:?}").contains("hunter2"));
    }
}
