use cloudformation::relations::{Capacity, Rollout};

const CAPACITY: Capacity = Capacity::new(3, 10);
const ROLLOUT: Rollout = Rollout::new(100, 100, &CAPACITY);

fn main() {}
