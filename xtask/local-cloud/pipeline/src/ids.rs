//! Identifiers that are never given twice, and are the same again from the same seed.

use serde::{Deserialize, Serialize};

/// A generator that is saved with the state that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ids {
    seed: u64,
    given: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, given: 0 }
    }

    /// In the form of a UUID, as executions and action executions are named.
    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff
        )
    }

    /// Seven letters and digits, as at the end of an artifact's key.
    pub(crate) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut bits = self.next();
        (0..7)
            .map(|_| {
                let index = usize::try_from(bits % 62).unwrap_or(0);
                bits /= 62;
                char::from(ALPHABET[index])
            })
            .collect()
    }

    /// `SplitMix64` over seed and count: a permutation of the counts, so no two of one seed are equal.
    fn next(&mut self) -> u64 {
        self.given += 1;
        let mut mixed = self.seed.wrapping_add(self.given.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
