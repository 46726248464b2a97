//! `load`: requests to an environment's endpoint, and what came of them by stage.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use stacks::service;

use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::{Done, Exit, Failure};
use crate::flags::{Environment, Load};
use crate::progress::human;
use crate::stack::absent::absent;
use crate::telling::event_code::EventCode;
use crate::traffic::{Answers, Counts, Pace, Plan, Traffic};
use crate::{cloud, table};

/// How often the live block is drawn anew.
const BLOCK_PAUSE: Duration = Duration::from_millis(200);

/// The most requests of one run, so that a mistyped rate has an end.
const MOST_REQUESTS: u64 = 100_000_000;

impl Load {
    /// Sends requests until the duration is over or someone asks to leave, then tells what came of them.
    ///
    /// # Errors
    /// When the environment has no endpoint, or no request was answered at all.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Done> {
        let aws = cloud::look(context, &self.cloud, &[self.environment.into()]).await?;
        let endpoint = endpoint(&aws, self.environment, &self.cloud.arguments()).await?;
        let plan = self.plan(&endpoint);
        context.progress.line(&describe(&plan));
        let mut traffic = Traffic::start(plan)?;
        let interrupted = watch(context, &mut traffic).await.is_err();
        let elapsed = traffic.elapsed();
        let counts = traffic.end().await;
        context.progress.clear();
        context.output.line(&render(&counts, elapsed));
        if let Some(failure) = no_answer(&endpoint, &counts) {
            return Err(failure.into());
        }
        Ok(Done {
            exit: if interrupted { Exit::Interrupted } else { Exit::Done },
            result: record(&endpoint, &counts, elapsed),
        })
    }

    fn plan(&self, endpoint: &str) -> Plan {
        let clients = self.concurrency;
        Plan {
            endpoint: endpoint.to_owned(),
            stage: self.stage.map(|stage| stage.name().to_owned()),
            pace: self
                .rate
                .map_or(Pace::Closed { clients }, |rate| Pace::Open { rate, clients }),
            duration: Some(self.duration),
            at_most: MOST_REQUESTS,
        }
    }
}

/// Whether nobody answered at all, which is no figure.
fn no_answer(endpoint: &str, counts: &Counts) -> Option<Failure> {
    let nobody = counts.total() > 0 && counts.total() == counts.without_answer();
    nobody.then(|| {
        let why = counts.unanswered.keys().next().cloned().unwrap_or_default();
        Failure::new(Exit::Failed, format!("{endpoint} answered no request: {why}"))
            .code(Code::NoAnswer)
            .next("see what runs there: `cargo xtask status`")
    })
}

/// The environment's endpoint, as its service stack names it.
///
/// # Errors
/// When the environment isn't deployed.
pub(crate) async fn endpoint(aws: &Aws, environment: Environment, arguments: &str) -> anyhow::Result<String> {
    let name = Stacks::of(environment).service.name;
    let stack = aws.stack(&name).await?.ok_or_else(|| {
        let deploys_it = format!("cargo xtask deploy {}{arguments}", environment.name());
        absent(&name, &deploys_it)
    })?;
    stack.output(service::WEB_API_ENDPOINT).map(ToOwned::to_owned)
}

