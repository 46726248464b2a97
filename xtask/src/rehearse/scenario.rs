//! What a scenario is made of: data alone.

use local_cloud::Bake;

/// A change, and what must come of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// The name that runs it alone.
    pub(crate) name: &'static str,
    /// The change, in a few words.
    pub(crate) change: &'static str,
    /// What must come of it, in a few words.
    pub(crate) promise: &'static str,
    /// How many times faster than AWS the local cloud's waits pass. Requests and the service's faults pass in real time:
    /// where a fault is a duration, the speed is such that minutes are long against it.
    pub(crate) speed: f64,
    /// How many of AWS's minutes late metrics are published. `None` for the local cloud's default.
    pub(crate) metric_lag: Option<f64>,
    /// Whether ECS honours the bake time. `None` for the local cloud's default.
    pub(crate) bake: Option<Bake>,
    /// The requests, from before the change until after it.
    pub(crate) load: Load,
    /// The command that creates the sandbox.
    pub(crate) first: &'static [&'static str],
    /// How the template that is deployed differs from the project's.
    pub(crate) edits: &'static [Edit<'static>],
    /// What is done before anything is looked at, once the sandbox is deployed.
    pub(crate) before: &'static [Step],
    /// What is done while all is looked at.
    pub(crate) steps: &'static [Step],
    /// What must come of it.
    pub(crate) expected: Expectation,
}

/// The requests to the sandbox.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// None at all.
    Quiet,
    /// So many a second.
    Rate(f64),
    /// So many at once, each as soon as one is answered.
    Full(usize),
}

impl Load {
    /// Requests a second, where that is what was chosen.
    pub(crate) fn rate(self) -> Option<f64> {
        match self {
            Self::Rate(rate) => Some(rate),
            Self::Quiet | Self::Full(_) => None,
        }
    }
}

/// A value in the service stack's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edit<'a> {
    /// Where: a JSON pointer, whose last part may be `-` for a new item of a list.
    pub(crate) pointer: &'a str,
    /// What to put there: JSON.
    pub(crate) value: &'a str,
}

/// Something that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command of this command line, to its end, and whatever exit status.
    ///
    /// Of its words `{good}` is an image as good as the one that runs, `{missing}` one that isn't in the repository,
    /// `{templates}` the folder of the edited templates, `{first}` the image that the sandbox was created with, `{adopted}` the folder of a template from before releases.
    Run(&'static [&'static str]),
    /// The same in an empty folder, as on another machine.
    Elsewhere(&'static [&'static str]),
    /// A command to which something is done at a moment of it.
    During(&'static [&'static str], Moment, Act<'static>),
    /// An alarm is set to ALARM: `Onebox-ServerErrors`.
    Redden(&'static str),
    /// The edited templates are written again, with these edits instead.
    Edit(&'static [Edit<'static>]),
    /// Waits for so many of AWS's minutes.
    Minutes(u32),
    /// Waits until an alarm is in ALARM by itself.
    AwaitRed(&'static str),
    /// Every image that the sandbox was created with is deleted from the repository.
    DeleteFirstImage,
    /// Every task of Fleet is killed.
    KillFleet,
    /// No alarm is in ALARM any more.
    Calm,
    /// CloudFormation is asked to roll back once more what it couldn't before, and waited for.
    ContinueRollback,
}

/// A moment of a command, by what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Onebox's service is being changed.
    OneboxChanges,
    /// It waits for Onebox's gate, or for another one.
    Waits,
    /// Onebox was judged good, and Fleet is next.
    OneboxPassed,
    /// Fleet's service is being changed.
    FleetChanges,
}

impl Moment {
    /// Whether a record shows it.
    pub(crate) fn shows(self, line: &str) -> bool {
        let record: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let changes = |logical_id: &str| {
            record["type"] == "event" && record["logical_id"] == logical_id && record["status"] == "UPDATE_IN_PROGRESS"
        };
        match self {
            Self::OneboxChanges => changes("OneboxService"),
            Self::FleetChanges => changes("FleetService"),
            Self::Waits => record["type"] == "waiting",
            Self::OneboxPassed => record["code"] == "step-passed" && record["stage"] == "Onebox",
        }
    }
}

/// What is done to a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act<'a> {
    /// Ctrl-C.
    Interrupt,
    /// kill -9.
    Kill,
    /// The local cloud is killed and started again.
    KillCloud,
    /// Neither AWS nor the load balancer answers for so many seconds, as if the deploying machine had lost its network.
    Freeze(u64),
    /// Another command is run to its end.
    Run(&'a [&'a str]),
}

/// What must come of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// The exit status of each command of the steps, or [`KILLED`].
    pub(crate) exits: &'static [i32],
    /// The service stack's status at the end, one of these.
    pub(crate) stack: &'static [&'static str],
    /// Onebox at the end.
    pub(crate) onebox: Stage,
    /// Fleet at the end.
    pub(crate) fleet: Stage,
    /// The alarms that fired.
    pub(crate) alarms: Alarms,
    /// The requests that came to harm: failed, or were slow enough to alarm.
    pub(crate) harm: Harm,
    /// Words that the commands say.
    pub(crate) says: &'static [&'static str],
    /// The requests at the very end.
    pub(crate) afterwards: Afterwards,
    /// Within how many seconds the last command that changes Fleet does so. `None` if that doesn't matter.
    pub(crate) fleet_within: Option<u64>,
}

