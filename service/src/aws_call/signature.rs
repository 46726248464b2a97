//! AWS's signature, version 4, of a POST to `/` without a query.
//!
//! Written out, as the official crate would bring more code than the rest of the service has.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::credentials::Credentials;
use crate::log::timestamp::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What a signature is good for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// `20150830T123600Z`.
    pub(super) timestamp: &'a str,
    pub(super) region: &'a str,
    /// The service's signing name.
    pub(super) service: &'a str,
}

impl Scope<'_> {
    fn date(&self) -> &str {
        self.timestamp.split('T').next().unwrap_or_default()
    }

    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }
}

/// A moment as signatures have it: `20150830T123600Z`.
pub(super) fn timestamp(moment: &Timestamp) -> String {
    let seconds = moment.text().split('.').next().unwrap_or_default();
    seconds
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .chain(['Z'])
        .collect()
}

/// The value of the header `Authorization`. `headers` are in the order of their names, which are in lower case.
pub(super) fn authorization(
    credentials: &Credentials,
    scope: &Scope<'_>,
    headers: &[(&str, &str)],
    body: &[u8],
) -> String {
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let fields: String = headers
        .iter()
        .flat_map(|(name, value)| [name, ":", value.trim(), "\n"])
        .collect();
    let request = format!("POST\n/\n\n{fields}\n{names}\n{}", hex(&Sha256::digest(body)));
    let request = hex(&Sha256::digest(request));
    let to_sign = format!("{ALGORITHM}\n{}\n{}\n{request}", scope.timestamp, scope.text());
    let signature = hex(&hmac(
        &signing_key(&credentials.secret_access_key, scope),
        to_sign.as_bytes(),
    ));
    format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={names}, Signature={signature}",
        credentials.access_key_id,
        scope.text()
    )
}

fn signing_key(secret: &str, scope: &Scope<'_>) -> [u8; 32] {
    let parts = [scope.date(), scope.region, scope.service, "aws4_request"];
    let start = format!("AWS4{secret}").into_bytes();
    let key = parts
        .iter()
        .fold(start, |key, part| hmac(&key, part.as_bytes()).to_vec());
    key.try_into().unwrap_or_default()
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is allowed");
    mac.chain_update(data).finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    /// AWS's own examples: `post-vanilla` and `post-sts-header-before` of its test suite for signature version 4.
    #[track_caller]
    fn check(token: Option<&str>, expected: &str) {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: String::new(),
        };
        let scope = Scope {
            timestamp: "20150830T123600Z",
            region: "us-east-1",
            service: "service",
        };
        let mut headers = vec![("host", "example.amazonaws.com"), ("x-amz-date", scope.timestamp)];
        headers.extend(token.map(|token| ("x-amz-security-token", token)));
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        assert_eq!(
            authorization(&credentials, &scope, &headers, b""),
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={expected}"
            )
        );
    }

    #[test]
    fn signs_as_aws_does() {
        check(None, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
        check(
            Some(
                "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==",
            ),
            "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
        );
    }

    #[test]
    fn a_moment_is_put_as_signatures_have_it() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_millis(1_440_938_160_123);
        assert_eq!(timestamp(&Timestamp::of(moment)), "20150830T123600Z");
    }
}
