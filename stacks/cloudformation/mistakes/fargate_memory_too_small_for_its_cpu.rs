use cloudformation::relations::FargateSize;

const SIZE: FargateSize = FargateSize::new(1024, 1024);

fn main() {}
