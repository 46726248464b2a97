//! The same source is the same image, wherever and whenever it is built.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::cloud::Outcome;

/// Builds the service's image in a checkout: what it says, and the digest.
fn build(checkout: &Path) -> (Outcome, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["image", "build", "--json"]).current_dir(checkout);
    // It would name this checkout.
    command.env_remove("CARGO_MANIFEST_DIR").env("NO_COLOR", "1");
    let outcome = Outcome::of(command);
    outcome.expect(0);
    let result: Value = serde_json::from_str(outcome.stdout.lines().last().unwrap()).unwrap();
    let digest = result["digest"].as_str().unwrap().to_owned();
    (outcome, digest)
}

/// A copy of this checkout as it is, changes included, without anything that was built.
pub(crate) fn copy_of(checkout: &Path, folder: &Path) -> PathBuf {
    let copy = folder.join("elsewhere");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(checkout).args(arguments);
        let outcome = Outcome::of(command);
        outcome.expect(0);
        outcome.stdout
    };
    git(&["clone", "--quiet", "--no-hardlinks", ".", copy.to_str().unwrap()]);
    for file in git(&["ls-files", "-z", "--deleted"]).split_terminator('\0') {
        std::fs::remove_file(copy.join(file)).unwrap();
    }
    let changed =
        git(&["diff", "--name-only", "-z", "HEAD"]) + &git(&["ls-files", "-z", "--others", "--exclude-standard"]);
    for file in changed
        .split_terminator('\0')
        .filter(|file| checkout.join(file).is_file())
    {
        std::fs::create_dir_all(copy.join(file).parent().unwrap()).unwrap();
        std::fs::copy(checkout.join(file), copy.join(file)).unwrap();
    }
    copy
}

#[test]
fn another_folder_and_a_build_from_nothing_give_the_same_digest() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (_, here) = build(&checkout);
    let folder = tempfile::tempdir().unwrap();
    let copy = copy_of(&checkout, folder.path());
    // Nothing was built there: this is also the build after `cargo clean`.
    let (said, there) = build(&copy);
    assert!(said.stderr.contains("Compiling service"), "{}", said.stderr);
    assert_eq!(there, here);
    let (said, again) = build(&copy);
    assert!(
        !said.stderr.contains("Compiling"),
        "the second build does nothing: {}",
        said.stderr
    );
    assert_eq!(again, here);
}
