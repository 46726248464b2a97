//! A request's head: what is refused, and what is changed on its way to the target.

use std::net::{IpAddr, SocketAddr};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
    request::Parts,
};

use crate::{
    limits,
    plan::{Attributes, XForwardedFor},
    trace_id,
};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Where a request came from and to.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) client: IpAddr,
    /// The client's address as a header's value, made once for each connection.
    pub(crate) client_value: HeaderValue,
    pub(crate) port_value: HeaderValue,
    /// The listener's address, the host of a request that names none.
    pub(crate) host_value: HeaderValue,
}

/// Refuses what the load balancer doesn't take.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>
pub(crate) fn check(parts: &Parts) -> Result<(), StatusCode> {
    if parts.method == Method::TRACE {
        return Err(StatusCode::METHOD_NOT_ALLOWED);
    }
    if parts.method == Method::CONNECT {
        return Err(StatusCode::BAD_REQUEST);
    }
    // The page has both 400 for a long request line and 414 for a long URL; a named choice: 414.
    let uri_bytes = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if uri_bytes + parts.method.as_str().len() > limits::REQUEST_LINE_BYTES {
        return Err(StatusCode::URI_TOO_LONG);
    }
    check_headers(&parts.headers)?;
    check_host(parts)?;
    check_transfer_encoding(&parts.headers)
}

fn check_headers(headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut total_bytes = 0;
    for (name, value) in headers {
        // Name, colon, space, value, line end.
        let bytes = name.as_str().len() + value.len() + 4;
        if bytes > limits::REQUEST_HEADER_BYTES {
            return Err(StatusCode::BAD_REQUEST);
        }
        total_bytes += bytes;
    }
    let fits = total_bytes <= limits::REQUEST_HEADERS_BYTES;
    fits.then_some(()).ok_or(StatusCode::BAD_REQUEST)
}

/// HTTP/1.1 asks for exactly one host; two could be read differently by the load balancer and the target.
fn check_host(parts: &Parts) -> Result<(), StatusCode> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (_, Some(_)) => Err(StatusCode::BAD_REQUEST),
        (None, None) if parts.version == Version::HTTP_11 => Err(StatusCode::BAD_REQUEST),
        _ => Ok(()),
    }
}

/// "The load balancer received a Transfer-Encoding header with an unsupported value": 501.
///
/// hyper has refused what isn't chunked in the end, and of a request with both `Transfer-Encoding` and `Content-Length`
/// it has dropped the length, so that the target can't read the request in another way.
fn check_transfer_encoding(headers: &HeaderMap) -> Result<(), StatusCode> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let supported = encodings.all(|encoding| encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    supported.then_some(()).ok_or(StatusCode::NOT_IMPLEMENTED)
}

/// Makes the client's head the target's.
pub(crate) fn rewrite(parts: &mut Parts, has_body: bool, hop: &Hop, attributes: &Attributes) -> Result<(), StatusCode> {
    name_host(parts, hop);
    parts.version = Version::HTTP_11;
    let headers = &mut parts.headers;
    remove_hop_by_hop(headers);
    // The load balancer answers `Expect: 100-continue` itself, once the target takes the body: AWS doesn't say, a named choice.
    headers.remove(EXPECT);
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        // Said outright, because hyper's client would leave the body out for methods that rarely have one.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if attributes.drop_invalid_header_fields {
        drop_invalid(headers);
    }
    forwarded_for(headers, hop, attributes.x_forwarded_for)?;
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    headers.insert(X_FORWARDED_PORT, hop.port_value.clone());
    let trace_id = trace_id::next(headers.get(&X_AMZN_TRACE_ID));
    headers.insert(X_AMZN_TRACE_ID, trace_id);
    Ok(())
}

/// A request in absolute form names its host in the URI; the target gets it in origin form.
fn name_host(parts: &mut Parts, hop: &Hop) {
    if let Some(authority) = parts.uri.authority() {
        if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
            parts.headers.insert(HOST, host);
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = Uri::try_from(path).unwrap_or_default();
    } else if !parts.headers.contains_key(HOST) {
        parts.headers.insert(HOST, hop.host_value.clone());
    }
}

/// Takes out what is meant for one connection only, by <https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>.
///
/// `Upgrade` goes with them: WebSocket passes through on AWS, here the target is asked plainly. A named choice: nothing in this project upgrades.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(connection) = headers.remove(CONNECTION) {
        let named = connection.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in named.filter(|name| !name.eq_ignore_ascii_case("close") && !name.is_empty()) {
            // A client can't have what the load balancer relies on taken out.
            if ![HOST.as_str(), CONTENT_LENGTH.as_str()]
                .iter()
                .any(|kept| name.eq_ignore_ascii_case(kept))
            {
                headers.remove(name);
            }
        }
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// "Header names must conform to the regular expression `[-A-Za-z0-9]+`."
fn drop_invalid(headers: &mut HeaderMap) {
    let invalid = |name: &&HeaderName| {
        !name
            .as_str()
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let names: Vec<HeaderName> = headers.keys().filter(invalid).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/x-forwarded-headers.html>
fn forwarded_for(headers: &mut HeaderMap, hop: &Hop, mode: XForwardedFor) -> Result<(), StatusCode> {
    if !headers.contains_key(&X_FORWARDED_FOR) {
        if mode == XForwardedFor::Append {
            headers.insert(X_FORWARDED_FOR, hop.client_value.clone());
        }
        return Ok(());
    }
    let sent: Vec<&[u8]> = headers
        .get_all(&X_FORWARDED_FOR)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    let addresses = sent.iter().flat_map(|value| value.split(|&byte| byte == b',')).count();
    if addresses > limits::FORWARDED_ADDRESSES {
        return StatusCode::from_u16(463).map_or(Ok(()), Err);
    }
    match mode {
        XForwardedFor::Preserve => {}
        XForwardedFor::Remove => {
            headers.remove(&X_FORWARDED_FOR);
        }
        XForwardedFor::Append => {
            let mut appended = sent.join(&b", "[..]);
            appended.extend_from_slice(b", ");
            appended.extend_from_slice(hop.client_value.as_bytes());
            if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(appended)) {
                headers.insert(X_FORWARDED_FOR, value);
            }
        }
    }
    Ok(())
}

impl Hop {
    pub(crate) fn new(client: IpAddr, listener: SocketAddr) -> Self {
        let value = |text: &str| HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        Self {
            client,
            client_value: value(&client.to_string()),
            port_value: HeaderValue::from(listener.port()),
            host_value: value(&listener.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
