//! The name of content: its SHA-256.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

const HEX_LENGTH: usize = 64;

/// The digest of some content, written `sha256:` and 64 lower-case hexadecimal digits.
///
/// The protocol allows other algorithms; every client in use sends this one, and ECR knows no other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    hex: String,
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_hasher(Sha256::new_with_prefix(bytes))
    }

    /// The 64 hexadecimal digits without the algorithm; safe as the name of a file.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    pub(crate) fn from_hasher(hasher: Sha256) -> Self {
        use fmt::Write as _;
        let mut hex = String::with_capacity(HEX_LENGTH);
        for byte in hasher.finalize() {
            // Writing to a string can't fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Digest { hex }
    }

    pub(crate) fn from_hex(hex: &str) -> Option<Self> {
        let well_formed = hex.len() == HEX_LENGTH && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        well_formed.then(|| Digest { hex: hex.to_owned() })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.hex)
    }
}

/// The text is not a digest that the registry knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotADigest;

impl fmt::Display for NotADigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a digest is `sha256:` followed by 64 lower-case hexadecimal digits")
    }
}

impl std::error::Error for NotADigest {}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        text.strip_prefix("sha256:").and_then(Self::from_hex).ok_or(NotADigest)
    }
}
