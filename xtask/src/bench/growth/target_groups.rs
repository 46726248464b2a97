//! A load balancer of many target groups.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use balancer::{
    Action, Attributes, Balancer, Condition, HealthCheck, ListenerPlan, Plan, Rule, TargetGroupPlan, TargetState,
};
use optional_programs::Program;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::bench::figure::Figure;
use crate::bench::load::Loaded;
use crate::bench::process::Process;
use crate::bench::reading::{Reading, Unit};
use crate::bench::service::readings;
use crate::bench::site::Site;
use crate::bench::start::{free_address, server};
use crate::bench::statistics::Series;

/// Few and many; a load balancer takes 100 rules:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const FEW: u16 = 2;
const MANY: u16 = 50;

/// How many tasks are in each group.
const TARGETS: usize = 2;

/// How many turns each has.
const TURNS: usize = 5;

/// How long the targets may take to become healthy.
const LIMIT: Duration = Duration::from_secs(30);

/// 2 and 50 target groups.
pub(in crate::bench) const FIGURE: Figure = Figure {
    name: "growth-target-groups",
    measures: "a load balancer with 50 target groups against one with 2",
    means: "Two load balancers of the local cloud's own code, alone in a process, in front of the same two tasks of the service. Every \
            target group but the first has a rule with a path pattern, and the request matches none of them: it is held against all the \
            rules and goes to the first group. Applying is the time until a whole new plan is in force.",
    needs: &[Program::Wrk],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let service = site.service_image()?.executable;
    let mut tasks = Vec::new();
    for _ in 0..TARGETS {
        let address = free_address()?;
        let mut task = Process::start(&mut server(&service, address))?;
        task.wait_until_it_answers(address)?;
        tasks.push((address, task));
    }
    let targets: Vec<SocketAddr> = tasks.iter().map(|(address, _)| *address).collect();
    let (few, many) = (Balanced::start(FEW, &targets)?, Balanced::start(MANY, &targets)?);
    let (mut few_loaded, mut many_loaded) = (Loaded::default(), Loaded::default());
    for _ in 0..TURNS {
        site.go_on()?;
        few_loaded.turn(few.address, std::process::id())?;
        many_loaded.turn(many.address, std::process::id())?;
    }
    let name = format!("{FEW} groups");
    let mut all = readings(&many_loaded, &[(&name, &few_loaded)])?;
    for reading in &mut all {
        reading.target = None;
        reading.what = format!("{MANY} target groups, {}", reading.what);
    }
    let applying = Reading::of(
        format!("{MANY} target groups, applying"),
        Unit::Milliseconds,
        &many.applied,
    )?;
    all.push(applying.beside(&name, &many.applied, &few.applied));
    Ok(all)
}

/// A load balancer that serves.
struct Balanced {
    address: SocketAddr,
    /// How long it took to apply a plan, in milliseconds.
    applied: Series,
    // Both go with the value.
    balancer: Balancer,
    _events: mpsc::UnboundedReceiver<balancer::Event>,
}

impl Balanced {
    /// Starts one, and waits until its targets are healthy.
    fn start(groups: u16, targets: &[SocketAddr]) -> anyhow::Result<Self> {
        let runtime = Handle::current();
        let _inside = runtime.enter();
        let (sender, events) = mpsc::unbounded_channel();
        let balancer = Balancer::new(sender);
        let address = balancer.listen("listener".into(), free_address()?)?;
        let mut applied = Series::default();
        for turn in 0..TURNS {
            // Each differs from the one before in every group.
            let plan = plan(groups, targets, Duration::from_secs(100 + turn as u64));
            let begun = Instant::now();
            balancer.apply(plan);
            applied.push(begun.elapsed().as_secs_f64() * 1000.0);
        }
        let serving = Self {
            address,
            applied,
            balancer,
            _events: events,
        };
        serving.wait_until_healthy()?;
        Ok(serving)
    }

    fn wait_until_healthy(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        let healthy = |target: &balancer::TargetHealth| target.health.state == TargetState::Healthy;
        while !self.balancer.target_health().iter().all(healthy) {
            ensure!(Instant::now() < deadline, "targets aren't healthy after {LIMIT:?}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Balanced {
    fn drop(&mut self) {
        Handle::current().block_on(self.balancer.shutdown());
    }
}

fn plan(groups: u16, targets: &[SocketAddr], deregistration_delay: Duration) -> Plan {
    let group = TargetGroupPlan {
        health_check: HealthCheck {
            interval: Duration::from_secs(5),
            healthy_threshold: 2,
            ..HealthCheck::default()
        },
        deregistration_delay,
        targets: targets
            .iter()
            .map(|target| (target.to_string().into(), *target))
            .collect(),
        ..TargetGroupPlan::default()
    };
    let name = |number: u16| balancer::TargetGroupId::from(format!("group-{number}"));
    let rule = |number: u16| Rule {
        priority: number.into(),
        conditions: vec![Condition::PathPattern(vec![format!("/group/{number}/*")])],
        action: Action::Forward(vec![(name(number), 1)]),
    };
    let listener = ListenerPlan {
        attributes: Attributes::default(),
        rules: (1..groups).map(rule).collect(),
        default_action: Action::Forward(vec![(name(0), 1)]),
    };
    Plan {
        listeners: [("listener".into(), listener)].into(),
        target_groups: (0..groups).map(|number| (name(number), group.clone())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_but_the_first_has_a_rule() {
        let plan = plan(MANY, &[([127, 0, 0, 1], 1).into()], Duration::from_secs(1));
        assert_eq!(plan.target_groups.len(), 50);
        assert_eq!(
            plan.listeners
                .values()
                .map(|listener| listener.rules.len())
                .sum::<usize>(),
            49
        );
    }
}
