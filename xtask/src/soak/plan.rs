//! The plan of a soak: what is deployed, and what happens meanwhile. All of it follows from a seed, and nothing else.

use std::fmt;

use fastrand::Rng;
use serde::Serialize;
use stacks::Stage;

/// One of so many deployments is bad.
pub(crate) const ONE_BAD_IN: u32 = 3;

/// So many good images take turns, so that a long soak doesn't fill the disk.
pub(crate) const GOOD_IMAGES: u32 = 40;

/// The seed whose first deployments CI plays: seven of the eight bad changes are among them, and every good one and every
/// disturbance.
pub(crate) const CI_SEED: u64 = 1848;

/// How many deployments CI plays.
pub(crate) const CI_COUNT: u32 = 8;

/// The longest between what a disturbance waits for and itself, in milliseconds: at speed 60 most of a stage's change.
const LONGEST_PAUSE: u32 = 4000;

/// The same where a deployment has ended after less than a second.
const LONGEST_SHORT_PAUSE: u32 = 400;

/// The most tasks of a stage that are killed at once: fewer than the failures that trip ECS's circuit breaker, which
/// are 3 on Onebox and 5 on Fleet.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
const MOST_KILLED: [u32; 2] = [2, 4];

/// A deployment, and what happens meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Step {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// What is deployed before it.
    pub(crate) before: State,
    /// What it changes.
    pub(crate) change: Change,
    /// What happens meanwhile.
    pub(crate) disturbance: Option<Disturbance>,
}

/// What is deployed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct State {
    /// The image, by a number up to [`GOOD_IMAGES`]; 0 is the image without any fault.
    pub(crate) image: u32,
    /// The value of an environment variable of every task; 0 is none.
    pub(crate) configuration: u32,
    /// How much longer a target of Fleet drains than the template says, in seconds.
    pub(crate) infrastructure: u32,
}

/// What a deployment changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// Another image.
    Image(u32),
    /// Another environment variable, and the image that is there.
    Configuration(u32),
    /// A target group's attribute: no task is replaced.
    Infrastructure(u32),
    /// Something that has to be undone.
    Bad(Bad),
}

/// What has to be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bad {
    /// An image that doesn't exist.
    MissingImage,
    /// The service ends before it listens.
    ExitAtStart,
    /// The service ends when it reads its environment.
    Configuration,
    /// Health checks fail once a task is so many milliseconds old.
    Unhealthy(u32),
    /// So many percent of the requests are answered 500.
    Errors(u32),
    /// So many percent of the requests end their task.
    Crash(u32),
    /// Every request takes so many milliseconds more.
    Slow(u32),
    /// As [`Bad::Errors`], and on Fleet alone: Onebox shows nothing.
    FleetErrors(u32),
}

/// Something that happens during a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Disturbance {
    /// What is killed.
    pub(crate) blow: Blow,
    /// What is waited for.
    pub(crate) after: Trigger,
    /// How long after that, in milliseconds.
    pub(crate) pause: u32,
}

/// What is killed, always with SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Blow {
    /// So many tasks of a stage.
    Tasks {
        /// The stage.
        #[serde(serialize_with = "by_name")]
        stage: Stage,
        /// How many.
        count: u32,
        /// Which: the first of them, counted among the stage's tasks as they are then, and round again.
        first: u32,
    },
    /// The local cloud, which is then started again.
    Cloud,
    /// The command that deploys, which is then given again.
    Xtask,
}

/// What a disturbance waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Trigger {
    /// The deployment has begun.
    Begun,
    /// Onebox's service is being changed.
    OneboxChanges,
    /// Fleet's service is being changed.
    FleetChanges,
}

