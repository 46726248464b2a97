use super::super::account::tests::{at, failure};
use super::super::plan::{Disturbance, Trigger};
use super::*;

const IMAGE: &str = "registry/service@sha256:aa";

fn step(change: Change, blow: Option<Blow>) -> Step {
    Step {
        number: 7,
        before: State {
            image: 3,
            configuration: 1,
            infrastructure: 0,
        },
        change,
        disturbance: blow.map(|blow| Disturbance {
            blow,
            after: Trigger::Begun,
            pause: 0,
        }),
    }
}

fn attempt(exit: impl Into<Option<i32>>, code: Option<Code>) -> Attempt {
    Attempt {
        exit: exit.into(),
        code: code.map(|code| code.name().to_owned()),
    }
}

/// What must be seen of a step whose image is 3 and whose configuration is 1 in the end.
fn seen(exit: i32) -> Seen {
    let stage = |count| StageSeen {
        parameter: IMAGE.to_owned(),
        images: vec![IMAGE.to_owned(); count],
        processes: vec![
            Process {
                fault: harmless(3),
                configuration: Some("1".to_owned()),
            };
            count
        ],
    };
    Seen {
        attempts: vec![attempt(exit, None)],
        status: "UPDATE_COMPLETE".to_owned(),
        same_template: true,
        stages: COUNTS.map(stage),
        requests: 1000,
        ..Seen::default()
    }
}

/// The breaches of a bad change that was undone, but for what is done to what was seen.
fn breaches(spoil: impl FnOnce(&mut Seen)) -> Vec<String> {
    let mut seen = seen(5);
    spoil(&mut seen);
    judge(&step(Change::Bad(Bad::Errors(20)), None), IMAGE, &seen).0
}

#[test]
fn what_is_as_promised_is_no_breach() {
    assert_eq!(breaches(|_| {}), <[String; 0]>::default());
    let good = step(Change::Infrastructure(1), None);
    assert_eq!(judge(&good, IMAGE, &seen(0)).0, <[String; 0]>::default());
}

/// Each part of what is seen counts: one that is wrong is one breach.
#[test]
fn every_breach_is_named() {
    let all = [
        breaches(|seen| seen.attempts[0].exit = Some(0)),
        breaches(|seen| seen.attempts.push(attempt(5, None))),
        breaches(|seen| seen.status = "UPDATE_ROLLBACK_FAILED".to_owned()),
        breaches(|seen| seen.same_template = false),
        breaches(|seen| seen.stages[0].parameter = "registry/service@sha256:bb".to_owned()),
        breaches(|seen| seen.stages[1].images[4] = "registry/service@sha256:bb".to_owned()),
        breaches(|seen| {
            seen.stages[1].images.pop();
            seen.stages[1].processes.pop();
        }),
        breaches(|seen| drop(seen.stages[0].processes.pop())),
        breaches(|seen| seen.stages[0].processes[0].fault = Some("error=500@20%".to_owned())),
        breaches(|seen| seen.stages[1].processes[0].configuration = None),
        breaches(|seen| seen.strays.push("a process of task t".to_owned())),
        breaches(|seen| seen.failures.push(failure(None, ("fleet", Some(500)), [1, 2]))),
        breaches(|seen| seen.beyond = 3),
        breaches(|seen| seen.requests = 0),
    ];
    assert!(all.iter().all(|breaches| breaches.len() == 1), "{all:?}");
    insta::assert_snapshot!(all.concat().join("\n"), @r#"
    exit status 0, expected 5
    exit status 5, 5, expected 5
    the stack is UPDATE_ROLLBACK_FAILED
    the stack's template is not the one that must be deployed
    CloudFormation says that Onebox runs sha256:bb, expected sha256:aa
    Fleet runs sha256:bb, expected sha256:aa
    Fleet runs 9 tasks, expected 10
    Onebox has 2 processes for its 3 tasks
    a process of Onebox has Process { fault: Some("error=500@20%"), configuration: Some("1") }, expected Process { fault: Some("delay=1ms@0.0003%"), configuration: Some("1") }
    a process of Fleet has Process { fault: Some("delay=1ms@0.0003%"), configuration: None }, expected Process { fault: Some("delay=1ms@0.0003%"), configuration: Some("1") }
    left over: a process of task t
    nothing accounts for 1 × 500 of fleet to a request for either stage
    3 more requests failed than can be accounted for
    no request was sent
    "#);
}

#[test]
fn a_command_is_given_again_only_for_a_reason() {
    let tasks = Blow::Tasks {
        stage: Stage::Onebox,
        count: 1,
        first: 0,
    };
    let fine = |bad: bool, blow, attempts: Vec<Attempt>| {
        let change = if bad {
            Change::Bad(Bad::MissingImage)
        } else {
            Change::Image(4)
        };
        super::attempts(&step(change, blow), &attempts).is_none()
    };
    let killed = || attempt(None, None);
    let unreachable = || attempt(1, Some(Code::AwsUnreachable));
    assert!(fine(false, None, vec![attempt(0, None)]));
    assert!(!fine(false, None, vec![attempt(5, None), attempt(0, None)]));
    assert!(!fine(false, Some(tasks), vec![attempt(5, None)]));
    assert!(fine(false, Some(tasks), vec![attempt(5, None), attempt(0, None)]));
    assert!(!fine(false, Some(tasks), vec![unreachable(), attempt(0, None)]));
    assert!(fine(false, Some(Blow::Cloud), vec![unreachable(), attempt(0, None)]));
    assert!(!fine(
        false,
        Some(Blow::Cloud),
        vec![attempt(1, None), attempt(0, None)]
    ));
    assert!(fine(false, Some(Blow::Xtask), vec![killed(), attempt(0, None)]));
    assert!(!fine(
        false,
        Some(Blow::Xtask),
        vec![attempt(5, None), attempt(0, None)]
    ));
    assert!(!fine(false, None, vec![killed(), attempt(0, None)]));

    assert!(fine(true, None, vec![attempt(5, None)]));
    assert!(!fine(true, None, vec![attempt(0, None)]));
    let red = || attempt(4, Some(Code::RedAlarm));
    assert!(!fine(false, None, vec![red(), attempt(0, None)]));
    assert!(fine(false, Some(tasks), vec![red(), attempt(0, None)]));
    assert!(fine(true, Some(Blow::Xtask), vec![killed(), red(), attempt(5, None)]));
    assert!(fine(true, Some(tasks), vec![attempt(7, None), attempt(5, None)]));
    assert!(!fine(true, Some(tasks), vec![attempt(5, None), attempt(0, None)]));
}

#[test]
fn a_failure_in_a_window_is_no_breach() {
    let mut seen = seen(5);
    seen.failures
        .push(failure(Some("onebox"), ("onebox", Some(500)), [11, 12]));
    seen.windows.push(Window {
        cause: own_cause(Change::Bad(Bad::Errors(20))).unwrap(),
        from: at(10),
        until: at(20),
    });
    let (breaches, account) = judge(&step(Change::Bad(Bad::Errors(20)), None), IMAGE, &seen);
    assert_eq!((breaches.len(), account.explained), (0, 1));
}
