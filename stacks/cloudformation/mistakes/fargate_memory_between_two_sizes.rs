use cloudformation::relations::FargateSize;

const SIZE: FargateSize = FargateSize::new(512, 1536);

fn main() {}
