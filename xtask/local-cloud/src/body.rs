//! Reads what a client sends.

use std::time::Duration;

use axum::body::{Body, HttpBody};
use http::StatusCode;
use http_body_util::LengthLimitError;

use crate::wire::Fault;

/// The longest body of a call. CloudFormation's templates come inline up to 51,200 bytes, and percent-encoding triples them.
const CALL_BODY_LIMIT_BYTES: usize = 4 << 20;

/// How long a client may take to send a call's body.
const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A body, within its limits of size and time.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html>
pub(crate) async fn read(body: Body) -> Result<bytes::Bytes, Fault> {
    let too_large = || Fault {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "RequestEntityTooLargeException".to_owned(),
        message: format!("a call's body has {CALL_BODY_LIMIT_BYTES} bytes at most"),
    };
    // What says itself that it is too large isn't waited for.
    if body.size_hint().lower() > CALL_BODY_LIMIT_BYTES as u64 {
        return Err(too_large());
    }
    let reading = axum::body::to_bytes(body, CALL_BODY_LIMIT_BYTES);
    match tokio::time::timeout(BODY_READ_TIMEOUT, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(match std::error::Error::source(&error) {
            Some(source) if source.is::<LengthLimitError>() => too_large(),
            _ => Fault::client("MalformedHttpRequestException", "the body is not what the headers say"),
        }),
        Err(_) => Err(Fault {
            status: StatusCode::REQUEST_TIMEOUT,
            code: "RequestTimeoutException".to_owned(),
            message: format!("the body did not come within {} s", BODY_READ_TIMEOUT.as_secs()),
        }),
    }
}
