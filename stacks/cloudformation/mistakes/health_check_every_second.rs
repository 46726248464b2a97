use cloudformation::relations::HealthCheck;

const HEALTH_CHECK: HealthCheck = HealthCheck::new(4, 2, 2, 2);

fn main() {}
