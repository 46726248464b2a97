//! A service whose number of tasks follows its load, in the whole world with its outside played.

use std::time::Duration;

use serde_json::{Value, json};

use super::rig::{Rig, template};
use crate::wire::Service;

/// What a task uses in a minute when it uses all of the half vCPU that it reserves.
const ALL_OF_IT: Duration = Duration::from_secs(30);

/// The small service without a count of its own, held between 3 and 8 tasks at 75 % of their CPU.
fn scaled(image: &str) -> Value {
    let mut template = template(image, 1);
    let service = &mut template["Resources"]["Service"]["Properties"];
    service.as_object_mut().unwrap().remove("DesiredCount");
    let id = json!({"Fn::Join": ["/", ["service", {"Ref": "Cluster"}, {"Fn::GetAtt": ["Service", "Name"]}]]});
    template["Resources"]["Target"] = json!({"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {
        "ResourceId": id, "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs", "MinCapacity": 3, "MaxCapacity": 8,
    }});
    template["Resources"]["Policy"] = json!({"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {
        "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": "75", "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    }});
    template
}

fn count(rig: &Rig) -> u32 {
    let services = rig.world.cloud.ecs.services.values();
    services.map(|service| service.scheduler.desired_count()).sum()
}

fn minutes_until(rig: &mut Rig, wanted: u32) -> u64 {
    let began = rig.now;
    rig.run_until(|rig| count(rig) == wanted);
    rig.now.duration_since(began).unwrap().as_secs() / 60
}

fn run_for(rig: &mut Rig, minutes: u64) {
    let end = rig.now + Duration::from_mins(minutes);
    rig.run_until(|rig| rig.now >= end);
}

#[test]
fn the_count_follows_the_load_and_a_deployment_leaves_it() {
    let mut rig = Rig::new();
    rig.cpu_each_minute = ALL_OF_IT / 2;
    assert_eq!(
        rig.create("stack", &scaled("a")),
        "CREATE_COMPLETE",
        "{}",
        rig.reasons("stack")
    );
    run_for(&mut rig, 30);
    assert_eq!(count(&rig), 3, "half busy, and the fewest");

    rig.cpu_each_minute = ALL_OF_IT;
    let took = minutes_until(&mut rig, 4);
    assert!((2..=4).contains(&took), "after three minutes, not {took}");
    rig.run_until(|rig| rig.running.len() == 4 && rig.targets() == 4);
    assert_eq!(rig.update("stack", &scaled("b")), "UPDATE_COMPLETE");
    assert!(count(&rig) >= 4, "the deployment set the count back to {}", count(&rig));

    rig.cpu_each_minute = ALL_OF_IT / 20;
    let took = minutes_until(&mut rig, 3);
    assert!((14..=22).contains(&took), "after fifteen minutes, not {took}");

    let asked = json!({"ServiceNamespace": "ecs"});
    let activities = rig
        .call(Service::ApplicationAutoScaling, "DescribeScalingActivities", asked)
        .unwrap();
    let activities = activities["ScalingActivities"].as_array().unwrap().clone();
    assert_eq!(activities[0]["Description"], "Setting desired count to 3.");
    assert_eq!(activities.last().unwrap()["Description"], "Setting desired count to 4.");
}
