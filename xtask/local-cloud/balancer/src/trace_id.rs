//! `X-Amzn-Trace-Id`.
//!
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-request-tracing.html>

use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

const ROOT: &[u8; 40] = b"Root=1-00000000-000000000000000000000000";
const SELF: &[u8; 40] = b"Self=1-00000000-000000000000000000000000";

/// The header for the target: a `Root` of its own where the request has none, else a `Self` before what came.
pub(crate) fn next(sent: Option<&HeaderValue>) -> HeaderValue {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let random = fastrand::u128(..);
    match sent.and_then(|sent| sent.to_str().ok()).filter(|sent| !sent.is_empty()) {
        None => value(id(*ROOT, seconds, random).to_vec()),
        Some(sent) => value(continued(sent, seconds, random)),
    }
}

/// "If both Root and Self are present, the load balancer updates Self"; without a Root it adds one; other fields stay.
fn continued(sent: &str, seconds: u64, random: u128) -> Vec<u8> {
    let has_root = sent.split(';').any(|field| field.trim().starts_with("Root="));
    let template = if has_root { SELF } else { ROOT };
    let mut header = id(*template, seconds, random).to_vec();
    let kept = sent
        .split(';')
        .map(str::trim)
        .filter(|field| !field.is_empty() && !field.starts_with("Self="));
    for field in kept {
        header.push(b';');
        header.extend_from_slice(field.as_bytes());
    }
    header
}

/// Fills in the digits from the right; made by hand because every request passes here.
fn id<const N: usize>(mut template: [u8; N], seconds: u64, random: u128) -> [u8; N] {
    let mut digits = (u128::from(seconds) << 96) | (random >> 32);
    for byte in template.iter_mut().skip("Self=1-".len()).rev() {
        if *byte == b'0' {
            *byte = b"0123456789abcdef"[(digits & 0xf) as usize];
            digits >>= 4;
        }
    }
    template
}

fn value(bytes: Vec<u8>) -> HeaderValue {
    HeaderValue::from_maybe_shared(bytes::Bytes::from(bytes)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: u64 = 0x6789_1233;
    const RANDOM: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

    #[track_caller]
    fn check(sent: &str, expected: &str) {
        assert_eq!(String::from_utf8(continued(sent, SECONDS, RANDOM)).unwrap(), expected);
    }

    #[test]
    fn a_header_that_came_is_continued() {
        check("Root=1-a-b", "Self=1-67891233-0123456789abcdef01234567;Root=1-a-b");
        check(
            "Self=1-x-y;Root=1-a-b;CalledFrom=app",
            "Self=1-67891233-0123456789abcdef01234567;Root=1-a-b;CalledFrom=app",
        );
        check(
            "CalledFrom=app",
            "Root=1-67891233-0123456789abcdef01234567;CalledFrom=app",
        );
    }

    #[test]
    fn a_new_root() {
        let first = next(None);
        let text = first.to_str().unwrap();
        let fields: Vec<&str> = text.split(['=', '-']).collect();
        assert_eq!(
            (fields[0], fields[1], fields[2].len(), fields[3].len()),
            ("Root", "1", 8, 24),
            "{text}"
        );
        assert_ne!(first, next(None));
    }
}
