use cloudformation::Template;
use cloudformation::generated::ecs_service::Service;
use cloudformation::relations::{Container, Endpoint, Route, Task};

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

fn service(template: &mut Template, route: Route<Web>, task: &Task<Admin>) {
    route.add_service(template, "Service", "", task, Service::new());
}

fn main() {}
