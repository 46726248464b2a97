//! A stack's life, moment by moment, in all three renderings: it is created, a good image comes to Onebox and to Fleet, and a
//! bad one to Onebox, which is rolled back.
//!
//! `recorded.json` has what the local cloud answered at each moment, at `--speed 60`: CloudFormation's events (of the creation
//! those of the cluster, the load balancer, the stages' task definitions and services), and ECS's descriptions of the service
//! that changes, as often as they differ. A second there is a tenth of one on the clock.

use serde::Deserialize;
use serde_json::Value;

use super::at;
use super::outcomes::{done, failed};
use super::play::Play;
use crate::aws::ecs;
use crate::stack::events::Event;
use crate::stack::explain::Evidence;

/// An operation on the stack, and what was answered while it went on.
#[derive(Debug, Deserialize)]
struct Operation {
    #[serde(rename = "operation")]
    name: String,
    events: Vec<Told>,
    looks: Vec<Look>,
}

/// An event of CloudFormation's.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    second: u64,
    logical_id: String,
    physical_id: String,
    resource_type: String,
    status: String,
    reason: String,
}

/// What ECS and CloudWatch said at a moment.
#[derive(Debug, Deserialize)]
struct Look {
    second: u64,
    service: Value,
    /// The alarms that were red.
    red: Vec<String>,
}

impl Told {
    fn event(&self, number: usize) -> Event {
        Event {
            id: number.to_string(),
            time: at(self.second),
            token: Some("ours".to_owned()),
            logical_id: self.logical_id.clone(),
            physical_id: self.physical_id.clone(),
            resource_type: self.resource_type.clone(),
            status: self.status.clone(),
            reason: (!self.reason.is_empty()).then(|| self.reason.clone()),
        }
    }
}

impl Operation {
    /// The moments at which something is new.
    fn moments(&self) -> Vec<u64> {
        let events = self.events.iter().map(|event| event.second);
        let mut moments: Vec<u64> = events.chain(self.looks.iter().map(|look| look.second)).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }

    fn play(&self) -> String {
        let name = if self.name == "fleet" { "Fleet" } else { "Onebox" };
        let mut play = Play::new();
        let mut events = self.events.iter().enumerate().peekable();
        let moments = self.moments();
        let (last, before) = moments.split_last().unwrap();
        for second in before {
            play.at(*second);
            while let Some((number, told)) = events.next_if(|(_, told)| told.second <= *second) {
                play.recorded(told.event(number));
            }
            for look in self.looks.iter().filter(|look| look.second == *second) {
                let state = if look.red.is_empty() { "OK" } else { "ALARM" };
                play.described(name, ecs::service(&look.service)).alarm(name, state);
            }
            play.look();
        }
        play.at(*last);
        for (number, told) in events {
            play.recorded(told.event(number));
        }
        let fails = self.events.iter().any(|told| told.status.ends_with("_FAILED"));
        let outcome = if fails {
            failed(&play, Evidence::default())
        } else {
            Ok(done(true))
        };
        play.settle();
        play.end(&outcome)
    }
}

#[test]
fn a_stack_is_created_updated_and_rolled_back() {
    let recorded: Vec<Operation> = serde_json::from_str(include_str!("recorded.json")).unwrap();
    let names: Vec<&str> = recorded.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names, ["creation", "onebox", "fleet", "bad-onebox"]);
    for operation in &recorded {
        insta::assert_snapshot!(format!("sequence_{}", operation.name), operation.play());
    }
}
