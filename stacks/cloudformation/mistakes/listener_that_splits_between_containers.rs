use cloudformation::formats::LoadBalancerArn;
use cloudformation::relations::{Container, Endpoint, Targets, TrafficSplit};
use cloudformation::{Template, Value};

enum Web {}
enum Admin {}

const WEB: Container = Container::new("web", 8080);
const ADMIN: Container = Container::new("admin", 9090);

impl Endpoint for Web {
    const CONTAINER: &'static Container = &WEB;
}

impl Endpoint for Admin {
    const CONTAINER: &'static Container = &ADMIN;
}

const SPLIT: TrafficSplit<2> = TrafficSplit::new([1, 99]);

fn listen(template: &mut Template, arn: Value<LoadBalancerArn>, web: Targets<Web>, admin: Targets<Admin>) {
    SPLIT.listen(template, "Listener", "", arn, [web, admin], |listener| listener);
}

fn main() {}
