//! The codes of what `--json` writes: stable names, each with the fields that its objects have.
//!
//! `docs/json.md` says the same, and a test compares.

/// What an object of `--json` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum EventCode {
    /// A stack's operation began.
    StackBegan,
    /// It ended as asked.
    StackDone,
    /// What was asked is done, and what it replaced is being removed.
    StackCleaningUp,
    /// It failed, and what was before is being brought back.
    StackRollingBack,
    /// What was before is again.
    StackRolledBack,
    /// The rollback failed.
    StackRollbackFailed,
    /// It failed and was left as it is.
    StackFailed,
    /// A resource is being worked on.
    ResourceBegan,
    /// A resource is as asked.
    ResourceDone,
    /// A resource failed, or was cancelled on account of another.
    ResourceFailed,
    /// A service's deployments look different.
    Service,
    /// Tasks of a service stopped.
    TasksStopped,
    /// An alarm's state.
    Alarm,
    /// What the stages do.
    Stages,
    /// Nothing has happened for a while.
    Pending,
    /// AWS gives no answer.
    AwsSilent,
    /// AWS answers again.
    AwsAnswers,
    /// A resource's change in a change set.
    Change,
    /// A resource isn't as it was deployed.
    Drift,
    /// A stack needs no change.
    NothingToDo,
    /// Something else goes on in a stack.
    StackBusy,
    /// What probes brought.
    Probes,
    /// A step of a deployment starts.
    Step,
    /// A step was judged good.
    StepPassed,
    /// A deployment waits for something.
    Waiting,
    /// The analysis of a step.
    Verdict,
    /// A deployment reverts.
    PuttingBack,
    /// Nobody asks for anything.
    NoTraffic,
    /// Something goes on without a protection.
    Unprotected,
    /// Whose account is worked in.
    Account,
    /// An image was built.
    ImageBuilt,
    /// An image is in the registry.
    ImagePushed,
    /// A change was left to itself.
    UnderWay,
    /// What `--resume` found.
    Resuming,
    /// Tasks are waited for.
    Tasks,
    /// A failed creation left something.
    LeftOver,
    /// Someone asked to leave, and may ask for more.
    Leaving,
    /// What the stages run, as `status --watch` sees it.
    Status,
    /// A pipeline's action.
    Action,
    /// Load, so far or in all.
    Load,
    /// A line of a log.
    Line,
    /// A finding of `doctor`.
    Finding,
    /// A resource that `explain` explains.
    Resource,
    /// A scenario's verdict.
    Scenario,
    /// A deployment of a soak.
    Soaked,
    /// A figure's reading.
    Reading,
}

/// Every code, in the order in which the document has them.
pub(crate) const EVENT_CODES: [EventCode; 46] = [
    EventCode::StackBegan,
    EventCode::StackDone,
    EventCode::StackCleaningUp,
    EventCode::StackRollingBack,
    EventCode::StackRolledBack,
    EventCode::StackRollbackFailed,
    EventCode::StackFailed,
    EventCode::ResourceBegan,
    EventCode::ResourceDone,
    EventCode::ResourceFailed,
    EventCode::Service,
    EventCode::TasksStopped,
    EventCode::Alarm,
    EventCode::Stages,
    EventCode::Pending,
    EventCode::AwsSilent,
    EventCode::AwsAnswers,
    EventCode::Change,
    EventCode::Drift,
    EventCode::NothingToDo,
    EventCode::StackBusy,
    EventCode::Probes,
    EventCode::Step,
    EventCode::StepPassed,
    EventCode::Waiting,
    EventCode::Verdict,
    EventCode::PuttingBack,
    EventCode::NoTraffic,
    EventCode::Unprotected,
    EventCode::Account,
    EventCode::ImageBuilt,
    EventCode::ImagePushed,
    EventCode::UnderWay,
    EventCode::Resuming,
    EventCode::Tasks,
    EventCode::LeftOver,
    EventCode::Leaving,
    EventCode::Status,
    EventCode::Action,
    EventCode::Load,
    EventCode::Line,
    EventCode::Finding,
    EventCode::Resource,
    EventCode::Scenario,
    EventCode::Soaked,
    EventCode::Reading,
];

/// What there is to know of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name, `resource-done`; it is never given to anything else.
    pub(crate) name: &'static str,
    /// The value of `type`: one for all codes whose objects have the same fields.
    pub(crate) kind: &'static str,
    /// What it tells.
    pub(crate) meaning: &'static str,
    /// Its fields beside `type`, `code` and `time`.
    pub(crate) fields: &'static [&'static str],
}

#[rustfmt::skip]
const STACK_EVENT: &[&str] = &["stack", "logical_id", "physical_id", "resource_type", "status", "reason", "defined"];

