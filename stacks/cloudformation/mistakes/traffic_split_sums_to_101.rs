use cloudformation::relations::TrafficSplit;

const SPLIT: TrafficSplit<2> = TrafficSplit::new([2, 99]);

fn main() {}
