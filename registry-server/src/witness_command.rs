//! `mcpkg-registry witness`, and `witness init`.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use mcpkg_registry_server::witness::{self, WitnessConfig, WitnessConfigFile, WitnessError};

use crate::args::{WitnessArgs, WitnessCommand, WitnessInitArgs, WitnessServeArgs};
use crate::{Failure, failed_to, logging, runtime, stop_signal, write_whole};

/// Runs a witness, or makes its key.
pub(crate) fn run(args: &WitnessArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        None => serve(&args.serve),
        Some(WitnessCommand::Init(args)) => init(args),
    }
}

fn init(args: &WitnessInitArgs) -> Result<ExitCode, Failure> {
    let key = witness::init(&args.key, &args.name)?;
    writeln!(io::stdout(), "{key}").map_err(failed_to("write the key"))?;
    Ok(ExitCode::SUCCESS)
}

fn serve(args: &WitnessServeArgs) -> Result<ExitCode, Failure> {
    logging::start(args.log_format);
    let file = WitnessConfigFile::read(&args.config).map_err(WitnessError::from)?;
    let config = file.resolve(args.listen)?;
    runtime()?.block_on(serve_until_told(config, args.address_file.as_deref()))
}

async fn serve_until_told(
    config: WitnessConfig,
    address_file: Option<&Path>,
) -> Result<ExitCode, Failure> {
    // Before the address is known, so that whoever reads it can stop us.
    let stop = stop_signal()?;
    let running = witness::start(config).await?;
    if let Some(path) = address_file {
        write_whole(path, &format!("{}\n", running.address()))?;
    }
    stop.await;
    tracing::info!("stopping");
    let all_answered = running.shutdown().await;
    Ok(if all_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
