//! A demonstration: a fault that the image shows on purpose, and the load that shows what it does.

use constants::pipeline::FAULT;
use serde_json::Value;

use super::prepare::Prepared;
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::exit::Failure;
use crate::flags::{Environment, Pipeline};
use crate::load;
use crate::telling::event_code::EventCode;
use crate::traffic::{Pace, Plan, Traffic};

/// The most requests of one execution, so that what is forgotten has an end.
const MOST_REQUESTS: u64 = 100_000_000;

/// Refuses a fault where it would do harm, or would not be the only change.
///
/// # Errors
/// Exit status 3.
pub(super) fn check(flags: &Pipeline, aws: &Aws, prepared: &Prepared) -> anyhow::Result<()> {
    if flags.fault.is_none() {
        return Ok(());
    }
    if !aws.is_near() {
        let what = "--fault deploys an image that misbehaves on purpose, and customers use prod";
        return Err(Failure::refused(what)
            .code(Code::FaultInProd)
            .next("show it with --local")
            .into());
    }
    if prepared.starts_by_itself.is_some() {
        let what = "HEAD was not deployed yet: its execution has just begun, without the fault";
        let next = "run the same command again once that has ended, so that the fault is the only change";
        return Err(Failure::refused(what).code(Code::RunsWithoutFault).next(next).into());
    }
    Ok(())
}

/// The values of the pipeline's variables.
pub(super) fn variables(flags: &Pipeline) -> Vec<(&'static str, &str)> {
    flags.fault.iter().map(|fault| (FAULT, fault.as_str())).collect()
}

/// Begins to send load to production, if any was asked for.
///
/// # Errors
/// When production isn't deployed yet: exit status 4.
pub(super) async fn begin_load(flags: &Pipeline, aws: &Aws) -> anyhow::Result<Option<Traffic>> {
    let Some(clients) = flags.load else { return Ok(None) };
    let endpoint = load::endpoint(aws, Environment::Prod, &flags.cloud.arguments()).await?;
    let plan = Plan {
        endpoint,
        stage: None,
        pace: Pace::Closed { clients },
        duration: None,
        at_most: MOST_REQUESTS,
    };
    Traffic::start(plan).map(Some)
}

/// Ends the load and tells what came of it.
pub(super) async fn end_load(context: &Context, traffic: Option<Traffic>) -> Option<Value> {
    let traffic = traffic?;
    let elapsed = traffic.elapsed();
    let counts = traffic.end().await;
    context.output.line(&load::render(&counts, elapsed));
    let record = counts.record();
    context.output.event(EventCode::Load, record.clone());
    Some(record)
}
