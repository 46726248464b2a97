use cloudformation::relations::FargateSize;

const SIZE: FargateSize = FargateSize::new(500, 2048);

fn main() {}
