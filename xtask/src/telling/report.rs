//! How a command ends, for people and for programs.

use serde_json::{Value, json};

use crate::exit::{Done, Failure, code_of, exit_of};

/// An error for people: its code, the first cause, what it led to, and what to do next.
pub(crate) fn text(error: &anyhow::Error) -> String {
    let mut text = format!("error[{}]: {error:#}", code_of(error).name());
    for step in Failure::of(error)
        .map(|failure| failure.next.as_slice())
        .unwrap_or_default()
    {
        text.push_str("\n  next: ");
        text.push_str(step);
    }
    text
}

/// The fields of the one `result` object that ends NDJSON.
pub(crate) fn result(outcome: &anyhow::Result<Done>) -> Value {
    match outcome {
        Ok(done) => {
            let mut fields = json!({"exit": done.exit.code()});
            if let (Value::Object(fields), Value::Object(own)) = (&mut fields, done.result.clone()) {
                fields.extend(own);
            }
            fields
        }
        Err(error) => json!({
            "exit": exit_of(error).code(),
            "code": code_of(error).name(),
            "error": format!("{error:#}"),
            "next": Failure::of(error).map(|failure| failure.next.clone()).unwrap_or_default(),
            "cause": Failure::of(error).and_then(|failure| failure.cause.as_deref()),
        }),
    }
}
