//! `mcpkg-registry policy` and `mcpkg-registry audit`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use mcpkg_registry_server::{
    Answer, PolicyDefaults, PolicyFile, Question, ask, check_policies, export_audit,
};

use super::args::{AuditArgs, AuditCommand, PolicyArgs, PolicyCommand, QuestionArgs};
use super::{Failure, UNSOUND, failed_to, offline, print, runtime};

/// Checks policies, or asks them.
pub(super) fn policy(args: &PolicyArgs) -> Result<ExitCode, Failure> {
    let json = args.place.json;
    match &args.action {
        PolicyCommand::Validate { files } => {
            let source = PolicyFile { files: files.clone(), defaults: PolicyDefaults::None };
            print(json, &check_policies(&source)?)?;
        }
        PolicyCommand::Check => print(json, &check_policies(&offline(&args.place)?.policy)?)?,
        PolicyCommand::CanI(asked) => {
            let answer = ask(&offline(&args.place)?, &question(asked))?;
            if json {
                print(json, &answer)?;
            } else {
                print(json, &answer.word())?;
            }
            return Ok(code_of(&answer));
        }
        PolicyCommand::Explain(asked) => {
            let answer = ask(&offline(&args.place)?, &question(asked))?;
            print(json, &answer)?;
            return Ok(code_of(&answer));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what was audited.
pub(super) fn audit(args: &AuditArgs) -> Result<ExitCode, Failure> {
    let AuditCommand::Export { since, format: _ } = &args.action;
    let config = offline(&args.place)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    runtime()?.block_on(export_audit(&config, *since, &mut out))?;
    out.flush().map_err(failed_to("write the result"))?;
    Ok(ExitCode::SUCCESS)
}

fn question(asked: &QuestionArgs) -> Question {
    Question {
        principal: asked.principal.clone(),
        roles: asked.role.clone(),
        groups: asked.group.clone(),
        action: asked.action.clone(),
        resource: asked.resource.clone(),
        has_proof: asked.dpop,
        address: asked.address,
    }
}

fn code_of(answer: &Answer) -> ExitCode {
    if answer.is_allowed() { ExitCode::SUCCESS } else { ExitCode::from(UNSOUND) }
}
