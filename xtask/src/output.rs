//! Results on stdout: text for people, NDJSON for programs.

use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::aws::rfc3339;
use crate::exit::Done;
use crate::progress::{columns_of, wrap};
use crate::telling::event_code::EventCode;
use crate::telling::report;

/// Where results go.
///
/// A reader that has gone away (`| head`) is no error: what nobody reads is dropped, and the work goes on to its end.
/// Nothing follows the `result` of NDJSON, whoever printed it.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    json: bool,
    closed: Arc<Mutex<bool>>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            closed: Arc::default(),
        }
    }

    /// Prints a line for people; nothing where results are NDJSON.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            self.write(text, false);
        }
    }

    /// As [`Self::line`], sentences: on a terminal, broken between words.
    pub(crate) fn prose(&self, text: &str) {
        match self.columns() {
            Some(columns) => self.line(&wrap(text, columns)),
            None => self.line(text),
        }
    }

    /// How wide the terminal is that people read results on; none elsewhere, where lines are whole.
    pub(crate) fn columns(&self) -> Option<usize> {
        columns_of(io::stdout()).filter(|_| !self.json)
    }

    /// Prints an event for programs, `{"type": …, "code": …, "time": …, …}`; nothing where results are text. The time is
    /// now's unless the fields have one.
    pub(crate) fn event(&self, code: EventCode, fields: Value) {
        if self.json {
            self.write(&event(code, fields, SystemTime::now()).to_string(), false);
        }
    }

    /// Prints the one `result` that ends NDJSON.
    pub(crate) fn result(&self, outcome: &anyhow::Result<Done>) {
        if self.json {
            self.write(&end(outcome, SystemTime::now()).to_string(), true);
        }
    }

    fn write(&self, text: &str, is_last: bool) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return;
        }
        *closed = is_last;
        let mut stdout = io::stdout().lock();
        let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
        // A full disk or the like behind stdout leaves nobody to tell either.
        if let Err(error) = written {
            *closed = true;
            if error.kind() != ErrorKind::BrokenPipe {
                let _ = writeln!(io::stderr(), "warning: cannot write results: {error}");
            }
        }
    }
}

/// An event as it is printed.
pub(crate) fn event(code: EventCode, fields: Value, now: SystemTime) -> Value {
    let entry = code.entry();
    merge(
        json!({"type": entry.kind, "code": entry.name, "time": rfc3339(now)}),
        fields,
    )
}

/// The `result` as it is printed.
pub(crate) fn end(outcome: &anyhow::Result<Done>, now: SystemTime) -> Value {
    merge(json!({"type": "result", "time": rfc3339(now)}), report::result(outcome))
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
    fn an_event_carries_its_code_and_its_own_time() {
        let now = SystemTime::UNIX_EPOCH;
        let printed = |fields| event(EventCode::StackDone, fields, now);
        assert_eq!(
            printed(json!({"status": "CREATE_COMPLETE"})),
            json!({"type": "event", "code": "stack-done", "time": "1970-01-01T00:00:00Z", "status": "CREATE_COMPLETE"})
        );
        assert_eq!(printed(json!({"time": "then"}))["time"], "then");
    }

    #[test]
    fn a_result_ends_every_outcome() {
        let result = |outcome: anyhow::Result<Done>| end(&outcome, SystemTime::UNIX_EPOCH);
        let done = result(Ok(Done::from(json!({"changed": false}))));
        assert_eq!(
            (&done["type"], &done["exit"], &done["changed"]),
            (&json!("result"), &json!(0), &json!(false))
        );
        let failed = result(Err(anyhow::anyhow!("no")));
        assert_eq!((&failed["exit"], &failed["code"]), (&json!(1), &json!("E-BUG")));
    }
}
