use cloudformation::relations::Statistic;

const STATISTIC: Statistic = Statistic::new("TM(90%:100)");

fn main() {}
