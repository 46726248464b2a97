use std::collections::BTreeSet;
use std::path::Path;

use clap::Parser as _;
use serde_json::{Value, json};

use super::estimate::{Estimate, estimate};
use super::page::{USUAL, markdown};
use super::prices::US_EAST_1;
use super::rules::RULES;
use super::scene::Usage;
use super::{TARGETS, of_target};
use crate::code::Code;
use crate::exit::Coded as _;
use crate::flags::{Command, Target, Xtask};

fn of(resources: &Value, usage: &Usage) -> anyhow::Result<Estimate> {
    estimate(&[&json!({"Resources": resources}).to_string()], usage, &US_EAST_1)
}

fn near(actual: f64, expected: f64) {
    assert!((actual - expected).abs() < 0.01, "{actual} and not {expected}");
}

#[test]
fn every_type_in_a_template_has_one_rule() {
    let mut types = BTreeSet::new();
    for stack in stacks::all() {
        let template: Value = serde_json::from_str(&stack.template).unwrap();
        let resources = template["Resources"].as_object().unwrap();
        types.extend(
            resources
                .values()
                .map(|entry| entry["Type"].as_str().unwrap().to_owned()),
        );
    }
    let known: Vec<&str> = RULES.iter().map(|(kind, _)| *kind).collect();
    let unknown: Vec<_> = types.iter().filter(|kind| !known.contains(&kind.as_str())).collect();
    assert!(unknown.is_empty(), "no rule in xtask/src/cost/rules.rs: {unknown:?}");
    let distinct: BTreeSet<&str> = known.iter().copied().collect();
    assert_eq!(distinct.len(), known.len(), "two rules for one type");
    // The source may come by a connection instead; see `constants::pipeline::SOURCE`.
    let stale: Vec<_> = known.iter().filter(|kind| !types.contains(**kind)).collect();
    assert!(stale.len() <= 1, "rules for types that no template has: {stale:?}");
}

#[test]
fn an_unknown_type_is_named() {
    let error = of(&json!({"Table": {"Type": "AWS::DynamoDB::Table"}}), &USUAL).unwrap_err();
    let error = Err::<(), _>(error).coded(Code::NoPrice).unwrap_err();
    assert_eq!(
        crate::telling::report::text(&error),
        "error[E-NO-PRICE]: nothing is known of what AWS::DynamoDB::Table costs, which Table is"
    );
}

/// By hand: 0.5 × 0.04048 + 2 × 0.004445 USD an hour, 730 hours.
#[test]
fn a_task_costs_its_size_and_scaling_says_how_many_there_are() {
    let mut resources = json!({
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Cpu": "512", "Memory": "2048"}},
        "Web": {"Type": "AWS::ECS::Service", "Properties": {"ServiceName": "Web", "TaskDefinition": {"Ref": "Task"}}},
    });
    near(of(&resources, &USUAL).unwrap().least(), 21.265);
    resources["Scale"] = json!({
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Properties": {"ResourceId": {"Fn::Sub": "service/${Cluster}/Web"}, "MinCapacity": 3, "MaxCapacity": 10},
    });
    let scaled = of(&resources, &USUAL).unwrap();
    near(scaled.least(), 63.795);
    near(scaled.most(), 212.649);
    resources["Task"]["Properties"]["RuntimePlatform"] = json!({"CpuArchitecture": "ARM64"});
    near(of(&resources, &USUAL).unwrap().least(), 51.048);
}

#[test]
fn an_alarm_costs_by_its_metrics() {
    let metric = json!({"Id": "m", "MetricStat": {}});
    let resources = json!({
        "Share": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"Expression": "m / n"}, metric, metric]}},
        "Plain": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
    });
    near(of(&resources, &USUAL).unwrap().least(), 0.3);
}

/// More of something, and what gets dearer by it.
type Change = (fn(&mut Usage), &'static [Target]);

/// More of anything never costs less, and more requests cost nothing where none are answered.
#[test]
fn more_use_costs_more() {
    let more: [Change; 5] = [
        (|usage| usage.requests *= 100.0, &[Target::Sandbox, Target::Prod]),
        (|usage| usage.gigabytes_out *= 2.0, &[Target::Sandbox, Target::Prod]),
        (|usage| usage.pushes *= 2.0, &[Target::Toolchain]),
        (|usage| usage.build_minutes *= 2.0, &[Target::Toolchain]),
        (|usage| usage.stage_minutes *= 2.0, &[Target::Toolchain]),
    ];
    for (change, dearer) in more {
        let mut usage = USUAL;
        change(&mut usage);
        for target in TARGETS {
            let (before, after) = (of_target(target, &USUAL).unwrap(), of_target(target, &usage).unwrap());
            assert_eq!(
                after.least() > before.least(),
                dearer.contains(&target),
                "{target:?} {usage:?}"
            );
            assert!(after.most() >= after.least());
        }
    }
}

/// Insights would be charged for by the metric.
#[test]
fn container_insights_cost_by_what_they_measure() {
    let mut resources = json!({
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
        }},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Cpu": "512", "Memory": "2048"}},
        "Web": {"Type": "AWS::ECS::Service", "Properties": {"DesiredCount": 2, "TaskDefinition": {"Ref": "Task"}}},
    });
    let with = of(&resources, &USUAL).unwrap().least();
    resources["Cluster"]["Properties"]["ClusterSettings"][0]["Value"] = "disabled".into();
    let without = of(&resources, &USUAL).unwrap().least();
    // By hand: 13 + 15 + 10 metrics at 0.30 USD, and 2 tasks × 43,800 minutes × 2,000 bytes at 0.50 USD a GB.
    near(with - without, 11.40 + 0.0876);
}

#[test]
fn the_flags_assume_what_the_page_assumes() {
    let Command::Cost(cost) = Xtask::try_parse_from(["xtask", "cost"]).unwrap().command else {
        panic!("another command");
    };
    assert_eq!(cost.usage(), USUAL);
}

#[test]
fn the_page_is_what_the_templates_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cost.md");
    let page = std::fs::read_to_string(path).unwrap();
    let fix = "fix: cargo xtask cost --markdown > docs/cost.md";
    assert!(
        page == markdown().unwrap(),
        "docs/cost.md is not what the templates say; {fix}"
    );
}
