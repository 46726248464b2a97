//! Every listed call, made once as a command makes it: what goes out is in the snapshot beside this file, one request a
//! line, and the end-to-end tests hold those lines against botocore's models (`tests/wire/requests.py`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::aws::calls::LIST;
use crate::aws::cloudformation::ChangeSetId;
use crate::aws::cloudwatch::Question;
use crate::aws::replay::{Replay, Sent};
use crate::stack::Wanted;

const CLUSTER: &str = "OneBoxDeploymentOnECS-Prod";
const SERVICE: &str = "OneBoxDeploymentOnECS-Fleet";
const STACK: &str = "OneBoxDeploymentOnECS-Service-Prod";
const REPOSITORY: &str = "oneboxdeploymentonecs-prod";
const PIPELINE: &str = "OneBoxDeploymentOnECS";
const EXECUTION: &str = "12345678-abcd-4abc-8abc-1234567890ab";
const TASK: &str =
    "arn:aws:ecs:us-east-1:123456789012:task/OneBoxDeploymentOnECS-Prod/0123456789abcdef0123456789abcdef";

/// An answer in JSON, with all that those verbs look for which ask again.
fn answer() -> String {
    let options = json!({"awslogs-group": "/group", "awslogs-stream-prefix": "fleet"});
    let container = json!({"name": "service", "image": "image", "logConfiguration": {"options": options}});
    json!({
        "taskArns": [TASK],
        "tasks": [{
            "taskArn": TASK, "taskDefinitionArn": "fleet:1", "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "service", "exitCode": 1}],
        }],
        "taskDefinition": {"containerDefinitions": [container]},
    })
    .to_string()
}

/// AWS that gives this answer as often as it is asked, and what asked it.
fn of_json(answer: &str) -> Replay {
    Replay::new(std::iter::repeat_n((200, answer.to_owned()), 10))
}

fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// Asks for everything that CloudFormation and the registry are asked for. The answers are no XML, so that each verb ends
/// with its first request; that is what is looked at here.
async fn ask_by_sdk(aws: &Aws) {
    let id = ChangeSetId {
        id: format!("arn:aws:cloudformation:us-east-1:123456789012:changeSet/deploy-1/{EXECUTION}"),
        stack_id: format!("arn:aws:cloudformation:us-east-1:123456789012:stack/{STACK}/{EXECUTION}"),
    };
    let wanted = Wanted {
        name: STACK.to_owned(),
        template: "{}".to_owned(),
        parameters: [("OneboxImage".to_owned(), "image".to_owned())].into(),
        kept: ["FleetImage".to_owned()].into(),
    };
    let role = aws
        .clone()
        .deploying_in(Some("arn:aws:iam::123456789012:role/Deployment".to_owned()));
    drop(aws.identity().await);
    drop(aws.stack(STACK).await);
    drop(aws.stack_names().await);
    drop(aws.resources(STACK).await);
    drop(aws.template(STACK).await);
    drop(aws.detect_drift(STACK).await);
    drop(aws.drift_detection(EXECUTION).await);
    drop(aws.drifts(STACK).await);
    drop(aws.events(&id.stack_id, Some("page".to_owned())).await);
    drop(role.create_change_set(&wanted, "deploy-1", true).await);
    drop(aws.create_change_set(&wanted, "deploy-1", false).await);
    drop(aws.change_set(&id).await);
    drop(aws.execute_change_set(&id, "deploy-1").await);
    drop(aws.delete_change_set(&id).await);
    drop(aws.change_sets(&id.stack_id).await);
    drop(aws.delete_stack(&id.stack_id, "destroy-1").await);
    drop(aws.cancel_update(&id.stack_id, "cancel-1").await);
    drop(aws.continue_rollback(STACK, "token").await);
    drop(aws.registry_login().await);
    drop(aws.images(REPOSITORY).await);
    drop(
        aws.delete_images(REPOSITORY, &[format!("sha256:{}", "0".repeat(64))])
            .await,
    );
    drop(aws.remove_tags(REPOSITORY, &["keep-0123".to_owned()]).await);
}

