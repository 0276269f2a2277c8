//! Real witnesses, and what else may answer in their place.

use std::convert::Infallible;
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use mcpkg_test_support::background::Background;
use mcpkg_test_support::{TestLog, TestWitness};

use super::*;
use crate::config::LogFile;

const ORIGIN: &str = "example.com/log";

fn log() -> TestLog {
    TestLog::new(ORIGIN)
}

fn witness(name: &str) -> TestWitness {
    TestWitness::start(name, &[log().key.verifier()])
}

/// Three that are there.
fn three() -> [TestWitness; 3] {
    ["w/one", "w/two", "w/three"].map(witness)
}

fn file(witness: &TestWitness) -> WitnessFile {
    WitnessFile { url: witness.url(), key: witness.key() }
}

fn asking(witnesses: &[&TestWitness], quorum: usize) -> Witnesses {
    let files: Vec<WitnessFile> = witnesses.iter().map(|witness| file(witness)).collect();
    set_up(&files, quorum, 5)
}

fn set_up(files: &[WitnessFile], quorum: usize, seconds: u64) -> Witnesses {
    let file = LogFile {
        witness: files.to_vec(),
        witness_quorum: Some(quorum),
        witness_seconds: Some(seconds),
        ..LogFile::default()
    };
    Witnesses::new(&file.resolve("data".as_ref(), None).unwrap()).unwrap()
}

/// Asks for signatures of the tree of that size of `log`.
async fn cosign(
    witnesses: &Witnesses,
    log: &TestLog,
    size: u64,
) -> Result<Vec<String>, WitnessError> {
    let (note, tree) = (log.checkpoint(size).to_string(), log.tree(size));
    let log = log.clone();
    let proof = move |old| Ok::<_, Infallible>(log.proof(old, size));
    let lines = witnesses.cosign(&note, tree, proof).await?;
    let mut names: Vec<String> = lines.iter().map(|line| line.name().to_owned()).collect();
    names.sort();
    Ok(names)
}

