//! Every answer held against the models that AWS's own clients are made from.

use std::path::Path;

use optional_programs::Program;

use super::{pinned, pointed_at};
use crate::cloud::Cloud;

#[test]
fn answers_are_as_the_service_models_say() {
    let Some(python) = pinned(Program::Boto3) else { return };
    let cloud = Cloud::new();
    cloud.deploy();
    cloud.settle();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/conformance.py");
    let mut command = pointed_at(&cloud, &python);
    command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
    let outcome = cloud.run(command);
    println!("{}", outcome.stdout);
    outcome.expect(0);
    assert!(outcome.stdout.trim_end().ends_with(", 0 faults"));
}
