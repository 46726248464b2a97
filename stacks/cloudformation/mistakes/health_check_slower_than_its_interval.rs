use cloudformation::relations::HealthCheck;

const HEALTH_CHECK: HealthCheck = HealthCheck::new(10, 10, 2, 2);

fn main() {}
