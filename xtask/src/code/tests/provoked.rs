//! Errors provoked through what commands do, as they are told, for codes that no other test reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use stacks::Environment;

use crate::account;
use crate::aws::replay::Replay;
use crate::context::Context;
use crate::flags::{Command, Xtask};
use crate::image::{Binary, Recipe};
use crate::stack::Wanted;
use crate::stack::apply::{Terms, apply};
use crate::stack::script::*;
use crate::telling::report::text as report;
use crate::traffic::{Pace, Plan, Traffic};

/// What is told of a change of the stack Example, against answers of CloudFormation.
async fn change(answers: Vec<(u16, String)>, template: &str) -> String {
    let wanted = Wanted {
        name: "Example".to_owned(),
        template: template.to_owned(),
        parameters: BTreeMap::new(),
        kept: Vec::new(),
    };
    let terms = Terms {
        yes: false,
        token: "token",
        again: "cargo xtask deploy sandbox",
        follow: "cargo xtask deploy sandbox --resume",
        detach: false,
        part: None,
    };
    let aws = Replay::new(answers).aws_far();
    report(&apply(&Context::hidden(), &aws, &wanted, terms).await.unwrap_err())
}

/// What is told of a command line that asks nothing of AWS.
async fn command(words: &[&str]) -> String {
    let arguments = ["xtask"].iter().chain(words);
    let context = Context::hidden();
    let outcome = match Xtask::try_parse_from(arguments).unwrap().command {
        Command::Deploy(deploy) => deploy.run(&context).await,
        Command::Explain(explain) => explain.run(&context),
        other => panic!("{other:?}"),
    };
    report(&outcome.unwrap_err())
}

#[tokio::test(start_paused = true)]
async fn what_cloudformation_refuses() {
    let refused = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("FAILED", "Template error: Queue has no property Colour"),
        done("DeleteChangeSet"),
    ];
    insta::assert_snapshot!(change(refused, "{}").await, @"
    error[E-CHANGE-REFUSED]: Example: CloudFormation refuses the change: Template error: Queue has no property Colour
      next: fix the template by these words, and run the command again
    ");
    let too_long = change(vec![stack("UPDATE_COMPLETE")], &" ".repeat(51_201)).await;
    insta::assert_snapshot!(too_long, @"error[E-TEMPLATE-TOO-LONG]: the template of Example has 51201 bytes (limit 51200)");
}

#[tokio::test(start_paused = true)]
async fn a_question_without_a_terminal() {
    let answers = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("CREATE_COMPLETE", ""),
        done("DeleteChangeSet"),
    ];
    insta::assert_snapshot!(change(answers, "{}").await, @"
    error[E-NO-TERMINAL]: there is no terminal to ask on: make these changes to Example? [y/N]
      next: answer with --yes
    ");
}

