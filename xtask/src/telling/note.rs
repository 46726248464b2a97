//! What is said once, in a line for people and an object for programs.

use std::fmt::Write as _;
use std::time::Duration;

use constants::judgement::PROBES_PER_SECOND;
use deployment::evidence::ProbeLog;
use serde_json::{Value, json};

use super::event_code::EventCode;
use crate::progress::{clean, human};
use crate::verdict::Verdict;

/// What is said once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    /// What it is.
    pub(crate) code: EventCode,
    /// For programs.
    pub(crate) fields: Value,
    /// For people.
    pub(crate) text: String,
}

impl Note {
    /// Nothing has to change in a stack, or in a part of it.
    pub(crate) fn nothing_to_do(stack: &str, part: Option<&str>) -> Self {
        let of = part.map(|part| format!(" ({part})")).unwrap_or_default();
        Self {
            code: EventCode::NothingToDo,
            fields: json!({"stack": stack, "part": part}),
            text: format!("{stack}{of}: nothing to do"),
        }
    }

    /// Something goes on in a stack: its end is waited for, or it is followed to its end.
    pub(crate) fn stack_busy(stack: &str, words: &str, follows: bool) -> Self {
        let then = if follows {
            "following that to its end"
        } else {
            "waiting until that has ended"
        };
        Self {
            code: EventCode::StackBusy,
            fields: json!({"stack": stack, "words": words, "follows": follows}),
            text: format!("{words}: {then}"),
        }
    }

    /// What the probes to a stage found.
    pub(crate) fn probes(stage: deployment::stage::Stage, log: &ProbeLog) -> Self {
        let tally = log.total();
        let failures = tally.failures.iter();
        let failures: serde_json::Map<String, Value> = failures
            .map(|(failure, count)| (failure.to_string(), json!(count)))
            .collect();
        let (requests, failed) = (tally.errors.requests, tally.errors.errors);
        let mut text = format!("probes to {stage}: {failed} of {requests} failed");
        if failed > 0 {
            let _ = write!(text, " ({})", tally.reasons());
        }
        Self {
            code: EventCode::Probes,
            fields: json!({"stage": stage.name().to_lowercase(), "requests": requests, "failed": failed, "failures": failures}),
            text,
        }
    }

    pub(crate) fn verdict(verdict: &Verdict) -> Self {
        Self {
            code: EventCode::Verdict,
            fields: verdict.record(),
            text: verdict.lines().join("\n"),
        }
    }

    /// Nobody has asked for anything in so many minutes.
    pub(crate) fn no_traffic(minutes: u64, probes: bool) -> Self {
        let then = if probes {
            format!("{PROBES_PER_SECOND} probes a second will go to each stage meanwhile, to judge by them")
        } else {
            "without probes there will be nothing to judge by, unless some comes meanwhile".to_owned()
        };
        Self {
            code: EventCode::NoTraffic,
            fields: json!({"minutes": minutes, "probes_per_second": probes.then_some(PROBES_PER_SECOND)}),
            text: format!("no requests in the last {minutes} minutes: {then}"),
        }
    }

    /// The first deployment puts an image on both stages at once.
    pub(crate) fn first() -> Self {
        Self::unprotected(
            "the first deployment: nothing runs yet to hold the image against, so nobody judges it, and both stages get it",
        )
    }

    /// The deployment goes on without a protection.
    pub(crate) fn unprotected(words: &str) -> Self {
        Self {
            code: EventCode::Unprotected,
            fields: json!({"words": words}),
            text: words.to_owned(),
        }
    }

    /// A change was left to itself, as asked; whether probes would go to it if it were followed.
    pub(crate) fn under_way(stack: &str, follow: &str, probes: bool) -> Self {
        let text = if probes {
            format!(
                "{stack} is under way, and CloudFormation goes on by itself up to the next stage; no probes go to it \
                 meanwhile\n  next: follow it, with probes again, and go on with it, with `{follow}`"
            )
        } else {
            format!(
                "{stack} is under way, and CloudFormation goes on by itself up to the next stage\n  \
                 next: follow it, and go on with it, with `{follow}`"
            )
        };
        Self {
            code: EventCode::UnderWay,
            fields: json!({"stack": stack, "follow": follow}),
            text,
        }
    }

    pub(crate) fn aws_silent(error: &str, limit: Duration) -> Self {
        Self {
            code: EventCode::AwsSilent,
            fields: json!({"error": error, "limit_seconds": limit.as_secs()}),
            text: format!("{}; asking again for up to {}", clean(error), human(limit)),
        }
    }

    pub(crate) fn aws_answers(silence: Duration) -> Self {
        Self {
            code: EventCode::AwsAnswers,
            fields: json!({"seconds": silence.as_secs_f64()}),
            text: format!("AWS answers again, after {}", human(silence)),
        }
    }
}
