//! Looks up the programs that tests and benchmarks use where a machine has them, and records the tests skipped without
//! them.
//!
//! A test that needs one begins with [`skip_without`].

mod docker;
mod program;
mod skip;

pub use program::{Missing, Program, is_hidden, private_mounts, tools_folder};
pub use skip::{Skip, all_required, read_skips, skip_without};

/// If this is `1`, a test that would be skipped fails. Only `.ci/run` sets it.
pub const ALL_VARIABLE: &str = "ONEBOX_TEST_ALL";

/// If this is `1`, [`Program::find`] looks in `PATH` only, so that a caller can hide programs: not in the system folders
/// of Debian, not in the virtual environment, and no Docker socket is asked.
pub const HIDDEN_VARIABLE: &str = "ONEBOX_TEST_HIDDEN";

/// Names the file to which a test that is skipped appends a line.
pub const SKIPS_VARIABLE: &str = "ONEBOX_TEST_SKIPS";

fn is_on(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| value == "1")
}
