//! Steps against scripted answers of CloudFormation.

use clap::Parser as _;

use super::*;
use crate::aws::replay::Replay;
use crate::exit::{Exit, exit_of};
use crate::flags::{Command, Xtask};
use crate::stack::script::{answer, refusal};
use crate::telling::report::text as report;

fn image(digit: &str) -> String {
    format!("registry/service@sha256:{}", digit.repeat(64))
}

/// A service stack, as CloudFormation describes it, with these images.
fn described(onebox: &str, fleet: &str) -> (u16, String) {
    let parameters: String = [("OneboxImage", onebox), ("FleetImage", fleet)]
        .map(|(name, image)| {
            format!("<member><ParameterKey>{name}</ParameterKey><ParameterValue>{image}</ParameterValue></member>")
        })
        .concat();
    let outputs: String = [
        ("ClusterName", "Cluster"),
        ("OneboxServiceName", "Onebox"),
        ("FleetServiceName", "Fleet"),
        ("WebAPIEndpoint", "http://127.0.0.1:1"),
    ]
    .map(|(name, value)| format!("<member><OutputKey>{name}</OutputKey><OutputValue>{value}</OutputValue></member>"))
    .concat();
    let stack = format!(
        "<StackName>Example</StackName><StackId>arn</StackId><StackStatus>UPDATE_COMPLETE</StackStatus>\
         <CreationTime>2026-11-22T00:00:00Z</CreationTime><Parameters>{parameters}</Parameters><Outputs>{outputs}</Outputs>"
    );
    answer("DescribeStacks", &format!("<Stacks><member>{stack}</member></Stacks>"))
}

fn resources() -> (u16, String) {
    let arn = "arn:aws:elasticloadbalancing:us-east-1:1";
    let members = [
        ("LoadBalancer", "LoadBalancer", "loadbalancer/app/a/1"),
        ("OneboxTargetGroup", "TargetGroup", "targetgroup/b/2"),
        ("FleetTargetGroup", "TargetGroup", "targetgroup/c/3"),
    ]
    .map(|(name, kind, id)| {
        format!(
            "<member><LogicalResourceId>{name}</LogicalResourceId><PhysicalResourceId>{arn}:{id}</PhysicalResourceId>\
             <ResourceType>AWS::ElasticLoadBalancingV2::{kind}</ResourceType><LastUpdatedTimestamp>2026-11-22T00:00:00Z\
             </LastUpdatedTimestamp><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
        )
    });
    let body = format!("<StackResourceSummaries>{}</StackResourceSummaries>", members.concat());
    answer("ListStackResources", &body)
}

fn deployment() -> Deploy {
    let xtask = Xtask::try_parse_from(["xtask", "deploy", "sandbox", "--local", "--yes", "--no-probe"]).unwrap();
    let Command::Deploy(deploy) = xtask.command else {
        panic!("it is a deployment");
    };
    deploy
}

fn sandbox() -> Stacks {
    Stacks::of(crate::flags::Environment::Sandbox)
}

fn work<'a>(context: &'a Context, aws: &'a Aws, stacks: &'a Stacks, deploy: &'a Deploy) -> Work<'a> {
    Work {
        context,
        aws,
        stacks,
        deploy,
        scope: Scope::All,
        again: "cargo xtask deploy sandbox --local",
        follow: "cargo xtask deploy sandbox --resume --local",
    }
}

