use cloudformation::Action;

const ACTIONS: &[Action] = &[Action::new("ecr:*")];

fn main() {}
