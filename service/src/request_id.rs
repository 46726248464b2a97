//! Request ids: taken from the request where it has a sane one, else made.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderName, HeaderValue, Request};

/// The header that bears a request's id, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ids than this aren't taken over, because each is repeated in a response and a line of the log.
const MAX_BYTES: usize = 128;

/// Makes ids that no other process makes: a random half a process, and a number a request.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    made: AtomicU64,
}

impl RequestIds {
    /// Ids of a process of its own.
    pub(crate) fn new() -> Self {
        // The standard library seeds its hashers at random, which spares a crate for random numbers.
        Self {
            process: RandomState::new().hash_one(std::process::id()),
            made: AtomicU64::new(0),
        }
    }

    /// The request's own id, if it is sane, else a new one.
    pub(crate) fn of<B>(&self, request: &Request<B>) -> HeaderValue {
        match request.headers().get(HEADER) {
            Some(id) if is_sane(id.as_bytes()) => id.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut id = [0; 32];
        id[..16].copy_from_slice(&hexadecimal(self.process));
        id[16..].copy_from_slice(&hexadecimal(number));
        HeaderValue::from_bytes(&id).expect("hexadecimal digits are allowed in a header")
    }
}

/// Sixteen digits. Written out, because formatting costs as much as routing a request does.
fn hexadecimal(number: u64) -> [u8; 16] {
    let bytes = number.to_be_bytes();
    std::array::from_fn(|place| {
        let byte = bytes[place / 2];
        let digit = if place % 2 == 0 { byte >> 4 } else { byte & 15 };
        b"0123456789abcdef"[usize::from(digit)]
    })
}

/// Letters, digits and the punctuation of common id formats, so that an id can't do anything in a log or a shell.
fn is_sane(id: &[u8]) -> bool {
    let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:=/+".contains(byte);
    (1..=MAX_BYTES).contains(&id.len()) && id.iter().all(sane)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sent: &str, taken: bool) {
        let request = Request::builder().header(HEADER, sent).body(()).unwrap();
        let id = RequestIds::new().of(&request);
        assert_eq!(id == sent, taken, "for {sent:?}: {id:?}");
        assert!(is_sane(id.as_bytes()));
    }

    #[test]
    fn takes_sane_ids_over() {
        check("4f1c", true);
        check("Root=1-67891233-abcdef012345678912345678", true);
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
        check("", false);
        check("a b", false);
        check("a\"b", false);
        check("a\u{e9}", false);
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for number in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            assert_eq!(hexadecimal(number), format!("{number:016x}").as_bytes());
        }
    }

    #[test]
    fn made_ids_differ() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let ids = [one.make(), one.make(), other.make(), other.make()];
        let distinct: std::collections::HashSet<_> = ids.iter().map(|id| id.to_str().unwrap()).collect();
        assert_eq!(distinct.len(), 4);
    }
}
