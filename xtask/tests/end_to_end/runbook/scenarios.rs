//! The symptoms that a local cloud can show in seconds.

use std::path::Path;

use optional_programs::{Program, skip_without};
use serde_json::Value;

use super::Desk;
use crate::cloud::until;
use crate::documents::terminal::Terminal;
use crate::wire::transcript::fail_a_build;

/// As many requests as in the runbook's five minutes, in fewer.
fn in_less_time(load: &str) -> String {
    let quick = load.replace("--rate 100 --duration 5m", "--rate 2000 --duration 15s");
    let quick = quick.replace("--rate 5 --duration 30s", "--rate 50 --duration 3s");
    assert_ne!(quick, load);
    quick
}

/// Whether production's service stack is in a status.
fn is_in(desk: &Desk, status: &str) -> bool {
    desk.does("cargo xtask status prod").contains(status)
}

#[test]
fn a_deployment_that_ended() {
    if skip_without(&[Program::AwsCli]) {
        return;
    }
    let desk = Desk::new();
    desk.does("cargo xtask deploy prod");
    let first = desk.types("cargo xtask rollback prod");
    let row = desk.sees("`E-NO-EARLIER-RELEASE`", &first);
    desk.does(&row.more[0]);

    let image = desk.does("cargo xtask image push prod --binary bootstrap 2>/dev/null");
    let without = format!("--image {} --no-probe", image.trim());
    let thin = desk.types(&format!("cargo xtask deploy prod {without}"));
    let row = desk.sees("`E-THIN-EVIDENCE`", &thin);
    desk.does(&row.more[0]);
    desk.does(&format!("{} {without}", row.fixes[1]));

    desk.does("cargo xtask deploy prod --detach");
    let beside = desk.types("cargo xtask deploy prod");
    let row = desk.sees("`E-UNFINISHED`", &beside);
    desk.does(&row.fixes[0]);
    let change = desk.does("cargo xtask releases prod");
    assert!(change.contains("accepted"), "{change}");

    for kind in ["resource", "rollback"] {
        desk.does(&format!(
            "cargo xtask local fault add {kind} OneboxService --reason 'no room left'"
        ));
    }
    let stuck = desk.types(&format!("cargo xtask deploy prod --image {}", image.trim()));
    let row = desk.sees("`E-ROLLBACK-FAILED`", &stuck);
    assert!(desk.does(&row.more[0]).contains("UPDATE_ROLLBACK_FAILED"));
    assert!(desk.does(&row.more[1]).contains("no room left"));
    desk.does(&row.fixes[0]);
    until("the rollback is complete", || is_in(&desk, "UPDATE_ROLLBACK_COMPLETE"));
    desk.does(&row.fixes[1]);

    let ended = desk.types("cargo xtask deploy prod --fault exit-at-start");
    desk.sees("`E-ROLLED-BACK`", &ended);
    let row = desk.sees("`Essential container in task exited`", &ended);
    assert!(desk.does(&row.more[0]).contains("a fault was asked for: exit-at-start"));

    let nowhere = format!("oneboxdeploymentonecs-prod@sha256:{}", "0".repeat(64));
    let missing = desk.types(&format!("cargo xtask deploy prod --image {nowhere}"));
    let row = desk.sees("`E-RELEASE-GONE`", &missing);
    assert!(desk.does(&row.more[0]).contains("RUNS ON"));

    let unhealthy = desk.types("cargo xtask deploy prod --fault unhealthy-after=1s");
    let row = desk.sees("`Task failed ELB health checks`", &unhealthy);
    assert!(desk.does(&row.more[0]).contains("listening"));
}

#[test]
fn onebox_has_a_bad_change() {
    let desk = Desk::new();
    desk.does("cargo xtask deploy prod");
    let unseen = "cargo xtask deploy prod --stage onebox --fault error=500@50% --no-probe --accept 'a test'";
    desk.does(unseen);
    let row = desk.row("500 and slow");
    let (onebox, fleet) = (in_less_time(&row.more[0]), "--stage fleet");
    assert!(desk.does(&onebox).contains("500: "));
    assert!(!desk.does(&onebox.replace("--stage onebox", fleet)).contains("500: "));
    desk.does(&row.fixes[0]);
    assert!(!desk.does(&onebox).contains("500: "));
}

#[test]
fn the_pipeline_and_what_is_left_of_it() {
    if skip_without(&[Program::AwsCli]) {
        return;
    }
    let desk = Desk::new();
    desk.does("cargo xtask deploy toolchain");
    fail_a_build(&desk.terminal.cloud);
    let row = desk.row("failed at Build`");
    let status = desk.types(&row.more[0]);
    desk.sees(&row.seen, &status);
    assert!(status.stdout.contains("the build said no"), "{}", status.stdout);

    let needed = desk.types("cargo xtask destroy toolchain");
    let row = desk.sees("`E-STILL-NEEDED`", &needed);
    desk.does(&row.more[0]);
    desk.does(&row.fixes[0]);

    desk.does("cargo xtask local fault add resource BuildLogGroup --operation delete --reason 'in use'");
    let kept = desk.types("cargo xtask destroy toolchain");
    desk.sees("`DELETE_FAILED`", &kept);
    assert!(kept.stderr.contains("BuildLogGroup"), "{}", kept.stderr);
    let gone = desk.does("cargo xtask destroy toolchain");
    assert!(gone.contains("SourceRepository"), "{gone}");

    let taken = desk.types("cargo xtask deploy toolchain");
    let row = desk.sees("`E-REPOSITORY-LEFT`", &taken);
    assert_eq!(row.fixes[0], desk.row("still there").fixes[0]);
    for command in row.more.iter().chain(&row.fixes) {
        desk.does(command);
    }
}

