//! What AWS refuses, in its own words and with the fix.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::code::Code;
use crate::exit::{Exit, Failure};

/// An SDK error as a failure: AWS's code and message, and for credentials how to get them.
pub(super) fn failure<E, R>(action: &str, error: &SdkError<E, R>) -> anyhow::Error
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if let Some(service) = error.as_service_error() {
        return refused(
            action,
            service.code().unwrap_or("no code"),
            service.message().unwrap_or_default(),
        )
        .into();
    }
    let words = chain(error);
    if is_about_credentials(error) {
        return missing_credentials(action, &words, is_for_want_of_any(error)).into();
    }
    let what = format!("cannot {action}: {words}");
    match error {
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) | SdkError::ResponseError(_) => passing(what).into(),
        _ => Failure::new(Exit::Failed, what).code(Code::AwsRefused).into(),
    }
}

/// Whether AWS answered, with this code and these words in its message.
pub(super) fn says<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str, words: &str) -> bool {
    let Some(error) = error.as_service_error() else {
        return false;
    };
    error.code() == Some(code) && error.message().is_some_and(|message| message.contains(words))
}

fn refused(action: &str, code: &str, message: &str) -> Failure {
    let what = format!("cannot {action}: {code}: {message}");
    match code {
        // https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => Failure::preflight(what)
            .code(Code::CredentialsExpired)
            .next("get new credentials (`aws sso login`, or as you got these) and run the same command again"),
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "IncompleteSignature"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "AuthFailure" => Failure::preflight(what)
            .code(Code::CredentialsInvalid)
            .next("check the credentials: `aws sts get-caller-identity` shows whose they are"),
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "OptInRequired" => {
            Failure::preflight(what)
                .code(Code::AccessDenied)
                .next("use credentials that may do this (--profile), or have them allowed to")
        }
        "Throttling" | "ThrottlingException" | "RequestLimitExceeded" | "TooManyRequestsException" => passing(what)
            .code(Code::AwsThrottled)
            .next("AWS takes no more requests just now: run the same command again in a minute"),
        "InternalFailure" | "InternalError" | "ServiceUnavailable" => passing(what),
        _ => Failure::new(Exit::Failed, what).code(Code::AwsRefused),
    }
}

/// An answer that lacks what AWS documents.
pub(super) fn lacking(what: impl Into<String>) -> anyhow::Error {
    Failure::new(Exit::Failed, what).code(Code::AwsAnswer).into()
}

fn passing(what: String) -> Failure {
    Failure {
        passing: true,
        ..Failure::new(Exit::Failed, what).code(Code::AwsUnreachable)
    }
}

/// What was tried comes below: it is long, and ends with the metadata of a machine that most people's isn't.
fn missing_credentials(action: &str, words: &str, none: bool) -> Failure {
    let what = if none {
        "no AWS credentials found"
    } else {
        "what should give AWS credentials gives none"
    };
    Failure::preflight(what)
        .also(&format!("cannot {action}: {words}"))
        .code(Code::CredentialsMissing)
        .next("choose a profile with credentials (--profile NAME or AWS_PROFILE), after `aws sso login` if it uses SSO")
}

/// Whether nothing that could give credentials is set up at all.
fn is_for_want_of_any(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .filter_map(|error| error.downcast_ref::<CredentialsError>())
        .any(|error| matches!(error, CredentialsError::CredentialsNotLoaded(_)))
}

fn is_about_credentials(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source())
        .any(|error| error.downcast_ref::<CredentialsError>().is_some())
}

/// Every cause, once each: the SDK's errors often repeat their source.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |&error| error.source()) {
        let said = error.to_string();
        // The SDK's own layers say nothing of the cause.
        if ["dispatch failure", "other", "io error"].contains(&said.as_str()) {
            continue;
        }
        if !words.iter().any(|word| word.contains(&said)) {
            words.push(said);
        }
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_by_their_exit_status() {
        for (code, expected) in [
            ("ExpiredToken", Exit::Preflight),
            ("ExpiredTokenException", Exit::Preflight),
            ("UnrecognizedClientException", Exit::Preflight),
            ("AccessDenied", Exit::Preflight),
            ("ValidationError", Exit::Failed),
            ("Throttling", Exit::Failed),
        ] {
            assert_eq!(refused("look", code, "").exit, expected, "{code}");
        }
    }
}
