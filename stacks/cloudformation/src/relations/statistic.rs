//! The statistics that CloudWatch knows.

/// A statistic of a metric, written as CloudWatch reads it.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistic(&'static str);

impl Statistic {
    /// `SampleCount`, `Sum`, `Average`, `Minimum`, `Maximum` or `IQM`; `p`, `tm`, `wm`, `tc` or `ts` with a number up to
    /// 100; `TM`, `WM`, `TC` or `TS` with bounds, both in per cent or neither; or `PR` with absolute bounds.
    ///
    /// # Panics
    ///
    /// When it is none of these: in a constant, when compiling.
    #[track_caller]
    pub const fn new(text: &'static str) -> Self {
        let known = match text.as_bytes() {
            b"SampleCount" | b"Sum" | b"Average" | b"Minimum" | b"Maximum" | b"IQM" => true,
            [b'p', rest @ ..] | [b't', b'm' | b'c' | b's', rest @ ..] | [b'w', b'm', rest @ ..] => is_percentage(rest),
            [b'P', b'R', b'(', bounds @ .., b')'] => is_range(bounds, false),
            [b'T', b'M' | b'C' | b'S', b'(', bounds @ .., b')'] | [b'W', b'M', b'(', bounds @ .., b')'] => {
                is_range(bounds, false) || is_range(bounds, true)
            }
            _ => false,
        };
        assert!(known, "CloudWatch knows no such statistic");
        Self(text)
    }

    /// The statistic as CloudWatch reads it.
    pub const fn text(&self) -> &'static str {
        self.0
    }
}

/// Two bounds with a colon between, of which one may be left out.
const fn is_range(bounds: &[u8], in_percent: bool) -> bool {
    let mut colon = 0;
    while colon < bounds.len() && bounds[colon] != b':' {
        colon += 1;
    }
    if colon == bounds.len() || bounds.len() == 1 {
        return false;
    }
    let (lower, upper) = bounds.split_at(colon);
    let Some((_, upper)) = upper.split_first() else {
        return false;
    };
    is_bound(lower, in_percent) && is_bound(upper, in_percent)
}

const fn is_bound(bound: &[u8], in_percent: bool) -> bool {
    match bound {
        [] => true,
        [number @ .., b'%'] => in_percent && is_percentage(number),
        number => !in_percent && is_number(number),
    }
}

/// A number from 0 to 100.
const fn is_percentage(text: &[u8]) -> bool {
    let mut whole: u32 = 0;
    let mut index = 0;
    while index < text.len() && text[index].is_ascii_digit() {
        if index == 3 {
            return false;
        }
        whole = whole * 10 + (text[index] - b'0') as u32;
        index += 1;
    }
    is_number(text) && (whole < 100 || (whole == 100 && index == text.len()))
}

/// Digits, and perhaps a point and up to ten more.
const fn is_number(text: &[u8]) -> bool {
    let mut index = 0;
    while index < text.len() && text[index].is_ascii_digit() {
        index += 1;
    }
    if index == 0 || index == text.len() {
        return index > 0;
    }
    let point = index;
    index += 1;
    while index < text.len() && text[index].is_ascii_digit() {
        index += 1;
    }
    let places = index - point - 1;
    text[point] == b'.' && index == text.len() && 1 <= places && places <= 10
}