/// The first deployments of a seed's, which has no last one.
pub(crate) fn plan(seed: u64, count: u32) -> Vec<Step> {
    let mut rng = Rng::with_seed(seed);
    let mut steps = Vec::new();
    let (mut before, mut bad) = (State::default(), 0);
    for number in 1..=count {
        // One of every three, and any of them.
        if number % ONE_BAD_IN == 1 {
            bad = number + rng.u32(0..ONE_BAD_IN);
        }
        let change = if number == bad {
            Change::Bad(Bad::random(&mut rng))
        } else {
            Change::good(&mut rng, before)
        };
        let step = Step {
            number,
            before,
            change,
            disturbance: Disturbance::random(&mut rng, change),
        };
        before = step.goal();
        steps.push(step);
    }
    steps
}

impl Step {
    /// What must be deployed after it.
    pub(crate) fn goal(&self) -> State {
        let mut goal = self.before;
        match self.change {
            Change::Image(image) => goal.image = image,
            Change::Configuration(configuration) => goal.configuration = configuration,
            Change::Infrastructure(infrastructure) => goal.infrastructure = infrastructure,
            Change::Bad(_) => {}
        }
        goal
    }

    /// Whether it has to be undone.
    pub(crate) fn is_bad(&self) -> bool {
        matches!(self.change, Change::Bad(_))
    }
}

impl Change {
    fn good(rng: &mut Rng, before: State) -> Self {
        match rng.u32(0..6) {
            0 => Self::Configuration(before.configuration + 1),
            // Two values take turns with the template's own.
            1 => Self::Infrastructure((before.infrastructure + 1) % 3),
            _ => Self::Image(before.image % GOOD_IMAGES + 1),
        }
    }

    /// How long a disturbance may come after what it waits for, in milliseconds.
    fn longest_pause(self) -> u32 {
        match self {
            Self::Infrastructure(_) | Self::Bad(Bad::MissingImage | Bad::ExitAtStart | Bad::Configuration) => {
                LONGEST_SHORT_PAUSE
            }
            Self::Image(_) | Self::Configuration(_) | Self::Bad(_) => LONGEST_PAUSE,
        }
    }

    /// What it lets a disturbance wait for.
    fn triggers(self) -> &'static [Trigger] {
        match self {
            Self::Infrastructure(_) => &[Trigger::Begun],
            Self::Image(_) | Self::Configuration(_) | Self::Bad(Bad::FleetErrors(_)) => {
                &[Trigger::Begun, Trigger::OneboxChanges, Trigger::FleetChanges]
            }
            Self::Bad(_) => &[Trigger::Begun, Trigger::OneboxChanges],
        }
    }
}

impl Bad {
    /// Each so bad that it shows within the bake time at speed 60, whatever the chance of single requests.
    fn random(rng: &mut Rng) -> Self {
        match rng.u32(0..8) {
            0 => Self::MissingImage,
            1 => Self::ExitAtStart,
            2 => Self::Configuration,
            // Two checks that succeed, 15 s apart, make a target healthy: these never are.
            3 => Self::Unhealthy(rng.u32(50..=200)),
            4 => Self::Errors(rng.u32(20..=60)),
            5 => Self::Crash(rng.u32(5..=20)),
            6 => Self::Slow(rng.u32(400..=900)),
            _ => Self::FleetErrors(rng.u32(20..=60)),
        }
    }
}