/// The exit status of a command that a signal ended.
pub(crate) const KILLED: i32 = -1;

/// Requests at the very end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    /// Each succeeds.
    Served,
    /// Some fail: what was done can't be undone, so nothing settles either.
    Outage,
}

/// A stage at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    /// The image that all its tasks run, which is also what CloudFormation says.
    pub(crate) image: Image,
    /// Whether its tasks are the ones from before.
    pub(crate) tasks: Tasks,
    /// How many tasks run.
    pub(crate) count: usize,
    /// The fewest healthy tasks that it may have had at any time; none where a fault takes healthy tasks away.
    pub(crate) floor: Option<u64>,
}

/// Which image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Image {
    /// The one from before.
    Old,
    /// `{good}`.
    New,
    /// The one that the sandbox was created with.
    First,
}

/// Whether tasks are the ones from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tasks {
    /// All of them.
    Same,
    /// None of them.
    Replaced,
}

/// The alarms that fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alarms {
    /// None.
    Quiet,
    /// This one, perhaps with others of its stage: `Onebox-ServerErrors`.
    Fired(&'static str),
    /// None, or those alone that begin with this: what rolls back isn't an alarm, which may turn red all the same.
    Perhaps(&'static str),
}

/// The requests that came to harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    /// There were no requests.
    NoRequests,
    /// None, of a number of requests that is worth the name.
    None,
    /// Some, and all of them Onebox's: not one of Fleet's, and no more than its share.
    Onebox,
    /// As [`Harm::Onebox`], and all of them were answered by it.
    OneboxAnswered,
    /// Some, of Fleet as well: what was put where every request goes.
    Fleet,
    /// Some without an answer, and none with a bad one: the load balancer itself was away.
    Outage,
    /// At most Onebox's share, and none of Fleet's: what is found soon may have harmed nobody.
    OneboxPerhaps,
}

/// What stays as it was: thirteen tasks, untouched.
const UNTOUCHED: Stage = Stage {
    image: Image::Old,
    tasks: Tasks::Same,
    count: 0,
    floor: None,
};

/// Onebox as it was.
pub(super) const ONEBOX_UNTOUCHED: Stage = Stage {
    count: 3,
    floor: Some(3),
    ..UNTOUCHED
};

/// Fleet as it was.
pub(super) const FLEET_UNTOUCHED: Stage = Stage {
    count: 10,
    floor: Some(10),
    ..UNTOUCHED
};

/// Onebox with the new image.
pub(super) const ONEBOX_NEW: Stage = Stage {
    image: Image::New,
    tasks: Tasks::Replaced,
    ..ONEBOX_UNTOUCHED
};

/// Fleet with the new image.
pub(super) const FLEET_NEW: Stage = Stage {
    image: Image::New,
    tasks: Tasks::Replaced,
    ..FLEET_UNTOUCHED
};

/// Onebox back on the old image, in tasks of its own: those from before had gone when the alarm fired.
pub(super) const ONEBOX_BACK: Stage = Stage {
    tasks: Tasks::Replaced,
    ..ONEBOX_UNTOUCHED
};

/// Fleet back on the old image, in tasks of its own.
pub(super) const FLEET_BACK: Stage = Stage {
    tasks: Tasks::Replaced,
    ..FLEET_UNTOUCHED
};

/// Nothing was done, and nothing came of it.
pub(super) const NOTHING: Expectation = Expectation {
    exits: &[0],
    stack: &["CREATE_COMPLETE"],
    onebox: ONEBOX_UNTOUCHED,
    fleet: FLEET_UNTOUCHED,
    alarms: Alarms::Quiet,
    harm: Harm::None,
    says: &[],
    afterwards: Afterwards::Served,
    fleet_within: None,
};

/// The new image everywhere, without harm.
pub(super) const SHIPPED: Expectation = Expectation {
    stack: &["UPDATE_COMPLETE"],
    onebox: ONEBOX_NEW,
    fleet: FLEET_NEW,
    ..NOTHING
};

/// Rolled back on Onebox, whose share alone came to harm; Fleet never saw it.
pub(super) const STOPPED_AT_ONEBOX: Expectation = Expectation {
    exits: &[5],
    stack: &["UPDATE_ROLLBACK_COMPLETE"],
    onebox: ONEBOX_BACK,
    harm: Harm::Onebox,
    ..NOTHING
};

/// Found bad on Onebox by whatever showed it first: cancelled while the update ran, or restored by another update.
pub(super) const FOUND_ON_ONEBOX: Expectation = Expectation {
    stack: &["UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE"],
    alarms: Alarms::Perhaps("Onebox-"),
    harm: Harm::OneboxPerhaps,
    ..STOPPED_AT_ONEBOX
};

/// The rest of a scenario, where it is as usual: requests enough for a hundred a minute on Onebox at speed 30.
pub(super) const USUAL: Scenario = Scenario {
    name: "",
    change: "",
    promise: "",
    speed: 30.0,
    metric_lag: None,
    bake: None,
    load: Load::Rate(1000.0),
    first: &["deploy", "sandbox"],
    edits: &[],
    before: &[],
    steps: &[],
    expected: NOTHING,
};

/// The same with fewer requests: what is found by probes needs no more, and a busy machine can answer them.
pub(super) const QUICK: Scenario = Scenario {
    load: Load::Rate(300.0),
    ..USUAL
};
