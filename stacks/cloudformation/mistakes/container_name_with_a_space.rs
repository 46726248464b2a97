use cloudformation::relations::Container;

const CONTAINER: Container = Container::new("the service", 8080);

fn main() {}
