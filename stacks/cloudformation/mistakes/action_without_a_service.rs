use cloudformation::Action;

const ACTIONS: &[Action] = &[Action::new("GetAuthorizationToken")];

fn main() {}
