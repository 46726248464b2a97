use cloudformation::relations::Container;

const CONTAINER: Container = Container::new("service", 0);

fn main() {}
