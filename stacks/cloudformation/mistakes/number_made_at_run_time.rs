use cloudformation::formats::LoadBalancerArn;
use cloudformation::relations::{Endpoint, Forwarded, Targets, TrafficSplit};
use cloudformation::{Template, Value};

fn listen<E: Endpoint>(
    template: &mut Template,
    arn: Value<LoadBalancerArn>,
    targets: [Targets<E>; 2],
    share: i64,
) -> [Forwarded<E>; 2] {
    let split = TrafficSplit::new([share, 99]);
    split.listen(template, "Listener", "", arn, targets, |listener| listener)
}

fn main() {}
