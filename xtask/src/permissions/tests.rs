//! Policies for people, and the roles of the builds, against the list of calls.

mod builds;
mod people;

use std::path::Path;

use super::document::markdown;

#[test]
fn the_page_is_what_the_list_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
    let page = std::fs::read_to_string(path).unwrap_or_default();
    let fix = "fix: cargo xtask permissions --markdown > docs/permissions.md";
    assert!(
        page == markdown(),
        "docs/permissions.md is not what the list of calls says; {fix}"
    );
}
