//! Identifiers that look like AWS's, are never given twice, and are the same again from the same seed.

use serde::{Deserialize, Serialize};

/// Letters and digits, as at the end of an artifact's key.
pub const LETTERS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Capital letters and digits, as at the end of a physical name that `CloudFormation` makes.
pub const CAPITALS_AND_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// A generator that is saved with the state that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ids {
    seed: u64,
    given: u64,
}

impl Ids {
    /// A generator whose identifiers follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, given: 0 }
    }

    /// In the form of a UUID.
    pub fn uuid(&mut self) -> String {
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

    /// So many characters of an alphabet: up to 10 of 62, or 12 of 36, which is what 64 bits choose evenly.
    pub fn suffix(&mut self, alphabet: &[u8], length: usize) -> String {
        let size = alphabet.len().max(1) as u64;
        let mut bits = self.next();
        let character = |_| {
            let index = usize::try_from(bits % size).unwrap_or(0);
            bits /= size;
            alphabet.get(index).map(|byte| char::from(*byte))
        };
        (0..length).filter_map(character).collect()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_and_none_twice() {
        let made = |seed| -> Vec<String> {
            let mut ids = Ids::new(seed);
            (0..500)
                .flat_map(|_| [ids.uuid(), ids.suffix(CAPITALS_AND_DIGITS, 12)])
                .collect()
        };
        assert_eq!(made(1), made(1));
        assert_ne!(made(1), made(2));
        assert_eq!(made(1).iter().collect::<BTreeSet<_>>().len(), 1000);
    }

    #[test]
    fn identifiers_have_their_shapes() {
        let mut ids = Ids::new(7);
        let uuid = ids.uuid();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((parts.as_slice(), &uuid[14..15]), (&[8, 4, 4, 4, 12][..], "4"));
        let suffix = ids.suffix(LETTERS_AND_DIGITS, 7);
        assert!(suffix.len() == 7 && suffix.chars().all(|character| character.is_ascii_alphanumeric()));
        let capitals = ids.suffix(CAPITALS_AND_DIGITS, 12);
        assert_eq!((capitals.len(), capitals.to_uppercase()), (12, capitals.clone()));
    }
}
