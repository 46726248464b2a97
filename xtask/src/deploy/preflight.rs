//! What is looked at before anything changes: alarms that are red already, and whether there is traffic to judge by.

use std::collections::BTreeSet;
use std::time::Duration;

use super::place::Places;
use crate::alarms::Alarm;
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::flags::Stage;
use crate::patience::patiently;
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;
use crate::verdict::series::Point;

/// How far back traffic is looked for.
const LOOK_BACK: Duration = Duration::from_mins(5);

/// Refuses to start while an alarm of the stage is in ALARM, saying what is unchanged. Returns the names of those that are
/// ignored as requested.
///
/// ECS ignores a deployment's alarms where one of them is red at its start, so that nothing would stop a bad change.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
///
/// # Errors
/// Exit status 4, naming each alarm and since when.
pub(super) async fn no_red_alarm(
    context: &Context,
    aws: &Aws,
    places: &Places,
    (stage, unchanged): (Option<Stage>, &str),
    (ignore, again): (bool, &str),
) -> anyhow::Result<BTreeSet<String>> {
    let names = match stage {
        Some(Stage::Onebox) => places.onebox.alarms.clone(),
        None | Some(Stage::Shared | Stage::Fleet) => places.alarms(),
    };
    let look = async || aws.alarms(&names).await;
    let alarms = patiently(context, "interrupted: nothing was changed", look).await?;
    let red: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.is_red()).collect();
    if red.is_empty() {
        return Ok(BTreeSet::new());
    }
    for alarm in &red {
        context.output.event(EventCode::Alarm, alarm.record());
    }
    if ignore {
        let names: Vec<String> = red.iter().map(|alarm| alarm.line()).collect();
        context.tell(Note::unprotected(&format!(
            "going on although {}: ECS ignores the alarms of this deployment, so that none of them will roll it back",
            names.join(", and ")
        )));
        return Ok(red.iter().map(|alarm| alarm.name.clone()).collect());
    }
    Err(refusal(&red, unchanged, again).into())
}

/// Refuses to go on to a stage while the load balancer serves nobody: whatever the stage did, no request would show it.
/// A local cloud's has failed where another program took its port while the local cloud was down.
///
/// # Errors
/// Exit status 4, with AWS's reason.
pub(super) async fn load_balancer_serves(context: &Context, aws: &Aws, places: &Places) -> anyhow::Result<()> {
    let look = async || aws.load_balancer_failure(&places.load_balancer).await;
    let failure = patiently(context, "interrupted: the stage was not changed", look).await?;
    failure.map_or(Ok(()), |reason| {
        Err(serves_nobody(&places.onebox.load_balancer, &reason).into())
    })
}

fn serves_nobody(load_balancer: &str, reason: &str) -> Failure {
    let what = format!(
        "the load balancer {load_balancer} serves nobody, and no request would show what a change does: {reason}"
    );
    Failure::preflight(what)
        .code(Code::LoadBalancer)
        .next("do what its reason names, see with `cargo xtask status` that it serves, and run the command again")
}

fn refusal(red: &[&Alarm], unchanged: &str, again: &str) -> Failure {
    let lines: Vec<String> = red
        .iter()
        .map(|alarm| format!("{}: {}", alarm.line(), alarm.condition()))
        .collect();
    let what = format!("{unchanged}, because {}", lines.join("\n  and "));
    Failure::preflight(what)
        .code(Code::RedAlarm)
        .next(
            "if a change was rolled back just now, deploy again once its bad minutes have left the alarm's window; if it \
             stays red, its cause lasts: find that first, as with a red alarm ECS watches none during a deployment",
        )
        .next(format!(
            "if what you deploy is what ends the cause, continue without that protection: `{again} --ignore-red-alarms REASON`"
        ))
}

/// Says what will be judged by where nobody has asked for anything lately.
pub(super) async fn say_traffic(context: &Context, aws: &Aws, places: &Places, probes: bool) -> anyhow::Result<()> {
    let now = aws.now();
    let questions = [&places.onebox, &places.fleet].map(|place| place.question("RequestCount", "Sum"));
    let look = async || aws.datapoints(&questions, now - LOOK_BACK, now).await;
    let answers = patiently(context, "interrupted: nothing was changed", look).await?;
    let requests: f64 = answers.iter().flatten().map(|point: &Point| point.value).sum();
    if requests > 0.0 {
        return Ok(());
    }
    let minutes = LOOK_BACK.as_secs() / 60;
    context.tell(Note::no_traffic(minutes, probes));
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::super::place::tests::places;
    use super::*;
    use crate::aws::replay::Replay;

    /// The refusal of a deployment while an alarm is red, by CloudWatch's answer.
    pub(crate) async fn refused_for_a_red_alarm(context: &Context) -> anyhow::Error {
        let red = json!({"MetricAlarms": [{
            "AlarmName": "Onebox-ServerErrors", "StateValue": "ALARM", "StateReason": "Threshold Crossed",
            "StateTransitionedTimestamp": 1_795_000_000,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold", "Threshold": 5.0,
            "EvaluationPeriods": 4, "DatapointsToAlarm": 3, "Period": 60,
            "MetricName": "HTTPCode_Target_5XX_Count", "Statistic": "Sum",
        }]});
        let aws = Replay::new([(200, red.to_string())]).aws();
        let refused = no_red_alarm(
            context,
            &aws,
            &places(),
            (None, "nothing was changed"),
            (false, "cargo xtask deploy sandbox --local"),
        )
        .await;
        refused.unwrap_err()
    }

    #[test]
    fn a_load_balancer_that_serves_nobody_is_named_with_its_reason() {
        let reason = "cannot listen on 127.0.0.1:8080: Address already in use; end what listens there, it is tried again by itself";
        let failure = serves_nobody("app/name/1", reason);
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
        error[E-LOAD-BALANCER]: the load balancer app/name/1 serves nobody, and no request would show what a change does: cannot listen on 127.0.0.1:8080: Address already in use; end what listens there, it is tried again by itself
          next: do what its reason names, see with `cargo xtask status` that it serves, and run the command again
        ");
    }

    #[test]
    fn a_refusal_names_each_alarm_and_since_when() {
        let alarm = |name: &str| Alarm {
            name: name.to_owned(),
            description: None,
            state: "ALARM".to_owned(),
            reason: "Threshold Crossed".to_owned(),
            since: Some(SystemTime::UNIX_EPOCH),
            watched: "RequestCount Sum".to_owned(),
            comparison: "GreaterThanThreshold".to_owned(),
            threshold: 3.0,
            datapoints: 3,
            periods: 4,
            period_seconds: 60,
        };
        let failure = refusal(
            &[&alarm("a"), &alarm("b")],
            "Fleet was not changed",
            "cargo xtask deploy sandbox --local",
        );
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
        error[E-RED-ALARM]: Fleet was not changed, because a is in ALARM since 1970-01-01T00:00:00Z: RequestCount Sum > 3 in 3 of 4 minutes
          and b is in ALARM since 1970-01-01T00:00:00Z: RequestCount Sum > 3 in 3 of 4 minutes
          next: if a change was rolled back just now, deploy again once its bad minutes have left the alarm's window; if it stays red, its cause lasts: find that first, as with a red alarm ECS watches none during a deployment
          next: if what you deploy is what ends the cause, continue without that protection: `cargo xtask deploy sandbox --local --ignore-red-alarms REASON`
        ");
    }
}
