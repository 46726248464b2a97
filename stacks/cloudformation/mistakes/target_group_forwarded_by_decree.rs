use cloudformation::relations::{Endpoint, Forwarded, Targets};

fn forwarded<E: Endpoint>(targets: Targets<E>) -> Forwarded<E> {
    Forwarded { target_group: targets.target_group }
}

fn main() {}
