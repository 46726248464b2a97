//! HTTP to a registry's host: in the clear to loopback, by TLS to any other.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::image::login::RegistryLogin;

/// How long a request may take, its answer included.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest answer that is read: registries bound manifests to 4 MiB.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Sends requests to one host, with its login.
#[derive(Debug)]
pub(super) struct Transport {
    /// `http://host` or `https://host`.
    origin: String,
    authorization: HeaderValue,
    client: AnyClient,
}

#[derive(Debug)]
enum AnyClient {
    Clear(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// A request, to be sent once.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// A path on the host, or a whole address that the registry gave.
    pub(super) location: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Request {
    /// A request without headers and body.
    pub(super) fn new(method: Method, location: &str) -> Self {
        Self {
            method,
            location: location.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}

impl Transport {
    /// To `host`, which may end in a port.
    ///
    /// # Errors
    ///
    /// When the host isn't one, or this machine's certificate authorities can't be read.
    pub(super) fn new(host: &str, login: &RegistryLogin) -> anyhow::Result<Self> {
        let name: Uri = format!("https://{host}/")
            .parse()
            .with_context(|| format!("`{host}` is not a host"))?;
        let loopback = is_loopback(name.host().unwrap_or_default());
        let client = if loopback {
            AnyClient::Clear(Client::builder(TokioExecutor::new()).build_http())
        } else {
            AnyClient::Tls(tls_client()?)
        };
        let secret = BASE64.encode(format!("{}:{}", login.username, login.password.reveal()));
        let mut authorization = HeaderValue::try_from(format!("Basic {secret}"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            origin: format!("{}://{host}", if loopback { "http" } else { "https" }),
            authorization,
            client,
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// When there is no answer, or none in time.
    pub(super) async fn send(&self, request: Request) -> anyhow::Result<Response> {
        let address = self.address(&request.location)?;
        let mut sent = http::Request::new(Full::new(request.body));
        // The login is the host's alone, should the registry send us to another.
        if is_at(&address, &self.origin) {
            sent.headers_mut()
                .insert(header::AUTHORIZATION, self.authorization.clone());
        }
        sent.headers_mut().extend(request.headers);
        *sent.method_mut() = request.method;
        *sent.uri_mut() = address
            .parse()
            .with_context(|| format!("`{address}` is not an address"))?;
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(sent)).await;
        answer
            .with_context(|| format!("no answer in {} s", REQUEST_TIMEOUT.as_secs()))
            .flatten()
            .with_context(|| format!("can't talk to {}", self.origin))
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> anyhow::Result<Response> {
        let response: http::Response<Incoming> = match &self.client {
            AnyClient::Clear(client) => client.request(request).await?,
            AnyClient::Tls(client) => client.request(request).await?,
        };
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    /// The whole address of a location, which may be relative to the host.
    fn address(&self, location: &str) -> anyhow::Result<String> {
        if location.starts_with('/') {
            return Ok(format!("{}{location}", self.origin));
        }
        let encrypted = location.starts_with("https://");
        let fits = match &self.client {
            AnyClient::Clear(_) => is_at(location, &self.origin),
            AnyClient::Tls(_) => encrypted,
        };
        ensure!(fits, "the registry sends us to `{location}`, where we don't follow");
        Ok(location.to_owned())
    }
}

/// Whether an address is one of this origin, and not of a host whose name begins alike.
fn is_at(address: &str, origin: &str) -> bool {
    let rest = address.strip_prefix(origin);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
}

fn is_loopback(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.trim_matches(['[', ']']).parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// With ring, as the AWS SDK has it here, so that there is one TLS library.
fn tls_client() -> anyhow::Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>> {
    let connector = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .context("can't read this machine's certificate authorities")?
        .https_only()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(host: &str) -> Transport {
        Transport::new(host, &RegistryLogin::new("AWS", "secret")).unwrap()
    }

    #[test]
    fn loopback_alone_is_spoken_to_in_the_clear() {
        for (host, origin) in [
            ("127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("127.8.9.1", "http://127.8.9.1"),
            ("localhost:5000", "http://localhost:5000"),
            ("[::1]:5000", "http://[::1]:5000"),
            ("10.0.0.1:5000", "https://10.0.0.1:5000"),
            ("localhost.example.com", "https://localhost.example.com"),
            ("127.0.0.1.example.com", "https://127.0.0.1.example.com"),
        ] {
            assert_eq!(transport(host).origin, origin);
        }
    }

    #[test]
    fn follows_only_where_it_is_safe() {
        let check = |host: &str, location: &str, expected: Option<&str>| {
            let address = transport(host).address(location);
            assert_eq!(address.ok().as_deref(), expected, "{location} from {host}");
        };
        check("127.0.0.1:1", "/v2/x", Some("http://127.0.0.1:1/v2/x"));
        check(
            "127.0.0.1:1",
            "http://127.0.0.1:1/v2/x",
            Some("http://127.0.0.1:1/v2/x"),
        );
        check("127.0.0.1:1", "http://127.0.0.1:12/v2/x", None);
        check("127.0.0.1:1", "http://example.com/", None);
        check("example.com", "https://other.com/x", Some("https://other.com/x"));
        check("example.com", "http://example.com/x", None);
    }

    #[test]
    fn the_login_stays_with_its_host() {
        assert!(is_at("https://example.com/v2/", "https://example.com"));
        assert!(!is_at("https://example.com.evil.com/", "https://example.com"));
        assert!(!is_at("https://example.com@evil.com/", "https://example.com"));
        assert!(!is_at("https://example.com:8443/", "https://example.com"));
    }

    #[test]
    fn the_login_is_not_printed() {
        let printed = format!(
            "{:?} {:?}",
            transport("127.0.0.1:1"),
            RegistryLogin::new("AWS", "secret")
        );
        assert!(
            !printed.contains("secret") && !printed.contains(&BASE64.encode("AWS:secret")),
            "{printed}"
        );
    }
}
