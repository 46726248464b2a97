//! When a listener rule matches a request.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use std::{fmt, net::IpAddr, str::FromStr};

use http::{header::HOST, request::Parts};

use crate::wildcard;

/// A condition; it holds when one of its values matches. Values may hold `*` and `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A request header. Name and values ignore case; of a header sent several times, each is tried.
    HttpHeader {
        /// The header's name, without wildcards.
        name: String,
        /// The patterns.
        values: Vec<String>,
    },
    /// The path without its query; case counts.
    PathPattern(Vec<String>),
    /// The `Host` header without its port; ignores case.
    HostHeader(Vec<String>),
    /// The method, exactly; case counts and wildcards don't.
    HttpRequestMethod(Vec<String>),
    /// A parameter of the query, by its key where one is given; ignores case.
    QueryString(Vec<(Option<String>, String)>),
    /// The client's address. `X-Forwarded-For` isn't looked at.
    SourceIp(Vec<Cidr>),
}

impl Condition {
    /// Whether the condition holds for a request from that client.
    pub(crate) fn holds(&self, request: &Parts, client: IpAddr) -> bool {
        match self {
            Self::HttpHeader { name, values } => {
                let mut sent = request.headers.get_all(name.as_str()).iter();
                sent.any(|value| value.to_str().is_ok_and(|value| any(values, value, true)))
            }
            Self::PathPattern(values) => any(values, request.uri.path(), false),
            Self::HostHeader(values) => any(values, host(request), true),
            Self::HttpRequestMethod(values) => values.iter().any(|value| value == request.method.as_str()),
            Self::QueryString(values) => query(values, request.uri.query().unwrap_or_default()),
            Self::SourceIp(networks) => networks.iter().any(|network| network.contains(client)),
        }
    }
}

/// The host that a request names, without its port; empty where it names none.
pub(crate) fn host(request: &Parts) -> &str {
    let authority = match request.uri.authority() {
        Some(authority) => authority.as_str(),
        None => request
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    };
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn any(patterns: &[String], text: &str, ignore_case: bool) -> bool {
    patterns
        .iter()
        .any(|pattern| wildcard::matches(pattern, text, ignore_case))
}

fn query(wanted: &[(Option<String>, String)], query: &str) -> bool {
    query.split('&').any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        wanted.iter().any(|(wanted_key, wanted_value)| match wanted_key {
            Some(wanted_key) => {
                wildcard::matches(wanted_key, key, true) && wildcard::matches(wanted_value, value, true)
            }
            None => wildcard::matches(wanted_value, value, true) || wildcard::matches(wanted_value, key, true),
        })
    })
}

/// A block of addresses, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u8,
}

impl Cidr {
    /// Whether the address is in the block.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                u64::from(network.to_bits()) >> shift == u64::from(address.to_bits()) >> shift
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing_bits = network.to_bits() ^ address.to_bits();
                differing_bits.leading_zeros() >= u32::from(self.prefix_bits)
            }
            _ => false,
        }
    }
}

/// Why a text isn't a block of addresses.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCidr(String);

impl fmt::Display for InvalidCidr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` isn't an address block such as `10.0.0.0/8`", self.0)
    }
}

impl std::error::Error for InvalidCidr {}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidCidr(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Cidr> {
    let (network, prefix_bits) = text.split_once('/')?;
    let network: IpAddr = network.parse().ok()?;
    let prefix_bits: u8 = prefix_bits.parse().ok()?;
    let limit = if network.is_ipv4() { 32 } else { 128 };
    (prefix_bits <= limit).then_some(Cidr { network, prefix_bits })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[track_caller]
    fn check(condition: &Condition, request: http::request::Builder, expected: bool) {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let holds = condition.holds(&parts, "10.1.2.3".parse().unwrap());
        assert_eq!(holds, expected, "{condition:?} {parts:?}");
    }

    fn values(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn headers_ignore_case_and_are_all_tried() {
        let stage = Condition::HttpHeader {
            name: "X-Deployment-Stage".to_owned(),
            values: values(&["onebox", "canary*"]),
        };
        let get = || Request::get("/");
        check(&stage, get(), false);
        check(&stage, get().header("x-deployment-stage", "OneBox"), true);
        check(&stage, get().header("x-deployment-stage", "fleet"), false);
        check(
            &stage,
            get()
                .header("x-deployment-stage", "fleet")
                .header("x-deployment-stage", "canary-1"),
            true,
        );
    }

    #[test]
    fn path_host_method_query_and_source() {
        let request = || Request::get("/img/a.png?version=v1&debug").header("host", "API.example.com:8080");
        check(&Condition::PathPattern(values(&["/img/*"])), request(), true);
        check(&Condition::PathPattern(values(&["/IMG/*"])), request(), false);
        check(&Condition::HostHeader(values(&["*.example.com"])), request(), true);
        check(&Condition::HostHeader(values(&["example.com"])), request(), false);
        check(&Condition::HttpRequestMethod(values(&["POST", "GET"])), request(), true);
        check(&Condition::HttpRequestMethod(values(&["get"])), request(), false);
        check(
            &Condition::QueryString(vec![(Some("Version".to_owned()), "V?".to_owned())]),
            request(),
            true,
        );
        check(
            &Condition::QueryString(vec![(Some("version".to_owned()), "v2".to_owned())]),
            request(),
            false,
        );
        check(
            &Condition::QueryString(vec![(None, "debug".to_owned())]),
            request(),
            true,
        );
        check(
            &Condition::SourceIp(vec!["10.0.0.0/8".parse().unwrap()]),
            request(),
            true,
        );
        check(
            &Condition::SourceIp(vec!["10.1.2.4/32".parse().unwrap()]),
            request(),
            false,
        );
    }

    #[test]
    fn address_blocks() {
        let contains = |block: &str, address: &str| block.parse::<Cidr>().unwrap().contains(address.parse().unwrap());
        assert!(contains("0.0.0.0/0", "1.2.3.4"));
        assert!(contains("::/0", "::1"));
        assert!(contains("2001:db8::/32", "2001:db8:1::"));
        assert!(!contains("2001:db8::/32", "2001:db9::"));
        assert!(!contains("0.0.0.0/0", "::1"));
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "a/8"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
