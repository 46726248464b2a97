//! Where a redirect leads.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-action-types.html>

use http::{HeaderValue, request::Parts};

use crate::{condition, plan::Redirect};

/// The `Location`, with the request's parts put in for `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
pub(crate) fn location(redirect: &Redirect, request: &Parts, port: &HeaderValue) -> String {
    let port = port.to_str().unwrap_or_default();
    let path = request.uri.path().trim_start_matches('/');
    let query = request.uri.query().unwrap_or_default();
    let fill = |text: &str| {
        text.replace("#{protocol}", "http")
            .replace("#{host}", condition::host(request))
            .replace("#{port}", port)
            .replace("#{path}", path)
            .replace("#{query}", query)
    };
    let (protocol, host, port) = (
        fill(&redirect.protocol).to_lowercase(),
        fill(&redirect.host),
        fill(&redirect.port),
    );
    let query = match fill(&redirect.query) {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    };
    format!("{protocol}://{host}:{port}{}{query}", fill(&redirect.path))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(redirect: &Redirect, expected: &str) {
        let request = Request::get("/a/b?c=d").header("host", "example.com:8080");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(location(redirect, &parts, &HeaderValue::from_static("8080")), expected);
    }

    #[test]
    fn placeholders() {
        check(&Redirect::default(), "http://example.com:8080/a/b?c=d");
        let to_https = Redirect {
            protocol: "HTTPS".to_owned(),
            port: "443".to_owned(),
            ..Redirect::default()
        };
        check(&to_https, "https://example.com:443/a/b?c=d");
        let elsewhere = Redirect {
            path: "/new/#{path}".to_owned(),
            query: String::new(),
            ..Redirect::default()
        };
        check(&elsewhere, "http://example.com:8080/new/a/b");
    }
}
