//! Calls of the services that speak the AWS query protocol, without an SDK crate each: as [`super::json`] does it.
//!
//! The protocol: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.

use std::fmt::Write as _;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;

use super::Aws;
use super::calls::Operation;
use super::json::{ServiceError, send};

/// Calls an operation; the answer's XML.
///
/// # Errors
/// When AWS refuses it or can't be reached.
pub(super) async fn call(aws: &Aws, operation: Operation, fields: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut body = format!("Action={}&Version={}", operation.name(), operation.service().version);
    for (name, value) in fields {
        let _ = write!(body, "&{name}={}", encode(value));
    }
    send(aws, operation, move || request(&body), response).await
}

fn request(body: &str) -> Result<HttpRequest, BoxError> {
    let request = http::Request::post("/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", body.len())
        .body(SdkBody::from(body))?;
    Ok(request.try_into()?)
}

fn response(response: &HttpResponse) -> Result<String, OrchestratorError<ServiceError>> {
    let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
    if response.status().is_success() {
        return Ok(body.into_owned());
    }
    let status = format!("HTTP {}", response.status().as_u16());
    let code = elements(&body, "Code").next().unwrap_or(&status);
    let message = elements(&body, "Message").next().unwrap_or("no message");
    Err(OrchestratorError::operation(ServiceError::new(code, message)))
}

/// The texts of all elements of a name: enough for answers of which one kind of element is wanted, wherever it stands.
pub(super) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (text, after) = after.split_once(&close)?;
        rest = after;
        Some(text)
    })
}

/// As a form's value: what isn't an unreserved character is escaped.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forms_value() {
        assert_eq!(encode("arn:aws:x/y z~1"), "arn%3Aaws%3Ax%2Fy%20z~1");
    }

    #[test]
    fn elements_wherever_they_stand() {
        let xml = "<a><State>healthy</State><b><State>draining</State></b><State>cut";
        assert_eq!(elements(xml, "State").collect::<Vec<_>>(), ["healthy", "draining"]);
    }
}