/// The one cause for which a witness has not signed.
fn cause(result: Result<Vec<String>, WitnessError>) -> Cause {
    match result {
        Err(WitnessError::Quorum { mut causes, .. }) if causes.len() == 1 => causes.remove(0).cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_that_are_there_sign_and_what_they_sign_verifies() {
    let three = three();
    let witnesses = asking(&three.each_ref(), 3);
    for size in [1, 1, 2, 7, 300] {
        let names = cosign(&witnesses, &log(), size).await.unwrap();
        assert_eq!(names, ["w/one", "w/three", "w/two"], "{size}");
    }
}

#[tokio::test]
async fn as_many_as_have_to_sign_are_enough() {
    let [one, mut two, mut three] = three();
    let witnesses = asking(&[&one, &two, &three], 2);
    assert_eq!(cosign(&witnesses, &log(), 3).await.unwrap().len(), 3);
    three.go_away();
    assert_eq!(cosign(&witnesses, &log(), 4).await.unwrap(), ["w/one", "w/two"]);
    two.go_away();
    let error = cosign(&witnesses, &log(), 5).await.unwrap_err();
    assert_eq!(error.code(), Code::Witness);
    assert!(matches!(
        &error,
        WitnessError::Quorum { wanted: 2, got: 1, causes } if causes.len() == 2
    ));
    let text = error.to_string();
    assert!(text.starts_with("1 witnesses have signed, expected 2; `w/t"), "{text}");
    // One of those that were away has to catch up by several trees.
    three.come_back();
    assert_eq!(cosign(&witnesses, &log(), 6).await.unwrap(), ["w/one", "w/three"]);
}

#[tokio::test]
async fn a_log_that_starts_again_learns_what_was_signed() {
    let one = witness("w/one");
    cosign(&asking(&[&one], 1), &log(), 20).await.unwrap();
    for size in [20, 33] {
        assert_eq!(cosign(&asking(&[&one], 1), &log(), size).await.unwrap(), ["w/one"]);
    }
}

#[tokio::test]
async fn a_fork_and_a_rollback_are_not_signed() {
    let one = witness("w/one");
    cosign(&asking(&[&one], 1), &log(), 20).await.unwrap();
    let again = || asking(&[&one], 1);
    assert!(matches!(cause(cosign(&again(), &log(), 19).await), Cause::Ahead(20)));
    let forked = cause(cosign(&again(), &log().fork(), 20).await);
    assert!(matches!(forked, Cause::Contradiction(20)), "{forked:?}");
    let forked = cause(cosign(&again(), &log().fork(), 21).await);
    assert!(matches!(forked, Cause::Status(422)), "{forked:?}");
    assert_eq!(cosign(&again(), &log(), 21).await.unwrap(), ["w/one"]);
}

/// What answers in the place of `w/one`.
async fn ask_instead(answer: impl Fn(&[u8]) -> Response + Send + Sync + 'static) -> Cause {
    let answer = Arc::new(answer);
    let liar = Background::serve(|_| {
        Router::new()
            .route("/add-checkpoint", post(move |body: Bytes| async move { answer(&body) }))
    });
    let key = witness("w/one").key();
    let files = [WitnessFile { url: liar.url().to_owned(), key }];
    let witnesses = set_up(&files, 1, 5);
    cause(cosign(&witnesses, &log(), 9).await)
}

fn size(text: &str) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/x.tlog.size")];
    (StatusCode::CONFLICT, kind, text.to_owned()).into_response()
}

#[tokio::test]
async fn what_is_not_the_signature_of_a_witness_is_nothing() {
    let signs = |name: &str, text: &str| {
        format!("{}\n", TestLog::new(name).key.cosign(text, 1_800_000_000))
    };
    let honest = log().checkpoint(9).text().to_owned();
    // `TestLog` and `TestWitness` make the same key of a name.
    let good = signs("w/one", &honest);
    let plain = format!("{}\n", TestLog::new("w/one").key.sign(&honest));
    let other_tree = signs("w/one", log().checkpoint(8).text());
    let other_origin = signs("w/one", &honest.replacen(ORIGIN, "example.com/other", 1));
    let named = signs("w/two", &honest).replacen("w/two", "w/one", 1);
    for (what, answer) in [
        ("nothing", String::new()),
        ("words", "hello\n".to_owned()),
        ("another witness's", signs("w/two", &honest)),
        ("another witness's under this name", named),
        ("a signature without a time", plain),
        ("half a line", good[..40].to_owned()),
    ] {
        let cause = ask_instead(move |_| answer.clone().into_response()).await;
        assert!(matches!(cause, Cause::Garbage), "{what}: {cause:?}");
    }
    for (what, answer) in [("another tree", other_tree), ("another log", other_origin)] {
        let cause = ask_instead(move |_| answer.clone().into_response()).await;
        assert!(matches!(cause, Cause::Signature(_)), "{what}: {cause:?}");
    }
    let long = good.repeat(1000);
    let cause = ask_instead(move |_| long.clone().into_response()).await;
    assert!(matches!(cause, Cause::TooLong), "{cause:?}");
    let cause = ask_instead(|_| vec![0xff; 9].into_response()).await;
    assert!(matches!(cause, Cause::Garbage), "{cause:?}");
}

#[tokio::test]
async fn a_size_that_leads_nowhere_is_followed_once() {
    for (text, expected) in [
        ("0\n", "Contradiction(0)"),
        ("4\n", "Contradiction(4)"),
        ("10\n", "Ahead(10)"),
        ("18446744073709551615\n", "Ahead(18446744073709551615)"),
        ("18446744073709551616\n", "Garbage"),
        ("4", "Garbage"),
        ("-1\n", "Garbage"),
        ("", "Garbage"),
    ] {
        let cause = ask_instead(move |_| size(text)).await;
        assert_eq!(format!("{cause:?}"), expected, "{text:?}");
    }
    // A liar that names another size each time.
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let cause = ask_instead(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        size(&format!("{}\n", 3 + *count))
    })
    .await;
    assert!(matches!(cause, Cause::Contradiction(5)), "{cause:?}");
    assert_eq!(*asked.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let one = witness("w/one");
    let to = format!("{}/add-checkpoint", one.url());
    let cause = ask_instead(move |_| Redirect::temporary(&to).into_response()).await;
    assert!(matches!(cause, Cause::Status(307)), "{cause:?}");
}

#[tokio::test]
async fn a_witness_that_hangs_costs_its_time_and_no_more() {
    let [one, two, three] = three();
    // It accepts, in the kernel, and nobody ever answers.
    let deaf = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", deaf.local_addr().unwrap());
    let files = [file(&one), WitnessFile { url, key: three.key() }, file(&two)];

    let started = Instant::now();
    let witnesses = set_up(&files, 2, 60);
    assert_eq!(cosign(&witnesses, &log(), 2).await.unwrap(), ["w/one", "w/two"]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());

    let witnesses = set_up(&files, 3, 1);
    let cause = cause(cosign(&witnesses, &log(), 3).await);
    assert!(matches!(cause, Cause::TimedOut(_)), "{cause:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let key = |name: &str| TestLog::new(name).key.verifier().as_cosigner();
    let one = |url: &str| WitnessFile { url: url.to_owned(), key: key("w/one") };
    let plain = WitnessFile { key: TestLog::new("w/one").key.verifier(), ..one("https://w") };
    let good = one("https://witness.example/prefix/");
    let key_of_one = TestLog::new("w/one").key.renamed("w/two").unwrap();
    let renamed = WitnessFile { key: key_of_one.verifier().as_cosigner(), ..one("https://other") };
    for (files, quorum, seconds, setting) in [
        (vec![good.clone()], 2, 5, "log.witness_quorum"),
        (vec![], 1, 5, "log.witness_quorum"),
        (vec![good.clone()], 1, 0, "log.witness_seconds"),
        (vec![plain], 1, 5, "log.witness.key"),
        (vec![good.clone(), one("https://other")], 1, 5, "log.witness.key"),
        (vec![good.clone(), renamed], 1, 5, "log.witness.key"),
        (vec![one("http://witness.example")], 1, 5, "log.witness.url"),
        (vec![one("http://127.0.0.1.example")], 1, 5, "log.witness.url"),
        (vec![one("ftp://127.0.0.1")], 1, 5, "log.witness.url"),
        (vec![one("witness.example")], 1, 5, "log.witness.url"),
        (vec![one("https://user@witness.example")], 1, 5, "log.witness.url"),
        (vec![one("https://witness.example/?a")], 1, 5, "log.witness.url"),
        (vec![one("https://witness.example/#a")], 1, 5, "log.witness.url"),
    ] {
        let error = check_witnesses(&files, quorum, seconds).unwrap_err();
        assert!(
            matches!(error, ConfigError::Value { key, .. } if key == setting),
            "{files:?}: {error:?}"
        );
    }
    let loopback = WitnessFile { key: key("w/two"), ..one("http://[::1]:1") };
    let witnesses = set_up(&[good, loopback], 2, 5);
    let address = witnesses.all[0].address.as_str();
    assert_eq!(address, "https://witness.example/prefix/add-checkpoint");
}
