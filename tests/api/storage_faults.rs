//! A disk that is full or read-only, a database that is locked: a clear answer,
//! nothing half-written, and reading goes on.

use std::fs;
use std::path::Path;

use mcpkg_core::Code;
use mcpkg_registry_server::Limits;
use mcpkg_test_support::mount::Mount;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Draft, Http, Setup, TestRegistry};
use sqlx::{Connection as _, SqliteConnection};

use crate::process::{Place, Process};
use crate::{NAME, acme, release};

/// Reading works, nothing is left in staging, and `fsck` is content.
#[track_caller]
fn assert_unharmed(http: &Http, data: &Path) {
    assert_eq!(http.get(&format!("/v1/packages/{NAME}")).status, 200);
    assert_eq!(http.get(&format!("/v1/packages/{NAME}/1.0.0")).status, 200);
    assert_eq!(http.get(&format!("/v1/packages/{NAME}/2.0.0")).status, 404);
    assert_eq!(fs::read_dir(data.join("staging")).unwrap().count(), 0);
}

#[test]
fn a_database_that_another_process_has_locked() {
    let sigstore = TestSigstore::start();
    let limits = Limits { database_seconds: 1, ..Limits::default() };
    let setup = Setup { limits, ..Setup::default() };
    let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
    registry.accept(&release(&sigstore, "1.0.0"));

    let url = format!("sqlite://{}", registry.data_dir().join("registry.sqlite3").display());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut other = runtime.block_on(SqliteConnection::connect(&url)).unwrap();
    let run = |connection: &mut SqliteConnection, sql: &'static str| {
        runtime.block_on(sqlx::raw_sql(sql).execute(connection)).unwrap();
    };
    run(&mut other, "begin immediate");
    let reply = registry.publish(&release(&sigstore, "2.0.0"));
    assert_eq!(reply.outcome(), (503, Some(Code::Storage)), "{reply}");
    assert!(!reply.problem().detail.contains("SQL"), "no internals: {reply}");
    assert_unharmed(registry.http(), &registry.data_dir());

    // It was logged, and the database catches up as soon as it can.
    run(&mut other, "rollback");
    let reply = registry.publish(&release(&sigstore, "2.0.0"));
    assert_eq!(reply.status, 200, "{reply}");
}

#[test]
fn a_file_that_may_not_grow() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    // The signal would end the program before it could answer.
    let script = "trap '' XFSZ; ulimit -f 2048; exec \"$@\"";
    let program = env!("CARGO_BIN_EXE_mcpkg-registry");
    let mut command = place.command_of("/bin/sh", &["-c", script, "sh", program, "serve"]);
    let process = Process::start(&mut command);
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);

    let large = Draft::new(NAME, "2.0.0").with_bytes(4 << 20).sign(&sigstore, &acme());
    let reply = process.http.publish(&large);
    assert_eq!(reply.outcome(), (507, Some(Code::Storage)), "{reply}");
    assert_unharmed(&process.http, &place.data());
    assert_eq!(process.http.publish(&release(&sigstore, "2.0.0")).status, 201);
    assert!(process.terminate().success());
    assert_eq!(place.fsck().code, Some(0));
}

#[test]
fn a_disk_that_is_full() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let Some(_mount) = Mount::over(place.data(), "8m") else { return };
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);

    // Too large for what is left; then so little is left that not even the
    // smallest file fits.
    let large = Draft::new(NAME, "2.0.0").with_bytes(16 << 20).sign(&sigstore, &acme());
    let reply = process.http.publish(&large);
    assert_eq!(reply.outcome(), (507, Some(Code::Storage)), "{reply}");
    assert_unharmed(&process.http, &place.data());

    let filler = place.data().join("filler");
    let mut size = 8 << 20;
    while size >= 512 {
        let mut bytes = fs::read(&filler).unwrap_or_default();
        bytes.extend(vec![0; size]);
        if fs::write(&filler, bytes).is_err() {
            size /= 2;
        }
    }
    let small = release(&sigstore, "2.0.0");
    let reply = process.http.publish(&small);
    assert_eq!(reply.outcome(), (507, Some(Code::Storage)), "{reply}");
    assert_unharmed(&process.http, &place.data());

    fs::remove_file(filler).unwrap();
    assert_eq!(process.http.publish(&small).status, 201);
    assert!(process.terminate().success());
    assert_eq!(place.fsck().code, Some(0));
}

#[test]
fn a_disk_that_becomes_read_only() {
    let sigstore = TestSigstore::start();
    let place = Place::new(&sigstore);
    let Some(mount) = Mount::over(place.data(), "8m") else { return };
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "1.0.0")).status, 201);
    assert!(process.terminate().success());

    mount.set_read_only(true);
    let refused = place.command("serve").output().unwrap();
    let stderr = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.starts_with("error[E_STORAGE]: the registry does not start"), "{stderr}");

    mount.set_read_only(false);
    let process = place.serve();
    assert_eq!(process.http.publish(&release(&sigstore, "2.0.0")).status, 201);
}
