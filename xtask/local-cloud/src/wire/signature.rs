//! The headers that sign a request. The local cloud asks for them as AWS does and checks their form, not their value:
//! there is no secret to prove on loopback.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html>

use http::HeaderMap;

use super::Fault;

/// Whom and what a request was signed for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// The access key, which says who asks.
    pub(crate) access_key: String,
    /// The signing name of the service, `cloudformation`.
    pub(crate) service: String,
}

/// Reads the credential scope of a request.
///
/// # Errors
/// `MissingAuthenticationToken` without the headers, `IncompleteSignature` when a part of them is missing.
pub(crate) fn scope(headers: &HeaderMap) -> Result<Scope, Fault> {
    let Some(authorization) = headers.get(http::header::AUTHORIZATION) else {
        return Err(Fault::forbidden(
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ));
    };
    let authorization = authorization
        .to_str()
        .map_err(|_| incomplete("the Authorization header is not text"))?;
    let Some(elements) = authorization.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(incomplete(
            "Authorization header requires the algorithm 'AWS4-HMAC-SHA256'",
        ));
    };
    let element = |name: &str| {
        let value = elements
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        value
            .filter(|value| !value.is_empty())
            .ok_or_else(|| incomplete(&format!("Authorization header requires '{name}' parameter")))
    };
    element("Signature")?;
    element("SignedHeaders")?;
    if !headers.contains_key("x-amz-date") && !headers.contains_key(http::header::DATE) {
        return Err(incomplete(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header",
        ));
    }
    match element("Credential")?.split('/').collect::<Vec<_>>().as_slice() {
        [key, _day, _region, service, "aws4_request"] => Ok(Scope {
            access_key: (*key).to_owned(),
            service: (*service).to_owned(),
        }),
        _ => Err(incomplete("Credential must have exactly 5 slash-delimited elements")),
    }
}

fn incomplete(message: &str) -> Fault {
    Fault::forbidden("IncompleteSignature", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIAL: &str = "Credential=local/20260101/us-east-1/ecs/aws4_request";

    fn check(authorization: Option<&str>, date: bool, expected: Result<&str, &str>) {
        let mut headers = HeaderMap::new();
        if let Some(text) = authorization {
            headers.insert(http::header::AUTHORIZATION, text.parse().unwrap());
        }
        if date {
            headers.insert("x-amz-date", "20260101T000000Z".parse().unwrap());
        }
        let actual = scope(&headers);
        assert_eq!(
            actual.map(|scope| scope.service),
            expected.map(str::to_owned).map_err(|code| {
                let message = scope(&headers).unwrap_err().message;
                Fault::forbidden(code, message)
            })
        );
    }

    #[test]
    fn a_signature_is_asked_for_as_aws_asks_for_it() {
        check(None, true, Err("MissingAuthenticationToken"));
        check(Some("Basic abc"), true, Err("IncompleteSignature"));
        let whole = format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=00");
        check(Some(&whole), true, Ok("ecs"));
        check(Some(&whole), false, Err("IncompleteSignature"));
        check(
            Some(&format!("AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host")),
            true,
            Err("IncompleteSignature"),
        );
        check(
            Some("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00"),
            true,
            Err("IncompleteSignature"),
        );
    }
}
