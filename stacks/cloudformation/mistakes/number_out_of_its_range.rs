use cloudformation::Integer;

const PRIORITY: Integer<1, 50000> = Integer::constant(50001);

fn main() {}
