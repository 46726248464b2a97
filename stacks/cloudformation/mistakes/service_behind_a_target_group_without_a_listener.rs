use cloudformation::generated::ecs_service::Service;
use cloudformation::relations::{Endpoint, Targets, Task};
use cloudformation::{Options, Template};

fn service<E: Endpoint>(template: &mut Template, targets: &Targets<E>, task: &Task<E>) {
    let route = targets.route(Options::new());
    route.add_service(template, "Service", "", task, Service::new());
}

fn main() {}