/// A source that is built at once, in a folder: the pipeline's stages get this command line with its templates, and deploy
/// nothing after the pipeline itself.
fn commit_quick_build(checkout: &Path, terminal: &Terminal) {
    let (ci, handed) = (checkout.join("ci"), checkout.join("handed"));
    std::fs::create_dir_all(handed.join("ci")).unwrap();
    std::fs::create_dir_all(&ci).unwrap();
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    let nothing = "version: 0.2\nphases: {build: {commands: ['true']}}\n";
    write(
        &ci.join("build.yml"),
        &format!("{nothing}artifacts: {{base-directory: handed, files: ['**/*']}}\n"),
    );
    write(&handed.join("ci/deploy.yml"), nothing);
    let command_line = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_xtask"));
    write(&handed.join("xtask"), &command_line);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/update-pipeline.yml");
    std::fs::copy(own, handed.join("ci/update-pipeline.yml")).unwrap();
    terminal
        .enter(
            "cargo xtask synth --out handed/templates\n\
             git init --quiet --initial-branch=main\ngit add --all\ngit commit --quiet --message 'Ask for more'",
        )
        .expect(0);
}

/// Takes an action away from one statement of a role.
fn take_away(template: &Path, role: &str, sid: &str, action: &str) {
    let mut document: Value = serde_json::from_str(&std::fs::read_to_string(template).unwrap()).unwrap();
    let statements = &mut document["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"];
    let mut statements = statements.as_array_mut().unwrap().iter_mut();
    let statement = statements.find(|statement| statement["Sid"] == sid).unwrap();
    let actions = statement["Action"].as_array_mut().unwrap();
    let before = actions.len();
    actions.retain(|held| held != action);
    assert_eq!(actions.len() + 1, before, "{sid} has no {action}");
    std::fs::write(template, document.to_string()).unwrap();
}

#[test]
fn the_pipeline_lacks_a_right_that_its_new_template_gives() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::with(Terminal::of(folder.path()));
    commit_quick_build(folder.path(), &desk.terminal);
    let before = tempfile::tempdir().unwrap();
    let templates = before.path().display();
    desk.terminal
        .enter(&format!("cargo xtask synth --out {templates}"))
        .expect(0);
    let template = before
        .path()
        .join("OneBoxDeploymentOnECS-Toolchain-Deployments.template.json");
    take_away(
        &template,
        "UpdatePipelineRole",
        "CompareFoundations",
        "cloudformation:GetTemplate",
    );
    desk.does(&format!("cargo xtask deploy toolchain --templates {templates}"));

    let failed = desk.types("cargo xtask pipeline");
    let row = desk.sees("failed at UpdatePipeline`", &failed);
    assert!(
        failed
            .stderr
            .contains("is not authorized to perform: cloudformation:GetTemplate"),
        "{}",
        failed.stderr
    );
    desk.does(&row.fixes[0]);
    let gone_through = desk.does(&row.fixes[1]);
    assert!(gone_through.contains("the pipeline succeeded"), "{gone_through}");
}

#[test]
fn the_local_cloud() {
    let desk = Desk::new();
    let running = desk.types("cargo xtask local start --speed 10");
    let row = desk.sees("`the local cloud runs already`", &running);
    assert!(desk.does(&row.more[0]).contains("speed 60"));
    desk.does(&row.fixes[0]);
    let row = desk.row("it doesn't answer");
    assert!(desk.does(&row.more[0]).contains("\"running\":false"));
    desk.does(&row.fixes[0]);

    desk.does("cargo xtask local fault add access-denied --times 20");
    let row = desk.row("a call fails");
    desk.types("cargo xtask status sandbox").expect(4);
    assert!(desk.does(&row.more[0]).contains("access-denied"));
    desk.does(&row.fixes[0]);
    desk.does("cargo xtask status sandbox");

    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().display();
    desk.terminal
        .enter(&format!("cargo xtask synth --out {templates}"))
        .expect(0);
    let template = folder
        .path()
        .join("OneBoxDeploymentOnECS-Foundation-Sandbox.template.json");
    let text = std::fs::read_to_string(&template).unwrap();
    assert!(text.contains("ImageTagMutability"));
    std::fs::write(&template, text.replace("ImageTagMutability", "ImageTagMood")).unwrap();
    let refused = desk.types(&format!("cargo xtask deploy sandbox --templates {templates}"));
    desk.sees("`E-CHANGE-REFUSED` ", &refused);
    desk.sees("`the local cloud does not support", &refused);
    assert!(refused.stderr.contains("ImageTagMood"), "{}", refused.stderr);

    desk.does("cargo xtask deploy toolchain");
    desk.does(&desk.row("as on the first day").fixes[0]);
    assert!(desk.does("cargo xtask local status").contains("not running"));
}
