use cloudformation::{Action, Effect, Statement, Value};

const ACTIONS: &[Action] = &[Action::new("ecr:BatchGetImage")];

fn statement(resource: Value<String>) -> Statement {
    Statement::on("Sid", Effect::Permit, ACTIONS, [resource])
}

fn main() {}