#[tokio::test(start_paused = true)]
async fn a_change_set_that_is_never_worked_out() {
    let mut answers = vec![stack("UPDATE_COMPLETE"), created_change_set()];
    answers.extend(vec![change_set("CREATE_IN_PROGRESS", ""); 1000]);
    let told = change(answers, "{}").await;
    let first = told.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("error[E-TIME-LIMIT]: the change set is still CREATE_IN_PROGRESS after 15 min"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn credentials_that_aws_turns_down() {
    let expired = "The security token included in the request is expired";
    insta::assert_snapshot!(change(vec![refusal(403, "ExpiredToken", expired)], "{}").await, @"
    error[E-CREDENTIALS-EXPIRED]: cannot describe the stack Example: ExpiredToken: The security token included in the request is expired
      next: get new credentials (`aws sso login`, or as you got these) and run the same command again
    ");
    let unknown = "The security token included in the request is invalid.";
    insta::assert_snapshot!(change(vec![refusal(403, "InvalidClientTokenId", unknown)], "{}").await, @"
    error[E-CREDENTIALS-INVALID]: cannot describe the stack Example: InvalidClientTokenId: The security token included in the request is invalid.
      next: check the credentials: `aws sts get-caller-identity` shows whose they are
    ");
}

#[tokio::test(start_paused = true)]
async fn answers_that_lack_what_they_should_have() {
    let no_id = vec![stack("UPDATE_COMPLETE"), answer("CreateChangeSet", "")];
    insta::assert_snapshot!(change(no_id, "{}").await, @"error[E-AWS-ANSWER]: CloudFormation names no change set");
    let gone = vec![
        stack("UPDATE_COMPLETE"),
        created_change_set(),
        change_set("FAILED", "No updates are to be performed."),
        done("DeleteChangeSet"),
        no_stack(),
    ];
    insta::assert_snapshot!(change(gone, "{}").await, @"
    error[E-STACK-GONE]: the stack arn:aws:cloudformation:us-east-1:000000000000:stack/Example/1 has gone while it was deployed
      next: see who deleted it, and run the command again to create it anew
    ");
}

#[tokio::test]
async fn flags_and_names_that_do_not_fit() {
    insta::assert_snapshot!(command(&["deploy", "prod", "--stage", "fleet", "--fault", "hang"]).await, @"error[E-FLAGS]: the stage fleet deploys the image that Onebox runs: --fault goes with the stage onebox");
    insta::assert_snapshot!(command(&["deploy", "sandbox", "--image", "/nowhere/image.json"]).await, @"error[E-FILE]: cannot read /nowhere/image.json: No such file or directory (os error 2)");
    insta::assert_snapshot!(command(&["explain", "Nonsense"]).await, @"
    error[E-UNKNOWN-NAME]: there is no resource, type or code called Nonsense
      next: `cargo xtask synth` writes the templates; name a logical id or a type in them
    ");
    let far = Replay::new([]).aws_far();
    let fault = crate::fault::refuse_fault(Some("hang"), crate::flags::Environment::Prod, &far);
    insta::assert_snapshot!(report(&fault.unwrap_err()), @"
    error[E-FAULT-IN-PROD]: --fault deploys an image that misbehaves on purpose, and customers use prod
      next: show it in the sandbox, or with --local
    ");
}

#[test]
fn an_account_that_an_environment_does_not_belong_in() {
    let pins = account::pins(Environment::Production, |name| {
        (name == "XTASK_ACCOUNT_PROD").then(|| "111111111111".to_owned())
    });
    insta::assert_snapshot!(report(&account::check("222222222222", &pins).unwrap_err().into()), @"
    error[E-ACCOUNT-PINNED]: Prod belongs in account 111111111111, by the variable XTASK_ACCOUNT_PROD, and these credentials are of account 222222222222
      next: use credentials of account 111111111111 (--profile), or --local
    ");
}

/// A context in a folder.
fn in_folder(folder: &Path) -> Context {
    Context {
        root: folder.to_owned(),
        ..Context::hidden()
    }
}

#[tokio::test]
async fn source_that_is_not_there_or_does_not_compile() {
    let folder = tempfile::tempdir().unwrap();
    let told = report(&in_folder(folder.path()).checkout().unwrap_err());
    let told = told.replace(folder.path().to_str().unwrap(), "FOLDER");
    insta::assert_snapshot!(told, @"
    error[E-NO-CHECKOUT]: no checkout of the project contains FOLDER
      next: run it in a checkout
    ");
    // What a checkout is known by, and nothing to compile.
    std::fs::create_dir(folder.path().join("xtask")).unwrap();
    for file in ["xtask/Cargo.toml", "Cargo.lock"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let recipe = Recipe::plain(Binary::Bootstrap);
    let context = in_folder(folder.path());
    let built = crate::publish::publish(&context, &Replay::new([]).aws(), "127.0.0.1:1/r", &recipe).await;
    let told = report(&built.unwrap_err());
    assert!(told.starts_with("error[E-BUILD]: "), "{told}");
}

#[tokio::test]
async fn an_image_that_no_registry_takes() {
    let login =
        r#"{"authorizationData": [{"authorizationToken": "QVdTOnNlY3JldA==", "proxyEndpoint": "http://127.0.0.1:1"}]}"#;
    let aws = Replay::new([(200, login.to_owned())]).aws();
    let image = crate::image::BuiltImage {
        manifest_digest: format!("sha256:{}", "0".repeat(64)),
        size_bytes: 0,
        binary_bytes: 0,
        executable: PathBuf::new(),
        directory: PathBuf::from("/nowhere"),
    };
    let pushed = crate::publish::push(&Context::hidden(), &aws, "127.0.0.1:1/r", &image).await;
    let told = report(&pushed.unwrap_err());
    assert!(told.starts_with("error[E-IMAGE-PUSH]: "), "{told}");
}

#[test]
fn an_endpoint_that_is_no_address() {
    let plan = Plan {
        endpoint: "nonsense://".to_owned(),
        stage: None,
        pace: Pace::Closed { clients: 1 },
        duration: None,
        at_most: 1,
    };
    insta::assert_snapshot!(report(&Traffic::start(plan).unwrap_err()), @"error[E-ADDRESS]: `nonsense://` is not an address: empty string");
}
