//! Definitions that are no pipelines.

use serde_json::{Value, json};

use super::rig::{stage, three_stages};
use crate::Definition;

fn check(change: impl FnOnce(&mut Value), expected: &str) {
    let mut properties = three_stages();
    change(&mut properties);
    let actual = Definition::read(&properties).expect_err("it was taken");
    assert!(actual.contains(expected), "{actual}");
}

#[test]
fn what_is_no_pipeline_is_refused_by_name() {
    assert!(Definition::read(&three_stages()).is_ok());
    check(|it| it["ExecutionMode"] = json!("SOMETIMES"), "ExecutionMode");
    check(
        |it| it["Stages"] = json!([stage("Source", &[("Pull", 1)])]),
        "two stages",
    );
    check(|it| it["Stages"][1] = stage("Source", &[("Compile", 1)]), "Source");
    check(|it| it["Stages"][1] = stage("Build", &[]), "no action");
    check(
        |it| it["Stages"][1] = stage("Build", &[("A", 1), ("A", 2)]),
        "two actions",
    );
    check(
        |it| it["Stages"][0] = stage("Source", &[("Pull", 1), ("A", 1)]),
        "source actions only",
    );
    check(
        |it| it["Stages"][1] = stage("Build", &[("Pull", 1)]),
        "source actions only",
    );
    check(
        |it| it["Stages"][2] = stage("Deploy", &[("Compile", 1)]),
        "two actions make the artifact Program",
    );
    check(
        |it| it["Stages"][1]["Actions"][0]["InputArtifacts"][0]["Name"] = json!("X"),
        "artifact X",
    );
    check(|it| it["Stages"][1]["Actions"][0]["RunOrder"] = json!(0), "RunOrder");
    check(
        |it| it["Stages"][1]["Actions"][0]["Configuration"]["Commit"] = json!([]),
        "Configuration/Commit",
    );
    check(
        |it| it["Stages"][1]["OnFailure"] = json!({"Result": "SKIP"}),
        "OnFailure",
    );
    check(
        |it| drop(it["Stages"][1].as_object_mut().unwrap().remove("Name")),
        "Name",
    );
}

#[test]
fn within_a_stage_an_artifact_comes_from_an_earlier_order() {
    let mut late = stage("Build", &[("Compile", 2), ("Use", 1)]);
    late["Actions"][1]["InputArtifacts"] = json!([{"Name": "Program"}]);
    check(|it| it["Stages"][1] = late.clone(), "Program");
    late["Actions"][1]["RunOrder"] = json!(3);
    let mut properties = three_stages();
    properties["Stages"][1] = late;
    assert!(Definition::read(&properties).is_ok());
}
