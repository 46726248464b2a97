//! Skips tests, and records it for the summary of `cargo xtask test`.

use std::fs::File;
use std::io::Write as _;
use std::panic::Location;
use std::path::Path;

use crate::{ALL_VARIABLE, Missing, Program, SKIPS_VARIABLE, is_on};

/// A test that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// The test with its package: `xtask image::push::tests::pushes`.
    pub test: String,
    /// The reason: `no docker-registry`.
    pub why: String,
    /// What to type or do about it.
    pub install: String,
}

/// Whether tests must not be skipped: `ONEBOX_TEST_ALL=1`.
pub fn all_required() -> bool {
    is_on(ALL_VARIABLE)
}

/// Returns `true`, having recorded and printed it, if a program is missing: then the calling test returns at once.
///
/// # Panics
/// If a program is missing and `ONEBOX_TEST_ALL=1`.
#[track_caller]
#[must_use]
pub fn skip_without(programs: &[Program]) -> bool {
    let Some(Missing { why, install, .. }) = programs.iter().find_map(|program| program.missing()) else {
        return false;
    };
    assert!(
        !all_required(),
        "{why} ({install}), and {ALL_VARIABLE}=1 allows no skipped test"
    );
    println!("skipped: {why} ({install})");
    let skip = Skip {
        test: test_name(Location::caller()),
        why,
        install,
    };
    if let Some(file) = std::env::var_os(SKIPS_VARIABLE)
        && let Err(error) = append(Path::new(&file), &skip)
    {
        panic!("can't record the skipped test in {}: {error}", file.display());
    }
    true
}

/// Reads what skipped tests have recorded. Empty if there is no such file.
///
/// # Errors
/// If the file can't be read.
pub fn read_skips(file: &Path) -> std::io::Result<Vec<Skip>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().filter_map(parse).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The test's package and path. libtest names a test's thread after it, unless it runs only one at a time.
fn test_name(caller: &Location) -> String {
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let thread = std::thread::current();
    let path = thread.name().filter(|name| *name != "main");
    let path = path.map_or_else(|| caller.file().to_owned(), str::to_owned);
    format!("{package} {path}").trim_start().to_owned()
}

/// One write, so that lines of tests that run at the same time don't mix.
fn append(file: &Path, skip: &Skip) -> std::io::Result<()> {
    let mut file = File::options().create(true).append(true).open(file)?;
    file.write_all(format!("{}\t{}\t{}\n", skip.test, skip.why, skip.install).as_bytes())
}

fn parse(line: &str) -> Option<Skip> {
    let mut fields = line.split('\t').map(str::to_owned);
    Some(Skip {
        test: fields.next()?,
        why: fields.next()?,
        install: fields.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_read() {
        let skip = |test: &str| Skip {
            test: test.to_owned(),
            why: "no wrk".to_owned(),
            install: "apt-get install wrk".to_owned(),
        };
        let name = format!("optional-programs-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        assert_eq!(read_skips(&file).expect("no file"), []);
        append(&file, &skip("one")).expect("a line is added");
        append(&file, &skip("two")).expect("a line is added");
        let skips = read_skips(&file).expect("it can be read");
        std::fs::remove_file(&file).expect("it is there");
        assert_eq!(skips, [skip("one"), skip("two")]);
    }

    #[test]
    fn a_skip_is_of_the_test_that_calls() {
        let name = test_name(Location::caller());
        assert!(name.starts_with("optional-programs "), "{name}");
        assert!(
            name.ends_with("a_skip_is_of_the_test_that_calls") || name.ends_with("skip.rs"),
            "{name}"
        );
    }
}
