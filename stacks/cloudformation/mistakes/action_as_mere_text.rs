use cloudformation::{Effect, Statement, Value};

fn statement(resource: Value<String>) -> Statement {
    Statement::on("Sid", Effect::Allow, &["ecr:BatchGetImage"], [resource])
}

fn main() {}
