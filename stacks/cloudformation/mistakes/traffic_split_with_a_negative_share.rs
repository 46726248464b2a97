use cloudformation::relations::TrafficSplit;

const SPLIT: TrafficSplit<2> = TrafficSplit::new([-1, 101]);

fn main() {}
