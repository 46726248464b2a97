//! Who is told that a push didn't get through.

use cloudformation::generated::code_pipeline_pipeline::Pipeline;
use cloudformation::generated::events_rule::{InputTransformer, Rule, State, Target, TargetRequired};
use cloudformation::generated::sns_topic::Topic;
use cloudformation::generated::sns_topic_policy::{TopicPolicy, TopicPolicyRequired};
use cloudformation::{
    Action, Effect, Handle, Map, Node, Object, PolicyDocument, Principal, Statement, Template, Value, list,
};
use constants::APPLICATION_NAME;

use crate::permissions::EVENTS;

const PUBLISH: &[Action] = &[Action::new("sns:Publish")];

/// Adds the topic that failures go to, and what sends them there.
///
/// The topic isn't encrypted: `EventBridge` can't publish with the key that AWS keeps for SNS, and the message holds
/// nothing but names.
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-troubleshooting.html>
pub(crate) fn add(template: &mut Template, pipeline: &Handle<Pipeline>) -> Handle<Topic> {
    let topic = Topic::new()
        .display_name("Failures of the pipeline")
        .topic_name(format!("{APPLICATION_NAME}-PipelineFailures"));
    let topic = template.add("FailureTopic", "Who wants to hear of failures subscribes to it.", topic);
    let rule = template.add(
        "FailureRule",
        "Tells of executions that failed.",
        rule(pipeline, &topic),
    );
    template.add(
        "FailureTopicPolicy",
        "Lets that rule publish, and nothing else of EventBridge's.",
        TopicPolicy::new(TopicPolicyRequired {
            policy_document: policy(&topic, &rule),
            topics: list([topic.topic_arn()]),
        }),
    );
    topic
}

/// <https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html>
fn rule(pipeline: &Handle<Pipeline>, topic: &Handle<Topic>) -> Rule {
    let detail = Object::new()
        .with("pipeline", [value(&pipeline.reference().text())])
        .with("state", [Node::from("FAILED")]);
    let pattern = Object::new()
        .with("source", [Node::from("aws.codepipeline")])
        .with(
            "detail-type",
            [Node::from("CodePipeline Pipeline Execution State Change")],
        )
        .with("detail", detail);
    let message = InputTransformer::new("\"Pipeline <pipeline> failed: execution <execution>, in <region>.\"")
        .input_paths_map(
            Map::new()
                .with("execution", "$.detail.execution-id")
                .with("pipeline", "$.detail.pipeline")
                .with("region", "$.region"),
        );
    let target = Target::new(TargetRequired {
        arn: topic.topic_arn().text(),
        id: "FailureTopic".into(),
    });
    Rule::new()
        .description("An execution of the pipeline failed.")
        .event_pattern(pattern)
        .name(format!("{APPLICATION_NAME}-PipelineFailures"))
        .state(State::Enabled)
        .targets([target.input_transformer(message)])
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions>
fn policy(topic: &Handle<Topic>, rule: &Handle<Rule>) -> PolicyDocument {
    let statement = Statement::on("PublishFailures", Effect::Allow, PUBLISH, [topic.topic_arn()]);
    PolicyDocument::new([statement
        .of(Principal::Service(EVENTS))
        .condition("ArnEquals", "aws:SourceArn", rule.arn())])
}

fn value(value: &Value<String>) -> Node {
    cloudformation::ToNode::to_node(value)
}
