use cloudformation::relations::{AlarmWindow, BakeTime};

const BAKE_TIME: BakeTime<AlarmWindow<3, 4, 60>> = BakeTime::minutes(8, 4);

fn main() {}
