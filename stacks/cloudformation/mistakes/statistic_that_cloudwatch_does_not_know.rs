use cloudformation::relations::Statistic;

const STATISTIC: Statistic = Statistic::new("Mean");

fn main() {}
