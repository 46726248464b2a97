//! Names for operations, by which their events are told from others'.

use std::time::SystemTime;

/// A name that no other operation has: its kind, and the time in nanoseconds. Good as a change set's name.
pub(crate) fn token(kind: &str, now: SystemTime) -> String {
    let nanoseconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_nanos();
    format!("xtask-{kind}-{nanoseconds:x}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_a_change_sets_name() {
        let token = token("deploy", SystemTime::UNIX_EPOCH + Duration::from_secs(1));
        assert_eq!(token, "xtask-deploy-3b9aca00");
    }
}
