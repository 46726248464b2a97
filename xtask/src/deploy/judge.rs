//! Judging what Onebox runs: evidence gathered from CloudWatch, the verdict told, and what follows from it.

use std::time::{Duration, SystemTime};

use constants::alarm::RESPONSE_TIME_STATISTIC;
use tokio::time::Instant;

use super::place::{Place, Places};
use super::watch::Seen;
use crate::aws::Aws;
use crate::aws::cloudwatch::Question;
use crate::context::Context;
use crate::progress::human;
use crate::verdict::series::{Point, Series, samples};
use crate::verdict::{Ruling, Verdict};

/// How long metrics of minutes that are over may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_mins(3);

/// How long they are waited for where asking costs nothing, and they are there at once.
const NEAR_ARRIVAL_LIMIT: Duration = Duration::from_secs(2);

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_secs(10);
const NEAR_PAUSE: Duration = Duration::from_millis(200);

/// Judges what Onebox runs by what it did since the new tasks served alone, or else since its deployment began.
///
/// Where there were probes, there will be metrics: they are waited for.
///
/// # Errors
/// When AWS can't be asked, or when interrupted.
pub(super) async fn judge(context: &Context, aws: &Aws, places: &Places, seen: &Seen) -> anyhow::Result<Verdict> {
    let onebox = &places.onebox;
    let since = match seen.alone_since {
        Some(since) => since,
        None => aws.deployment_began(&onebox.cluster, &onebox.service).await?,
    };
    let (limit, pause) = if aws.is_near() {
        (NEAR_ARRIVAL_LIMIT, NEAR_PAUSE)
    } else {
        (ARRIVAL_LIMIT, PAUSE)
    };
    let limit = if seen.probes.is_empty() { Duration::ZERO } else { limit };
    let started = Instant::now();
    let leaving = "interrupted: Onebox keeps what it runs, and Fleet is untouched";
    loop {
        let verdict = context.interrupt.or(leaving, look(aws, places, since)).await??;
        if verdict.ruling != Ruling::Thin || started.elapsed() >= limit {
            context.progress.clear();
            tell(context, &verdict);
            return Ok(verdict);
        }
        context
            .progress
            .block(&[format!("waiting for metrics to judge by, {}", human(started.elapsed()))]);
        context.interrupt.sleep(leaving, pause).await?;
    }
}

async fn look(aws: &Aws, places: &Places, since: SystemTime) -> anyhow::Result<Verdict> {
    let now = SystemTime::now();
    let questions: Vec<Question> = [&places.onebox, &places.fleet]
        .into_iter()
        .flat_map(questions)
        .collect();
    let mut answers = aws.datapoints(&questions, since, now).await?.into_iter();
    let onebox = series(&mut answers);
    let fleet = series(&mut answers);
    let [onebox, fleet] = samples([&onebox, &fleet], since, now);
    Ok(Verdict::of(onebox, fleet))
}

/// What is asked of a stage. Connections that fail have no status, and so count beside those that do.
fn questions(place: &Place) -> [Question; 4] {
    [
        place.question("RequestCount", "Sum"),
        place.question("HTTPCode_Target_5XX_Count", "Sum"),
        place.question("TargetConnectionErrorCount", "Sum"),
        place.question("TargetResponseTime", RESPONSE_TIME_STATISTIC),
    ]
}

/// The answers to the questions of one stage.
fn series(answers: &mut impl Iterator<Item = Vec<Point>>) -> Series {
    let mut next = || answers.next().unwrap_or_default();
    let requests = next();
    let errors = [next(), next()].concat();
    Series {
        requests,
        errors,
        latency: next(),
    }
}

fn tell(context: &Context, verdict: &Verdict) {
    for line in verdict.lines() {
        context.progress.line(&line);
    }
    context.output.record("verdict", verdict.record());
}
