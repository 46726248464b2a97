use cloudformation::relations::Capacity;

const CAPACITY: Capacity = Capacity::new(11, 10);

fn main() {}
