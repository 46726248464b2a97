//! Judging what Onebox runs: evidence gathered from CloudWatch, the verdict told, and what follows from it.

use std::time::{Duration, SystemTime};

use constants::alarm::RESPONSE_TIME_STATISTIC;
use constants::deployment::BAKE_MINUTES;
use deployment::evidence::series::observed_minute;
use deployment::evidence::{Comparison, Evidence, Minute, ProbeLog, Rules, Series, StageEvidence, judge as analyse};
use stacks::Stage;
use tokio::time::Instant;

use super::place::{Place, Places};
use super::watch::{Seen, Start, watching};
use crate::alarms::Alarm;
use crate::aws::cloudwatch::Question;
use crate::aws::{Aws, rfc3339};
use crate::context::Context;
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::Stack;
use crate::telling::note::Note;
use crate::verdict::series::Point;
use crate::verdict::{Ruling, Verdict};

/// How long metrics of minutes that are over may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_mins(3);

/// How long they are waited for where asking costs nothing, and they are there at once.
const NEAR_ARRIVAL_LIMIT: Duration = Duration::from_secs(2);

/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_secs(10);
const NEAR_PAUSE: Duration = Duration::from_millis(200);

/// What leaving means meanwhile.
const LEAVING: &str = "interrupted: Onebox keeps what it runs, and Fleet is untouched";

/// Judges what Onebox runs by what it did since the new tasks served alone, or else since its deployment began.
///
/// Where there were probes, there will be metrics: they are waited for.
///
/// # Errors
/// When AWS can't be asked, or when interrupted.
pub(super) async fn judge(context: &Context, aws: &Aws, places: &Places, seen: &Seen) -> anyhow::Result<Verdict> {
    let since = since(context, aws, places, seen).await?;
    let (limit, pause) = if aws.is_near() {
        (NEAR_ARRIVAL_LIMIT, NEAR_PAUSE)
    } else {
        (ARRIVAL_LIMIT, PAUSE)
    };
    let limit = if seen.probes.is_empty() { Duration::ZERO } else { limit };
    let verdict = judged_within(context, aws, places, (since, &seen.probes), (limit, pause)).await?;
    context.progress.clear();
    tell(context, &verdict);
    Ok(verdict)
}

/// The same for a deployment that somebody left before its image was judged: where too little came to judge by since,
/// probes go to both stages until it is enough, for as long as they would have gone while the image baked.
///
/// # Errors
/// As [`judge`].
pub(super) async fn judge_or_probe(
    context: &Context,
    aws: &Aws,
    (stack, places): (&Stack, &Places),
    seen: &Seen,
) -> anyhow::Result<Verdict> {
    let since = since(context, aws, places, seen).await?;
    let first = patiently(context, LEAVING, async || look(aws, places, since, &seen.probes).await).await?;
    if first.ruling != Ruling::Thin || !seen.probes.is_empty() {
        return judge(context, aws, places, seen).await;
    }
    let limit = Duration::from_mins(BAKE_MINUTES.unsigned_abs());
    let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
    let enough = Box::pin(judged_within(context, aws, places, (since, &[]), (limit, pause)));
    let because = format!("too little came to judge by since {}", rfc3339(since));
    let start = Start::under_way(true, &because);
    let (verdict, _) = watching(context, aws, (stack, places, Stage::Onebox), start, enough).await;
    context.progress.clear();
    let verdict = verdict?;
    tell(context, &verdict);
    Ok(verdict)
}

/// Since when what Onebox does counts: since its new tasks served alone, or else since its deployment began.
async fn since(context: &Context, aws: &Aws, places: &Places, seen: &Seen) -> anyhow::Result<SystemTime> {
    let onebox = &places.onebox;
    if let Some(since) = seen.alone_since {
        return Ok(since);
    }
    let began = async || aws.deployment_began(&onebox.cluster, &onebox.service).await;
    patiently(context, LEAVING, began).await
}

/// The verdict, as soon as there is enough to judge by, or at the limit.
async fn judged_within(
    context: &Context,
    aws: &Aws,
    places: &Places,
    (since, probes): (SystemTime, &[(Stage, ProbeLog)]),
    (limit, pause): (Duration, Duration),
) -> anyhow::Result<Verdict> {
    let started = Instant::now();
    loop {
        let verdict = patiently(context, LEAVING, async || look(aws, places, since, probes).await).await?;
        if verdict.ruling != Ruling::Thin || started.elapsed() >= limit {
            return Ok(verdict);
        }
        context
            .progress
            .block(&[format!("waiting for metrics to judge by, {}", human(started.elapsed()))]);
        context.interrupt.sleep(LEAVING, pause).await?;
    }
}

async fn look(aws: &Aws, places: &Places, since: SystemTime, probes: &[(Stage, ProbeLog)]) -> anyhow::Result<Verdict> {
    let now = SystemTime::now();
    let stages = [(Stage::Onebox, &places.onebox), (Stage::Fleet, &places.fleet)];
    let questions: Vec<Question> = stages.iter().flat_map(|(_, place)| questions(place)).collect();
    let mut answers = aws.datapoints(&questions, since, now).await?.into_iter();
    let [onebox, fleet] = stages.map(|(stage, _)| {
        let log = probes.iter().find(|(probed, _)| *probed == stage);
        StageEvidence {
            metrics: series(&mut answers),
            probes: log.map(|(_, log)| log.clone()).unwrap_or_default(),
        }
    });
    // ECS wouldn't watch Fleet's deployment if an alarm of Onebox were red when it begins.
    let alarms = aws.alarms(&places.onebox.alarms).await?;
    let red = alarms.into_iter().filter(Alarm::is_red).map(|alarm| alarm.name);
    let minute = observed_minute(onebox.metrics.requests.iter().chain(&fleet.metrics.requests));
    let evidence = Evidence {
        now: now.into(),
        onebox,
        fleet,
        red_alarms: red.collect(),
        ..Evidence::new(Comparison::OneboxWithFleet, since.into(), minute.unwrap_or(Minute::AWS))
    };
    Ok(analyse(&Rules::default(), &evidence))
}

/// The metrics of a stage.
fn questions(place: &Place) -> [Question; 8] {
    [
        place.question("RequestCount", "Sum"),
        place.question("HTTPCode_Target_2XX_Count", "Sum"),
        place.question("HTTPCode_Target_3XX_Count", "Sum"),
        place.question("HTTPCode_Target_4XX_Count", "Sum"),
        place.question("HTTPCode_Target_5XX_Count", "Sum"),
        place.question("TargetResponseTime", RESPONSE_TIME_STATISTIC),
        place.question("HealthyHostCount", "Maximum"),
        place.question("UnHealthyHostCount", "Maximum"),
    ]
}

/// The answers to the questions of one stage.
fn series(answers: &mut impl Iterator<Item = Vec<Point>>) -> Series {
    let mut next = || -> Vec<_> { answers.next().unwrap_or_default().into_iter().map(Into::into).collect() };
    Series {
        requests: next(),
        good_responses: [next(), next(), next()].concat(),
        server_errors: next(),
        latency: next(),
        healthy: next(),
        unhealthy: next(),
    }
}

fn tell(context: &Context, verdict: &Verdict) {
    context.tell(Note::verdict(verdict));
}
