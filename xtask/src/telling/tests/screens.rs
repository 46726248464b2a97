//! The live block on screens of every size.

use proptest::prelude::*;
use stacks::Stage;

use super::{alarm, at, event, group};
use crate::progress::Size;
use crate::progress::screen::cut;
use crate::services::{Deployment, Service};
use crate::stack::events::Event;
use crate::telling::block;
use crate::telling::view::{Bake, ServiceView, Side, View};

/// The middle of a large deployment: much is done, two resources go on, tasks fail.
fn busy() -> View {
    let mut events: Vec<Event> = vec![event(0, "Example", "UPDATE_IN_PROGRESS", "")];
    for number in 0..12 {
        events.push(event(1, &format!("Resource{number}"), "CREATE_IN_PROGRESS", ""));
        events.push(event(2, &format!("Resource{number}"), "CREATE_COMPLETE", ""));
    }
    events.push(event(2, "Role", "UPDATE_IN_PROGRESS", ""));
    events.push(event(3, "OneboxService", "UPDATE_IN_PROGRESS", ""));
    let deployment = |status: &str, revision: u8, state: &str| Deployment {
        id: revision.to_string(),
        status: status.to_owned(),
        rollout_state: Some(state.to_owned()),
        reason: None,
        task_definition: format!("arn:aws:ecs:us-east-1:000000000000:task-definition/Onebox:{revision}"),
        desired: 3,
        running: 1,
        pending: 2,
        failed: 1,
    };
    let service = Service {
        name: "Onebox".to_owned(),
        desired: 3,
        running: 4,
        pending: 2,
        deployments: vec![
            deployment("PRIMARY", 7, "IN_PROGRESS"),
            deployment("ACTIVE", 6, "COMPLETED"),
        ],
        events: Vec::new(),
    };
    let side = |stage, weight, bake| Side {
        stage,
        changes: stage == Stage::Onebox,
        weight: Some(weight),
        requests: Some(120),
        probes: Some((40, 1)),
        bake,
    };
    View {
        services: vec![ServiceView {
            logical_id: "OneboxService".to_owned(),
            service,
            stopped: vec![
                group(
                    "Essential container in task exited",
                    true,
                    2,
                    &["service: cannot bind", "service: giving up"],
                ),
                group("Scaling activity initiated by (deployment d7)", false, 2, &[]),
            ],
            alarms: vec![alarm("Onebox-ServerErrors", "ALARM")],
        }],
        sides: vec![
            side(Stage::Onebox, 1.0, Bake::Until(at(100))),
            side(Stage::Fleet, 99.0, Bake::No),
        ],
        ..View::of_events("Example", &events)
    }
}

fn screen(rows: usize, columns: usize) -> String {
    let block = block::render(&busy(), at(60), Size { rows, columns });
    let lines: Vec<String> = block.into_iter().map(|line| cut(&line.text, columns)).collect();
    lines.join("\n")
}

#[test]
fn what_does_not_fit_is_folded() {
    insta::assert_snapshot!("large", screen(40, 80));
    insta::assert_snapshot!("usual", screen(24, 80));
    insta::assert_snapshot!("small", screen(12, 80));
}

#[test]
fn a_narrow_screen_loses_columns_and_not_words() {
    let widths: Vec<String> = [100, 60, 40]
        .iter()
        .map(|columns| format!("[{columns} columns]\n{}", screen(24, *columns)))
        .collect();
    insta::assert_snapshot!("narrow", widths.join("\n"));
}

proptest! {
    /// Whatever the size, what matters most comes first: the stack, in the first line.
    #[test]
    fn a_screen_that_holds_the_most_folded_block_holds_the_block(rows in 12..60_usize, columns in 40..120_usize) {
        let block = block::render(&busy(), at(60), Size { rows, columns });
        prop_assert!(block.len() < rows, "{block:?}");
        let lines: Vec<String> = block.iter().map(|line| cut(&line.text, columns)).collect();
        for needed in ["updating, ", "OneboxService, 57.0 s", "IN_PROGRESS", "1 failed", "40.0 s left"] {
            prop_assert!(lines.iter().any(|line| line.contains(needed)), "{needed}: {lines:?}");
        }
    }
}
