//! Signals by the names that images give them.

use rustix::process::Signal;

/// `SIGTERM`, `TERM` or `15`. An image that names none, or one that nobody knows, gets SIGTERM as in Docker.
pub(super) fn named(name: Option<&str>) -> Signal {
    let Some(name) = name else {
        return Signal::TERM;
    };
    let upper = name.to_ascii_uppercase();
    match upper.strip_prefix("SIG").unwrap_or(&upper) {
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "QUIT" => Signal::QUIT,
        "KILL" => Signal::KILL,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "WINCH" => Signal::WINCH,
        number => number.parse().map_or(Signal::TERM, numbered),
    }
}

/// The signal of that number, or SIGTERM.
pub(super) fn numbered(number: i32) -> Signal {
    Signal::from_named_raw(number).unwrap_or(Signal::TERM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_known_by_name_and_number() {
        let check = |name: Option<&str>, expected: Signal| assert_eq!(named(name), expected, "{name:?}");
        check(None, Signal::TERM);
        check(Some("SIGTERM"), Signal::TERM);
        check(Some("SIGQUIT"), Signal::QUIT);
        check(Some("int"), Signal::INT);
        check(Some("9"), Signal::KILL);
        check(Some("SIGRTMIN+3"), Signal::TERM);
        check(Some(""), Signal::TERM);
    }
}
