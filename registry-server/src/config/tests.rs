use mcpkg_core::{Code, Coded as _};

use super::*;

const EXAMPLE: &str = include_str!("../../mcpkg-registry.example.toml");

fn parse(text: &str) -> Result<ConfigFile, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn the_example_as_it_stands_is_the_default() {
    assert_eq!(parse(EXAMPLE).unwrap(), {
        ConfigFile {
            listen: Some(DEFAULT_LISTEN),
            data: Some(DEFAULT_DATA.into()),
            trust_public_good: Some(true),
            ..ConfigFile::default()
        }
    });
}

#[test]
fn everything_in_the_example_can_be_uncommented() {
    // `#key = …` and `#[table]` are settings; `# Words` are explanations.
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let file = parse(&uncommented).unwrap();
    assert_eq!(file.public_url.as_deref(), Some("https://mcp.acme.example"));
    assert_eq!((file.trust_root.len(), file.trust_key.len()), (1, 1));
    assert_eq!(file.trust, TrustFile::default());
    assert_eq!(file.namespace.len(), 1);
    assert_eq!(file.namespace[0].identities.len(), 2);
    assert_eq!(file.log.witness.len(), 1);
    assert_eq!(file.limits, Limits::default());
    let access = file.access.unwrap();
    assert_eq!((access.issuer.len(), access.role.len()), (1, 1));
    access.check(file.public_url.as_deref()).unwrap();
    assert_eq!(file.policy.files, [PathBuf::from("acme.cedar")]);
    assert_eq!(file.proxy.trusted.len(), 1);
    assert!(file.audit.syslog.is_some());
    let tls = file.tls.unwrap();
    assert_eq!((tls.min_version, tls.reload_seconds), (TlsVersion::V1_2, 10));
    assert_eq!(tls.client_certificates, ClientCertificates::Required);
    assert_eq!(file.authority.resolver, Some("127.0.0.1:53".parse().unwrap()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for text in [
        "lisen = '127.0.0.1:1'",
        "listen = 'localhost'",
        "[limits]\nartefact_bytes = 1",
        "[limits]\nconnections = -1",
        "[[trust_root]]\nfile = 'x'",
        "[tls]\ncertificate = 'x'",
        "[tls]\ncertificate = 'a'\nkey = 'b'\nmin_version = '1.1'",
        "[tls]\ncertificate = 'a'\nkey = 'b'\nclient_certificates = 'maybe'",
        "[[namespace]]\npattern = 'com.acme'\nidentities = []",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in [
        "public_url = 'ftp://acme.example'",
        "public_url = 'https://acme.example/?x'",
        "[limits]\nconnections = 0",
        "[limits]\nidle_seconds = 0",
        "[tls]\ncertificate = 'a'\nkey = 'b'\nreload_seconds = 0",
        "[[trust_root]]\nfile = 'x'\nnamespaces = []",
        "[[trust_root]]\nnamespaces = ['*']",
        "[[trust_root]]\nfile = 'x'\ntuf = 'https://tuf.example/'\nnamespaces = ['*']",
        "[[trust_root]]\ntuf = 'https://tuf.example/'\nnamespaces = ['*']",
        "[[trust_root]]\ntuf = 'http://tuf.example/'\ntuf_root = 'x'\nnamespaces = ['*']",
        "[[trust_key]]\nname = 'a'\nfile = 'x'\nnamespaces = []",
    ] {
        let file = parse(text).unwrap();
        let error = file.resolve(&Overrides::default()).unwrap_err();
        assert_eq!(error.code(), Code::Config, "{text}");
    }
}

#[test]
fn the_command_line_and_the_environment_win_over_the_file() {
    let file = || parse("listen = '127.0.0.1:1'\ndata = 'a'").unwrap();
    let config = file().resolve(&Overrides::default()).unwrap();
    assert_eq!((config.listen.port(), config.data), (1, "a".into()));

    let overrides = Overrides {
        listen: Some("127.0.0.1:2".parse().unwrap()),
        data: Some("b".into()),
        public_url: Some("https://acme.example/mcp/".into()),
    };
    let config = file().resolve(&overrides).unwrap();
    assert_eq!((config.listen.port(), config.data), (2, "b".into()));
    assert_eq!(config.public_url.as_deref(), Some("https://acme.example/mcp"));
}