/// Asks for everything that is asked for in JSON, and the load balancer.
async fn ask_by_json(aws: &Aws) {
    let question = Question {
        load_balancer: "app/name/1".to_owned(),
        target_group: "targetgroup/name/2".to_owned(),
        metric: "TargetResponseTime",
        statistic: "TM(90%:100%)",
    };
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/name/0123456789abcdef";
    drop(aws.services(CLUSTER, &[SERVICE]).await);
    drop(aws.datapoints(&[question], moment(60), moment(120)).await);
    drop(aws.alarms(&["alarm".to_owned()]).await);
    drop(aws.last_firing("alarm", moment(60)).await);
    drop(aws.log_lines("/group", moment(60), Some("error"), Some("page")).await);
    drop(aws.pipeline_stages(PIPELINE).await);
    drop(aws.executions(PIPELINE).await);
    drop(aws.execution(PIPELINE, EXECUTION).await);
    drop(aws.actions(PIPELINE, EXECUTION).await);
    drop(aws.start_execution(PIPELINE, &[("Fault", "none")], "pipeline-1").await);
    drop(aws.stop_execution(PIPELINE, EXECUTION, true, "asked for by hand").await);
    drop(aws.retry_stage(PIPELINE, EXECUTION, "Production").await);
    drop(aws.build(&format!("OneBoxDeploymentOnECS-Build:{EXECUTION}")).await);
    drop(aws.branch_tip("oneboxdeploymentonecs", "main").await);
    drop(aws.clone_url("oneboxdeploymentonecs").await);
    drop(
        aws.load_balancer_failure(
            "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/name/0123456789abcdef",
        )
        .await,
    );
    drop(aws.healthy_targets(group).await);
    drop(aws.alarms_in_alarm("OneBoxDeploymentOnECS-Prod-").await);
    drop(aws.set_alarm_state("alarm", "ALARM", "a rehearsal").await);
}

/// Asks why tasks stopped, and what one of them wrote last.
async fn last_words(aws: &Aws) -> anyhow::Result<()> {
    let arns = aws.stopped_tasks(CLUSTER, SERVICE).await?;
    for task in aws.describe_stopped(CLUSTER, &arns).await? {
        aws.last_words(&task).await?;
    }
    Ok(())
}

async fn all() -> Vec<Sent> {
    let refused = r#"{"__type":"NoSuchResourceException","message":"no such quota"}"#.to_owned();
    let sdk = Replay::new(std::iter::repeat_n((200, String::new()), 30));
    ask_by_sdk(&sdk.aws()).await;
    let json = Replay::new(std::iter::repeat_n((200, "{}".to_owned()), 30));
    ask_by_json(&json.aws()).await;
    let [tasks, stopped, deployed] = [(); 3].map(|()| of_json(&answer()));
    drop(tasks.aws().running_tasks(CLUSTER, SERVICE).await);
    last_words(&stopped.aws()).await.unwrap();
    drop(deployed.aws().image_of_definition("fleet:1").await);
    let quota = Replay::new([(400, refused), (200, "{}".to_owned())]);
    drop(quota.aws().quota("vpc", "L-F678F1CE").await);
    [sdk, json, tasks, stopped, deployed, quota]
        .iter()
        .flat_map(Replay::sent)
        .collect()
}

/// A request as a line, without what differs from run to run.
fn line(mut sent: Sent) -> String {
    if let Ok(mut body) = serde_json::from_str::<Value>(&sent.body) {
        if sent.operation() == "DescribeAlarmHistory" {
            body["EndDate"] = json!(120.0);
        }
        sent.body = sorted(&body).to_string();
    }
    sent.line()
}

/// The same with the members of objects by their names, whatever order `serde_json` keeps.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members.iter().map(|(name, value)| (name, sorted(value))).collect();
            members.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn every_listed_call_as_it_goes_out() {
    let sent = all().await;
    let made: BTreeSet<String> = sent.iter().map(Sent::operation).collect();
    let listed: BTreeSet<String> = LIST
        .into_iter()
        .flatten()
        .map(|call| call.operation.to_owned())
        .collect();
    assert_eq!(made, listed);
    let lines: BTreeSet<String> = sent.into_iter().map(line).collect();
    insta::assert_snapshot!(lines.into_iter().collect::<Vec<_>>().join("\n"));
}
