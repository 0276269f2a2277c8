//! `mcpkg-registry`: the registry as a program.

mod admission_args;
mod admission_command;
mod args;
mod logging;
mod mirror_command;
mod policy_command;
mod witness_command;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Parser as _;
use mcpkg_core::{Code, Coded};
use mcpkg_registry_server::witness::{StateError, WitnessError};
use mcpkg_registry_server::{
    AuditError, Config, ConfigError, ConfigFile, ExplainError, FollowError, ImportError,
    KeyFileError, LogAction, Overrides, PackageImportError, PolicyError, QuestionError, StartError,
    StorageError, backup, follow_official, fsck, import_package, manage, rebuild, restore, start,
};
use tokio::runtime;

use args::{
    Args, BackupArgs, Command, FsckArgs, ImportArgs, ImportWhat, LogArgs, LogCommand, OfficialArgs,
    OfficialCommand, PlaceArgs, RestoreArgs, ServeArgs,
};

/// Threads for what blocks: reading chunks, hashing, verifying. Beyond a few
/// per core they only wait for each other.
const BLOCKING_THREADS: usize = 64;

/// The exit code for a broken invariant, and for a log that must not be signed.
const UNSOUND: u8 = 3;

/// Why the program failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    #[error("the registry does not start")]
    Start(#[from] StartError),
    #[error("could not check the data folder `{}`", path.display())]
    Fsck { path: PathBuf, source: StorageError },
    #[error("the policies cannot be used")]
    Policy(#[from] PolicyError),
    #[error("could not answer")]
    Question(#[from] QuestionError),
    #[error("could not show what was audited")]
    Audit(#[from] AuditError),
    #[error("the package is not imported")]
    Package(#[source] Box<PackageImportError>),
    #[error("a package is imported into a folder, and an export or a folder for a source")]
    ImportWhere,
    #[error("the witness does not start")]
    Witness(#[from] WitnessError),
    #[error("could not make the witness's key")]
    WitnessKey(#[from] KeyFileError),
    #[error("could not make the key of a webhook")]
    WebhookKey(#[source] KeyFileError),
    #[error("nothing can be said of the release")]
    Explain(#[from] ExplainError),
    #[error("nothing was taken in")]
    Import(#[from] ImportError),
    #[error("could not follow `{}`", from.escape_debug())]
    Follow { from: String, source: FollowError },
    #[error("could not {action}")]
    System { action: String, source: io::Error },
}

fn main() -> ExitCode {
    let args = Args::parse();
    let result = match &args.command {
        Command::Serve(args) => serve(args),
        Command::Fsck(args) => check(args),
        Command::Log(args) => log(args),
        Command::Backup(args) => save(args),
        Command::Restore(args) => bring_back(args),
        Command::Mirror(args) => mirror_command::mirror(args),
        Command::Export(args) => mirror_command::export_file(args),
        Command::Import(args) => import(args),
        Command::Official(args) => official(args),
        Command::Takedown(args) => mirror_command::takedown(args),
        Command::Admission(args) => admission_command::admission(args),
        Command::Advisories(args) => admission_command::advisories(args),
        Command::Gc(args) => admission_command::collect(args),
        Command::Webhook(args) => admission_command::webhook(args),
        Command::Policy(args) => policy_command::policy(args),
        Command::Audit(args) => policy_command::audit(args),
        Command::Witness(args) => witness_command::run(args),
    };
    result.unwrap_or_else(|failure| {
        report(&failure);
        if failure.is_refusal() { ExitCode::from(UNSOUND) } else { ExitCode::FAILURE }
    })
}

fn serve(args: &ServeArgs) -> Result<ExitCode, Failure> {
    logging::start(args.log_format);
    let overrides = Overrides {
        listen: args.listen,
        data: args.data.clone(),
        public_url: args.public_url.clone(),
    };
    let config = config_file(args.config.as_deref())?.resolve(&overrides)?;
    runtime()?.block_on(serve_until_told(config, args.address_file.as_deref()))
}

async fn serve_until_told(
    config: Config,
    address_file: Option<&Path>,
) -> Result<ExitCode, Failure> {
    // Before the address is known, so that whoever reads it can stop us.
    let stop = stop_signal()?;
    let running = start(config).await?;
    if let Some(path) = address_file {
        write_whole(path, &format!("{}\n", running.address()))?;
    }
    stop.await;
    tracing::info!("stopping");
    let all_answered = running.shutdown().await;
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn import(args: &ImportArgs) -> Result<ExitCode, Failure> {
    match (&args.what, &args.source, &args.out) {
        (ImportWhat::File(from), Some(source), None) => {
            mirror_command::import_file(from, source, args.digest, &args.place)
        }
        (ImportWhat::Package(package), None, Some(out)) => {
            let config = config_file(args.place.config.as_deref())?.import;
            let accepted = args.accept_unattested.iter().cloned().collect();
            let now = jiff::Timestamp::now();
            let imported = import_package(package, &config, &accepted, out, now)
                .map_err(|source| Failure::Package(Box::new(source)))?;
            print(args.place.json, &imported)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(Failure::ImportWhere),
    }
}

fn check(args: &FsckArgs) -> Result<ExitCode, Failure> {
    let (config, json) = (offline(&args.place)?, args.place.json);
    if args.rebuild {
        print(json, &runtime()?.block_on(rebuild(&config))?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = runtime()?
        .block_on(fsck::check(&config, SystemTime::now()))
        .map_err(|source| Failure::Fsck { path: config.data.clone(), source })?;
    print(json, &report)?;
    Ok(if report.is_sound { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) })
}

/// The configuration for a command that trusts nobody and serves nothing.
fn offline(place: &PlaceArgs) -> Result<Config, Failure> {
    let overrides = Overrides { data: place.data.clone(), ..Overrides::default() };
    let file = config_file(place.config.as_deref())?;
    let mut file = ConfigFile {
        trust_public_good: Some(false),
        trust_root: Vec::new(),
        trust_key: Vec::new(),
        ..file
    };
    for source in &mut file.source {
        source.trust_public_good = Some(false);
        source.trust_root.clear();
        source.trust_key.clear();
    }
    Ok(file.resolve(&overrides)?)
}

fn log(args: &LogArgs) -> Result<ExitCode, Failure> {
    let action = match &args.action {
        LogCommand::Show => LogAction::Show,
        LogCommand::Init => LogAction::Init,
        LogCommand::Rotate => LogAction::Rotate,
        LogCommand::Succeed { origin } => LogAction::Succeed { origin: origin.clone() },
        LogCommand::ResetGuard { size } => LogAction::ResetGuard { size: *size },
    };
    let managed = runtime()?.block_on(manage(&offline(&args.place)?, action))?;
    print(args.place.json, &managed)?;
    Ok(ExitCode::SUCCESS)
}

fn save(args: &BackupArgs) -> Result<ExitCode, Failure> {
    let copied = runtime()?.block_on(backup(&offline(&args.place)?, &args.to))?;
    print(args.place.json, &copied)?;
    Ok(ExitCode::SUCCESS)
}

fn bring_back(args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let copied = runtime()?.block_on(restore(&offline(&args.place)?, &args.from))?;
    print(args.place.json, &copied)?;
    Ok(ExitCode::SUCCESS)
}

fn official(args: &OfficialArgs) -> Result<ExitCode, Failure> {
    let OfficialCommand::Follow { from, since } = &args.action;
    let config = offline(&args.place)?;
    let followed = runtime()?.block_on(follow_official(&config, from, *since))?;
    let report = followed.map_err(|source| Failure::Follow { from: from.clone(), source })?;
    print(args.place.json, &report)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints a result, as JSON or for people.
fn print(json: bool, value: &(impl serde::Serialize + std::fmt::Display)) -> Result<(), Failure> {
    let mut text = if json {
        serde_json::to_string_pretty(value)
            .map_err(|error| failed_to("write the result")(error.into()))?
    } else {
        value.to_string().trim_end().to_owned()
    };
    text.push('\n');
    io::stdout().write_all(text.as_bytes()).map_err(failed_to("write the result"))
}

fn config_file(path: Option<&Path>) -> Result<ConfigFile, ConfigError> {
    path.map_or_else(|| Ok(ConfigFile::default()), ConfigFile::read)
}

fn runtime() -> Result<runtime::Runtime, Failure> {
    runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(failed_to("start the runtime"))
}

/// Completes when the system asks us to stop. Listens from the call on.
#[cfg(unix)]
fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate()).map_err(failed_to("listen for SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed_to("listen for SIGINT"))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
    })
}

/// Writes a file so that nobody reads half of it.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(drop).map_err(failed_to(&format!("write `{}`", path.display())))
}

fn failed_to(action: &str) -> impl FnOnce(io::Error) -> Failure {
    let action = action.to_owned();
    move |source| Failure::System { action, source }
}

/// Says what happened, why, and what to do about it.
fn report(failure: &Failure) {
    let mut lines = vec![format!("error[{}]: {failure}", failure.code())];
    let causes = std::iter::successors(failure.source(), |&cause| cause.source());
    lines.extend(causes.map(|cause| format!("  caused by: {cause}")));
    lines.extend(failure.hint().map(|hint| format!("\nhint: {hint}")));
    // There is nobody left to tell if this fails.
    drop(writeln!(io::stderr(), "{}", lines.join("\n")));
}

impl Failure {
    /// Whether the answer was *no* rather than a failure to find out.
    fn is_refusal(&self) -> bool {
        match self {
            Self::Start(error) => error.is_refusal(),
            Self::Audit(error) => error.code() == Code::Audit,
            Self::Witness(error) => {
                matches!(error, WitnessError::State(StateError::Damaged { .. }))
            }
            Self::Package(error) => matches!(
                **error,
                PackageImportError::Unattested { .. } | PackageImportError::Refused { .. }
            ),
            _ => false,
        }
    }
}

impl Coded for Failure {
    fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Start(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::Question(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Witness(error) => error.code(),
            Self::WitnessKey(error) | Self::WebhookKey(error) => error.code(),
            Self::Explain(error) => error.code(),
            Self::Import(error) => error.code(),
            Self::Fsck { source, .. } => source.code(),
            Self::Package(error) => error.code(),
            Self::ImportWhere => Code::Config,
            Self::Follow { source, .. } => source.code(),
            Self::System { .. } => Code::Internal,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Start(error) => error.hint(),
            Self::Policy(error) => error.hint(),
            Self::Question(error) => error.hint(),
            Self::Audit(error) => error.hint(),
            Self::Witness(error) => error.hint(),
            Self::WitnessKey(error) | Self::WebhookKey(error) => error.hint(),
            Self::Explain(error) => error.hint(),
            Self::Import(error) => error.hint(),
            Self::Fsck { source, .. } => source.hint(),
            Self::Package(error) => error.hint(),
            Self::ImportWhere => {
                Some("pass `--out <FOLDER>` for a package, and `--source <NAME>` for an export")
            }
            Self::Follow { source, .. } => source.hint(),
            Self::System { .. } => None,
        }
    }
}
