//! Results on stdout: text for people, NDJSON for programs.

use std::cell::Cell;
use std::io::{self, ErrorKind, Write};
use std::rc::Rc;

use serde_json::{Value, json};

use crate::exit::{Done, Failure, code_of, exit_of};

/// Where results go.
///
/// A reader that has gone away (`| head`) is no error: what nobody reads is dropped, and the work goes on to its end.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    closed: Rc<Cell<bool>>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            closed: Rc::default(),
        }
    }

    /// Prints a line for people; nothing where results are NDJSON.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.write(text);
        }
    }

    /// Prints a record for programs, `{"type": kind, …}`; nothing where results are text.
    pub(crate) fn record(&self, kind: &str, fields: Value) {
        if self.json {
            self.write(&tagged(kind, fields).to_string());
        }
    }

    /// Prints the one `result` that ends NDJSON.
    pub(crate) fn result(&self, outcome: &anyhow::Result<Done>) {
        let fields = match outcome {
            Ok(done) => merge(json!({"exit": done.exit.code()}), done.result.clone()),
            Err(error) => json!({
                "exit": exit_of(error).code(),
                "code": code_of(error).name(),
                "error": format!("{error:#}"),
                "next": Failure::of(error).map(|failure| failure.next.clone()).unwrap_or_default(),
            }),
        };
        self.record("result", fields);
    }

    fn write(&self, text: &str) {
        if self.closed.get() {
            return;
        }
        let mut stdout = io::stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        // A full disk or the like behind stdout leaves nobody to tell either.
        if let Err(error) = written {
            self.closed.set(true);
            if error.kind() != ErrorKind::BrokenPipe {
                let _ = writeln!(io::stderr(), "warning: cannot write results: {error}");
            }
        }
    }
}

fn tagged(kind: &str, fields: Value) -> Value {
    merge(json!({"type": kind}), fields)
}

fn merge(mut first: Value, second: Value) -> Value {
    if let (Value::Object(first), Value::Object(second)) = (&mut first, second) {
        first.extend(second);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_carries_its_type() {
        assert_eq!(
            tagged("event", json!({"status": "CREATE_COMPLETE"})),
            json!({"type": "event", "status": "CREATE_COMPLETE"})
        );
    }
}