impl EventCode {
    /// The code of this name, if one has it.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        EVENT_CODES.into_iter().find(|code| code.entry().name == name)
    }

    /// What there is to know of it.
    #[rustfmt::skip]
    pub(crate) fn entry(self) -> Entry {
        let (name, kind, fields, meaning): (_, _, &'static [&'static str], _) = match self {
            Self::StackBegan => ("stack-began", "event", STACK_EVENT, "an operation on a stack began"),
            Self::StackDone => ("stack-done", "event", STACK_EVENT, "it ended as asked"),
            Self::StackCleaningUp => ("stack-cleaning-up", "event", STACK_EVENT, "what was asked is done, and what it replaced is being removed"),
            Self::StackRollingBack => ("stack-rolling-back", "event", STACK_EVENT, "it failed, and what was before is being brought back"),
            Self::StackRolledBack => ("stack-rolled-back", "event", STACK_EVENT, "what was before is again"),
            Self::StackRollbackFailed => ("stack-rollback-failed", "event", STACK_EVENT, "the rollback failed"),
            Self::StackFailed => ("stack-failed", "event", STACK_EVENT, "it failed, and the stack was left as it is"),
            Self::ResourceBegan => ("resource-began", "event", STACK_EVENT, "a resource is being created, changed or deleted; `status` says which"),
            Self::ResourceDone => ("resource-done", "event", STACK_EVENT, "that is done"),
            Self::ResourceFailed => ("resource-failed", "event", STACK_EVENT, "that failed, or was cancelled because something else failed"),
            Self::Service => ("service", "service", &["service", "logical_id", "desired", "running", "pending", "deployments"], "a service's tasks and deployments, whenever they differ from what was told last"),
            Self::TasksStopped => ("tasks-stopped", "tasks_stopped", &["service", "reason", "failed", "count", "tasks", "log"], "tasks of a service stopped for this reason, so many by now; `log` is what one that failed last wrote"),
            Self::Alarm => ("alarm", "alarm", &["name", "state", "since", "condition", "reason"], "the state of an alarm that watches a service's deployment, at first and whenever it changes; or of one that is red before a deployment"),
            Self::Stages => ("stages", "stages", &["stages"], "Onebox and Fleet side by side: weights, requests, probes, what is left of the bake"),
            Self::Pending => ("pending", "pending", &["stack", "silent_seconds", "resources"], "nothing has happened for half a minute, and this goes on"),
            Self::AwsSilent => ("aws-silent", "aws_silent", &["error", "limit_seconds"], "AWS gives no answer, and is asked again up to the limit"),
            Self::AwsAnswers => ("aws-answers", "aws_answers", &["seconds"], "AWS answers again, after so long"),
            Self::Change => ("change", "change", &["stack", "logical_id", "resource_type", "effect", "causes", "properties"], "a resource's change in a change set, before it is made; of `diff`, what would change"),
            Self::Drift => ("drift", "drift", &["stack", "logical_id", "resource_type", "drift_status", "properties"], "of `diff --drift`: a resource that someone changed or deleted without its stack"),
            Self::NothingToDo => ("nothing-to-do", "nothing_to_do", &["stack", "part"], "a stack, or the part of it that was to change, is as it should be"),
            Self::StackBusy => ("stack-busy", "stack_busy", &["stack", "words", "follows"], "something goes on in the stack already: it is followed to its end, or its end is waited for"),
            Self::Probes => ("probes", "probes", &["stage", "requests", "failed", "failures"], "what the probes to a stage found; `failures` counts each reason"),
            Self::Step => ("step", "step", &["step", "steps", "stage"], "a step of a deployment starts; `stage` is `Shared`, `Onebox` or `Fleet`"),
            Self::StepPassed => ("step-passed", "step", &["step", "stage"], "a step was judged good, or its evidence was accepted"),
            Self::Waiting => ("waiting", "waiting", &["for"], "a deployment waits, for example until CloudWatch has published metrics"),
            Self::Verdict => ("verdict", "verdict", &["ruling", "comparison", "reasons", "checks", "not_judged"], "the analysis of a step: `ruling` is `good`, `worse`, `thin` or `not_judged`; `checks` are the comparisons behind it, and `not_judged` what wasn't compared, and why"),
            Self::PuttingBack => ("putting-back", "putting_back", &["because"], "a deployment reverts: what ran before is restored"),
            Self::NoTraffic => ("no-traffic", "no_traffic", &["minutes", "probes_per_second"], "nobody has asked for anything lately"),
            Self::Unprotected => ("unprotected", "unprotected", &["words"], "the deployment goes on without a protection, as asked"),
            Self::Account => ("account", "account", &["account", "region", "endpoint", "arn"], "whose account is worked in, where and as whom; `endpoint` where that takes the place of AWS's own"),
            Self::ImageBuilt => ("image-built", "image_built", &["digest", "size_bytes", "binary_bytes", "seconds"], "an image was built"),
            Self::ImagePushed => ("image-pushed", "image_pushed", &["image", "route", "seconds"], "an image is in the registry: pushed through `docker`, `direct`, or there already (`neither`)"),
            Self::UnderWay => ("under-way", "under_way", &["stack", "follow"], "of `--detach`: a change goes on by itself, up to the next stage; the command that follows it and goes on with it"),
            Self::Resuming => ("resuming", "resuming", &["stack", "asked_for", "since", "goes_on"], "of `--resume`: the newest change of a stack, by whom and when it was asked for, and whether it goes on"),
            Self::Tasks => ("tasks", "tasks", &["settled", "services"], "what the services run while it is waited until they run all that they must, and once they do"),
            Self::LeftOver => ("left-over", "left_over", &["stack", "status", "holds"], "what a failed creation or deletion left of a stack, which is deleted before it is created anew"),
            Self::Leaving => ("leaving", "leaving", &["stack", "again_within_seconds"], "someone asked to leave; asked again within so long, CloudFormation stops the update"),
            Self::Status => ("status", "status", &["stages", "alarms", "problems"], "of `status --watch`: what the stages do, whenever it changes"),
            Self::Action => ("action", "action", &["stage", "action", "status", "started", "updated", "build", "reason"], "an action of the pipeline, whenever its status changes"),
            Self::Load => ("load", "load", &["requests", "failed", "stages", "unanswered"], "load, once a second so far (with `endpoint` and `seconds`), or in all"),
            Self::Line => ("line", "line", &["stream", "message"], "a line that a task wrote"),
            Self::Finding => ("finding", "finding", &["name", "verdict", "found", "fix"], "one of the things that `doctor` looks at"),
            Self::Resource => ("resource", "resource", &["logical_id", "resource_type", "why", "defined", "stacks", "depends_on", "needed_by", "properties"], "a resource that `explain` explains"),
            Self::Scenario => ("scenario", "verdict", &["scenario"], "how a scenario of `rehearse` ended"),
            Self::Soaked => ("soaked", "deployment", &["step", "breaches", "attempts", "requests", "explained", "seconds"], "how a deployment of `soak` ended"),
            Self::Reading => ("reading", "reading", &["figure", "of", "unit", "value", "least", "most", "peers", "target", "met"], "a reading of `bench`"),
        };
        Entry { name, kind, meaning, fields }
    }

    /// The code of a stack event, by its status.
    pub(crate) fn of_status(status: &str, of_stack: bool) -> Self {
        if !of_stack {
            return match status {
                _ if status.ends_with("_IN_PROGRESS") => Self::ResourceBegan,
                _ if status.ends_with("_FAILED") => Self::ResourceFailed,
                _ => Self::ResourceDone,
            };
        }
        match status {
            _ if status.contains("CLEANUP") => Self::StackCleaningUp,
            _ if status.ends_with("ROLLBACK_IN_PROGRESS") => Self::StackRollingBack,
            _ if status.ends_with("ROLLBACK_COMPLETE") => Self::StackRolledBack,
            _ if status.ends_with("ROLLBACK_FAILED") => Self::StackRollbackFailed,
            _ if status.ends_with("_FAILED") => Self::StackFailed,
            _ if status.ends_with("_COMPLETE") => Self::StackDone,
            _ => Self::StackBegan,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The rows of the document's table of codes.
    fn rows() -> Vec<String> {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
        let page = std::fs::read_to_string(page).unwrap();
        page.lines()
            .filter(|line| line.starts_with("| `") && line.matches('|').count() == 5)
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn the_document_lists_every_code_with_its_fields_and_no_other() {
        let row = |code: EventCode| {
            let Entry {
                name,
                kind,
                meaning,
                fields,
            } = code.entry();
            let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            format!("| `{name}` | `{kind}` | {meaning} | {} |", fields.join(", "))
        };
        let expected: Vec<String> = EVENT_CODES.map(row).into();
        assert!(
            rows() == expected,
            "the table of docs/json.md is not what the codes say; it has to be:\n{}",
            expected.join("\n")
        );
    }

    #[test]
    fn every_code_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = EVENT_CODES.iter().map(|code| code.entry().name).collect();
        assert_eq!(names.len(), EVENT_CODES.len());
    }

    #[test]
    fn the_codes_of_stack_events() {
        for (status, of_stack, expected) in [
            ("UPDATE_IN_PROGRESS", true, EventCode::StackBegan),
            ("DELETE_COMPLETE", true, EventCode::StackDone),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", true, EventCode::StackCleaningUp),
            (
                "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
                true,
                EventCode::StackCleaningUp,
            ),
            ("ROLLBACK_IN_PROGRESS", true, EventCode::StackRollingBack),
            ("UPDATE_ROLLBACK_COMPLETE", true, EventCode::StackRolledBack),
            ("UPDATE_ROLLBACK_FAILED", true, EventCode::StackRollbackFailed),
            ("DELETE_FAILED", true, EventCode::StackFailed),
            ("UPDATE_IN_PROGRESS", false, EventCode::ResourceBegan),
            ("CREATE_COMPLETE", false, EventCode::ResourceDone),
            ("DELETE_SKIPPED", false, EventCode::ResourceDone),
            ("UPDATE_FAILED", false, EventCode::ResourceFailed),
        ] {
            assert_eq!(EventCode::of_status(status, of_stack), expected, "{status}");
        }
    }
}
