use cloudformation::formats::LoadBalancerArn;
use cloudformation::relations::{Endpoint, Targets, TrafficSplit};
use cloudformation::{Template, Value};

const SPLIT: TrafficSplit<2> = TrafficSplit::new([1, 99]);

fn listen<E: Endpoint>(template: &mut Template, arn: Value<LoadBalancerArn>, targets: Targets<E>) {
    SPLIT.listen(template, "Listener", "", arn, [targets], |listener| listener);
}

fn main() {}
