//! From a verified certificate to the identity it names.

use mcpkg_core::evidence::{BuildClaims, Signer};
use sigstore_verify::VerificationResult;

use crate::{VerifyError, key};

/// The signer that a verified result names.
///
/// The claims are read by name from the provider-neutral extensions. The
/// deprecated GitHub-only ones (arcs 2 to 6) are not looked at: a certificate
/// that has only those is from before 2023 and cannot publish here.
pub(crate) fn of_certificate(result: &VerificationResult) -> Result<Signer, VerifyError> {
    let certificate = result.certificate().ok_or(VerifyError::NoIdentity("anything"))?;
    let issuer = certificate.issuer.clone().ok_or(VerifyError::NoIdentity("its issuer"))?;
    // Only a key that the configuration trusts is known by this issuer. A private
    // Fulcio can be set up to write anything, and must not speak for a key.
    if issuer == key::ISSUER {
        return Err(VerifyError::Kind {
            what: "certificate's issuer",
            found: issuer,
            expected: "an issuer of tokens",
        });
    }
    let subject = certificate.identity.as_ref().ok_or(VerifyError::NoIdentity("its subject"))?;
    let claims = &certificate.ci_claims;
    let build = BuildClaims {
        build_signer_uri: claims.build_signer_uri.clone(),
        runner_environment: claims.runner_environment.clone(),
        source_repository: claims.source_repository_uri.clone(),
        source_commit: claims.source_repository_digest.clone(),
        source_ref: claims.source_repository_ref.clone(),
        source_repository_id: claims.source_repository_identifier.clone(),
        source_owner: claims.source_repository_owner_uri.clone(),
        source_owner_id: claims.source_repository_owner_identifier.clone(),
        build_config_uri: claims.build_config_uri.clone(),
        trigger: claims.build_trigger.clone(),
        run_uri: claims.run_invocation_uri.clone(),
        source_visibility: claims.source_repository_visibility_at_signing.clone(),
        environment: claims.deployment_environment.clone(),
    };
    // Any one claim makes it a CI job: then it has to satisfy the rules for CI
    // jobs, and cannot pass as a person by leaving most of them out.
    let build = (!claims.is_empty()).then_some(build);
    Ok(Signer { issuer, subject: subject.as_str().to_owned(), build })
}