/// Shows what comes of the requests until all are sent.
async fn watch(context: &Context, traffic: &mut Traffic) -> anyhow::Result<()> {
    let mut second = 0;
    loop {
        let finished = tokio::time::timeout(BLOCK_PAUSE, traffic.finished());
        let finished = context.interrupt.or("interrupted", finished).await?;
        if finished.is_ok() {
            return Ok(());
        }
        let (counts, elapsed) = (traffic.counts(), traffic.elapsed());
        let text = render(&counts, elapsed);
        context
            .progress
            .block(&text.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
        if elapsed.as_secs() > second {
            second = elapsed.as_secs();
            context
                .output
                .event(EventCode::Load, record(&traffic.plan().endpoint, &counts, elapsed));
        }
    }
}

fn describe(plan: &Plan) -> String {
    let pace = match plan.pace {
        Pace::Closed { clients } => format!("{clients} at once"),
        Pace::Open { rate, clients } => format!("{rate} requests a second, at most {clients} at once"),
    };
    let stage = plan
        .stage
        .as_ref()
        .map(|stage| format!(", straight to {stage}"))
        .unwrap_or_default();
    let duration = plan
        .duration
        .map(|duration| format!(", for {}", human(duration)))
        .unwrap_or_default();
    format!("load on {}: {pace}{stage}{duration}", plan.endpoint)
}

fn record(endpoint: &str, counts: &Counts, elapsed: Duration) -> Value {
    let mut record = counts.record();
    record["endpoint"] = json!(endpoint);
    record["seconds"] = json!(elapsed.as_secs_f64());
    record
}

/// Counts, statuses and percentiles by stage, how many were slow enough to alarm, and below them what had no answer.
pub(crate) fn render(counts: &Counts, elapsed: Duration) -> String {
    let header = [
        "STAGE", "REQUESTS", "SHARE", "P50", "P90", "P99", "LONGEST", "SLOW", "STATUSES",
    ];
    let rows: Vec<Vec<String>> = counts
        .stages
        .iter()
        .map(|(stage, answers)| row(stage, answers, counts.total()))
        .collect();
    let mut text = table::render(&header, &rows);
    for (why, count) in &counts.unanswered {
        let _ = write!(text, "\n{count} without an answer: {why}");
    }
    let seconds = elapsed.as_secs_f64().max(1e-3);
    let _ = write!(
        text,
        "\n{} requests in {}, {:.0} a second, {} failed",
        counts.total(),
        human(elapsed),
        ratio(counts.total(), 1) / seconds,
        counts.failed()
    );
    text
}

fn row(stage: &str, answers: &Answers, total: u64) -> Vec<String> {
    let quantile = |share| milliseconds(answers.latency.quantile(share));
    let statuses: Vec<String> = answers
        .statuses
        .iter()
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    vec![
        stage.to_owned(),
        answers.total().to_string(),
        format!("{:.2} %", 100.0 * ratio(answers.total(), total)),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        milliseconds(answers.latency.longest()),
        answers.slow().to_string(),
        statuses.join(", "),
    ]
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "fewer requests than 2^53")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn the_table_has_a_row_for_each_stage() {
        let mut counts = Counts::default();
        for number in 0..100 {
            let stage = if number == 7 { "onebox" } else { "fleet" };
            let status = if number % 50 == 7 {
                StatusCode::BAD_GATEWAY
            } else {
                StatusCode::OK
            };
            counts.answered(stage, status, Duration::from_millis(number + 1));
        }
        counts.unanswered("no connection: refused".to_owned());
        insta::assert_snapshot!(render(&counts, Duration::from_secs(2)), @"
        STAGE   REQUESTS  SHARE    P50      P90      P99       LONGEST   SLOW  STATUSES
        fleet   99        98.02 %  51.2 ms  91.1 ms  100.0 ms  100.0 ms  0     200: 98, 502: 1
        onebox  1         0.99 %   8.0 ms   8.0 ms   8.0 ms    8.0 ms    0     502: 1
        1 without an answer: no connection: refused
        101 requests in 2.0 s, 50 a second, 3 failed
        ");
    }

    #[test]
    fn an_endpoint_where_nobody_answers() {
        let mut counts = Counts::default();
        assert!(no_answer("http://x", &counts).is_none());
        counts.unanswered("no connection: refused".to_owned());
        let failure = no_answer("http://x", &counts).unwrap();
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
        error[E-NO-ANSWER]: http://x answered no request: no connection: refused
          next: see what runs there: `cargo xtask status`
        ");
        counts.answered("fleet", StatusCode::OK, Duration::ZERO);
        assert!(no_answer("http://x", &counts).is_none());
    }

    #[test]
    fn what_is_sent_in_words() {
        let mut plan = Plan {
            endpoint: "http://127.0.0.1:1".to_owned(),
            stage: None,
            pace: Pace::Closed { clients: 16 },
            duration: None,
            at_most: 1,
        };
        assert_eq!(describe(&plan), "load on http://127.0.0.1:1: 16 at once");
        plan.stage = Some("onebox".to_owned());
        plan.duration = Some(Duration::from_secs(30));
        plan.pace = Pace::Open { rate: 12.5, clients: 8 };
        assert_eq!(
            describe(&plan),
            "load on http://127.0.0.1:1: 12.5 requests a second, at most 8 at once, straight to onebox, for 30.0 s"
        );
    }
}
