//! A moment as RFC 3339 has it, in UTC to the microsecond: `2026-11-24T17:02:43.123456Z`.
//!
//! Written digit by digit, because a line's timestamp by the standard library's formatting costs more than the rest of it.

use std::time::{Duration, SystemTime};

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// The last second of the year 9999; what is later doesn't fit in four digits.
const LAST_SECOND: u64 = 253_402_300_799;

/// A moment's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timestamp([u8; 27]);

impl Timestamp {
    /// A moment's text; the epoch's for what was before it.
    pub(crate) fn of(moment: SystemTime) -> Self {
        Self::since_epoch(moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    fn since_epoch(elapsed: Duration) -> Self {
        let seconds = elapsed.as_secs().min(LAST_SECOND);
        let (year, month, day) = date(seconds / SECONDS_A_DAY);
        let second = seconds % SECONDS_A_DAY;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], second / 3600);
        digits(&mut text[14..16], second / 60 % 60);
        digits(&mut text[17..19], second % 60);
        digits(&mut text[20..26], u64::from(elapsed.subsec_micros()));
        Self(text)
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes a number's last digits, as many as there is room for.
fn digits(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day, so many days after 1970-01-01.
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn date(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that a leap day is a year's last.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(seconds: u64, expected: &str) {
        let elapsed = Duration::from_secs(seconds) + Duration::from_micros(42);
        assert_eq!(Timestamp::since_epoch(elapsed).text(), format!("{expected}.000042Z"));
    }

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        check(0, "1970-01-01T00:00:00");
        check(951_782_399, "2000-02-28T23:59:59");
        check(951_782_400, "2000-02-29T00:00:00");
        check(951_868_800, "2000-03-01T00:00:00");
        check(1_709_164_800, "2024-02-29T00:00:00");
        check(1_796_144_523, "2026-12-01T17:02:03");
        check(4_107_542_400, "2100-03-01T00:00:00");
        check(LAST_SECOND, "9999-12-31T23:59:59");
        check(u64::MAX / 2, "9999-12-31T23:59:59");
    }

    proptest! {
        #[test]
        fn a_day_follows_the_day_before(days in 0_u64..2_932_896) {
            let (year, month, day) = date(days);
            let next = date(days + 1);
            let expected = [(year, month, day + 1), (year, month + 1, 1), (year + 1, 1, 1)];
            prop_assert!(expected.contains(&next), "{:?} after {:?}", next, (year, month, day));
        }
    }
}