impl Disturbance {
    /// Half of the deployments are left alone.
    fn random(rng: &mut Rng, change: Change) -> Option<Self> {
        let disturbed = rng.bool();
        let blow = match rng.u32(0..7) {
            0..3 => {
                let stage = [Stage::Onebox, Stage::Fleet][rng.usize(0..2)];
                Blow::Tasks {
                    stage,
                    count: rng.u32(1..=MOST_KILLED[usize::from(stage == Stage::Fleet)]),
                    first: rng.u32(0..20),
                }
            }
            3..5 => Blow::Cloud,
            _ => Blow::Xtask,
        };
        let triggers = change.triggers();
        let disturbance = Self {
            blow,
            after: triggers[rng.usize(0..triggers.len())],
            pause: rng.u32(0..=change.longest_pause()),
        };
        disturbed.then_some(disturbance)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn by_name<S: serde::Serializer>(stage: &Stage, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(stage.value())
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(image) => write!(formatter, "image {image}"),
            Self::Configuration(value) => write!(formatter, "configuration {value}"),
            Self::Infrastructure(value) => write!(formatter, "infrastructure {value}"),
            Self::Bad(bad) => write!(formatter, "bad: {bad}"),
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingImage => formatter.write_str("missing image"),
            Self::ExitAtStart => formatter.write_str("exit at start"),
            Self::Configuration => formatter.write_str("configuration"),
            Self::Unhealthy(age) => write!(formatter, "unhealthy after {age} ms"),
            Self::Errors(percent) => write!(formatter, "{percent} % errors"),
            Self::Crash(percent) => write!(formatter, "{percent} % crash"),
            Self::Slow(delay) => write!(formatter, "{delay} ms slower"),
            Self::FleetErrors(percent) => write!(formatter, "{percent} % errors on Fleet"),
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.blow {
            Blow::Tasks { stage, count, .. } => write!(formatter, "{count} of {} killed", stage.name())?,
            Blow::Cloud => formatter.write_str("local cloud killed")?,
            Blow::Xtask => formatter.write_str("xtask killed")?,
        }
        let after = match self.after {
            Trigger::Begun => "begun",
            Trigger::OneboxChanges => "Onebox changes",
            Trigger::FleetChanges => "Fleet changes",
        };
        write!(formatter, ", {after} + {} ms", self.pause)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(steps: &[Step]) -> String {
        let line = |step: &Step| match &step.disturbance {
            Some(disturbance) => format!("{}: {}; {disturbance}", step.number, step.change),
            None => format!("{}: {}", step.number, step.change),
        };
        steps.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Another plan of the same seed would make what was reported of it unrepeatable.
    #[test]
    fn the_plan_that_ci_plays() {
        insta::assert_snapshot!(lines(&plan(CI_SEED, CI_COUNT)));
    }

    #[test]
    fn a_long_plan_holds_every_change_and_every_disturbance() {
        let all = lines(&plan(1, 200));
        for words in [
            "image 40",
            "configuration 2",
            "infrastructure 0",
            "missing image",
            "exit at start",
            "bad: configuration",
            "unhealthy",
            "% errors\n",
            "% crash",
            "slower",
            "errors on Fleet",
            "of Onebox killed",
            "of Fleet killed",
            "local cloud killed",
            "xtask killed",
        ] {
            assert!(all.contains(words), "{words} in\n{all}");
        }
    }

    proptest! {
        #[test]
        fn a_longer_plan_begins_as_a_shorter_one(seed: u64, count in 0_u32..60, more in 0_u32..60) {
            let (short, long) = (plan(seed, count), plan(seed, count + more));
            prop_assert_eq!(&long[..short.len()], &short[..]);
        }

        #[test]
        fn one_in_three_is_bad(seed: u64, count in 0_u32..100) {
            let bad = plan(seed, count * ONE_BAD_IN).chunks(3).map(|three| three.iter().filter(|step| step.is_bad()).count()).collect::<Vec<_>>();
            prop_assert!(bad.iter().all(|bad| *bad == 1), "{:?}", bad);
        }

        #[test]
        fn good_ones_change_something_and_bad_ones_nothing(seed: u64) {
            let steps = plan(seed, 60);
            for (step, next) in steps.iter().zip(&steps[1..]) {
                prop_assert_eq!(step.goal() == step.before, step.is_bad());
                prop_assert_eq!(step.goal(), next.before);
                prop_assert!(step.goal().image <= GOOD_IMAGES);
            }
        }

        #[test]
        fn a_disturbance_waits_for_what_comes(seed: u64) {
            for step in plan(seed, 60) {
                let Some(disturbance) = step.disturbance else { continue };
                prop_assert!(step.change.triggers().contains(&disturbance.after));
                if let Blow::Tasks { stage, count, .. } = disturbance.blow {
                    let most = if stage == Stage::Onebox { 2 } else { 4 };
                    prop_assert!((1..=most).contains(&count));
                }
            }
        }
    }
}