/// Somebody else's deployment of an image was followed and rolled back, to these images of Onebox and Fleet: what is told of
/// Onebox, if it goes on back to Fleet's.
async fn check_followed(onebox: &str, fleet: &str, told: Option<&str>) {
    let new = image("9");
    let deploy = deployment();
    let refused = refusal(403, "AccessDenied", "no");
    let replay = Replay::new([
        described(&new, fleet),
        described(onebox, fleet),
        described(onebox, fleet),
        refused,
    ]);
    let (aws, context, stacks) = (replay.aws(), Context::hidden(), sandbox());
    let brought = aws.stack("Example").await.unwrap().unwrap();
    let now = aws.stack("Example").await.unwrap().unwrap();
    let under_way = UnderWay {
        stack: brought,
        failure: Some(Failure::new(Exit::RolledBack, "it was rolled back").code(Code::RolledBack)),
    };
    let work = work(&context, &aws, &stacks, &deploy);
    let error = work.ended_already(under_way, &new, Some(&now)).await.unwrap();
    let tried = error
        .to_string()
        .contains("Onebox couldn't be brought back to what Fleet runs");
    assert_eq!(tried, told.is_some(), "{error}");
    let said = context.progress.said();
    assert!(told.is_none_or(|told| said.contains(told)), "{said}");
    assert_eq!(replay.operations().last().unwrap() == "CreateChangeSet", told.is_some());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_on_onebox_after_anothers_rollback_goes_back() {
    let (new, fleet, unjudged) = (image("9"), image("0"), image("1"));
    check_followed(&fleet, &fleet, None).await;
    check_followed(&new, &fleet, Some("Fleet didn't bear the image")).await;
    check_followed(&unjudged, &fleet, Some("what Onebox ran before was never judged")).await;
}

/// While Onebox's image was judged, somebody moved Onebox on: Fleet gets neither.
#[tokio::test(start_paused = true)]
async fn fleet_is_left_alone_where_somebody_overtook() {
    let deploy = deployment();
    let (judged, fleet, other) = (image("1"), image("0"), image("2"));
    let serves = "<LoadBalancers><member><State><Code>active</Code></State></member></LoadBalancers>";
    let replay = Replay::new([
        described(&judged, &fleet),
        resources(),
        answer("DescribeLoadBalancers", serves),
        described(&other, &fleet),
    ]);
    let (aws, context, stacks) = (replay.aws(), Context::hidden(), sandbox());
    let stack = aws.stack("Example").await.unwrap().unwrap();
    let work = work(&context, &aws, &stacks, &deploy);
    let mut progress = Progress {
        stack: Some(stack),
        changed: true,
        under_way: false,
        seen: Seen::default(),
        verdict: None,
        given_up: BTreeSet::new(),
    };
    let error = work
        .perform(Step::Fleet, Some(&judged), &mut progress)
        .await
        .unwrap_err();
    assert_eq!(exit_of(&error), Exit::Preflight);
    insta::assert_snapshot!(report(&error), @"
    error[E-OVERTAKEN]: somebody moved Onebox on while sha256:111111111111 was judged: Onebox runs sha256:222222222222, Fleet sha256:000000000000; Fleet is untouched
      next: see what goes on with `cargo xtask status`, and deploy again once that is through
    ");
    assert_eq!(
        replay.operations(),
        [
            "DescribeStacks",
            "ListStackResources",
            "DescribeLoadBalancers",
            "DescribeStacks"
        ],
        "nothing is asked to change"
    );
}

/// Neither is anybody else's image put back, or proposed for Fleet, by a verdict on the one before.
#[tokio::test(start_paused = true)]
async fn a_verdict_says_nothing_of_the_image_that_overtook() {
    let (deploy, context, stacks) = (deployment(), Context::hidden(), sandbox());
    let (judged, fleet, other) = (image("1"), image("0"), image("2"));
    for ruling in [Ruling::Thin, Ruling::Worse] {
        let replay = Replay::new([described(&judged, &fleet), described(&other, &fleet)]);
        let aws = replay.aws();
        let stack = aws.stack("Example").await.unwrap().unwrap();
        let verdict = Verdict {
            ruling,
            ..crate::verdict::thin()
        };
        let work = work(&context, &aws, &stacks, &deploy);
        let error = work.heed(&stack, verdict).await.unwrap_err();
        assert!(report(&error).starts_with("error[E-OVERTAKEN]: "), "{}", report(&error));
        assert_eq!(replay.operations(), ["DescribeStacks", "DescribeStacks"], "{ruling:?}");
    }
}
