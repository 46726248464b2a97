//! A line of the log: an event as one JSON object.
//!
//! tracing-subscriber's own JSON format costs as much CPU a line as the rest of a request together, measured; this one
//! costs a tenth of that. Its shape is that of `flatten_event(true)` there.

use std::{
    fmt::{self, Debug, Display, Write as _},
    time::SystemTime,
};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::timestamp::Timestamp;

/// Formats events as JSON: `timestamp`, `level`, then the event's fields, of which `message` is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        // Put together here and handed over at once: the writer takes each piece through a table of functions.
        let mut fields = Fields(String::with_capacity(USUAL_BYTES));
        fields.0.push_str("{\"timestamp\":\"");
        fields.0.push_str(Timestamp::of(SystemTime::now()).text());
        fields.0.push_str("\",\"level\":\"");
        fields.0.push_str(event.metadata().level().as_str());
        fields.0.push('"');
        event.record(&mut fields);
        fields.0.push_str("}\n");
        writer.write_str(&fields.0)
    }
}

/// Room for the line of a usual request.
const USUAL_BYTES: usize = 512;

/// Adds fields to a line.
struct Fields(String);

impl Fields {
    /// The line, where the field's value goes next.
    fn value_of(&mut self, field: &Field) -> &mut String {
        // Names of fields are identifiers, with nothing to escape.
        self.0.push_str(",\"");
        self.0.push_str(field.name());
        self.0.push_str("\":");
        &mut self.0
    }

    fn display(&mut self, field: &Field, value: impl Display) {
        // A text takes whatever is written to it.
        let _ = write!(self.value_of(field), "{value}");
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        add_text(self.value_of(field), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.display(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.display(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.display(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity and no NaN.
        if value.is_finite() {
            self.display(field, value);
        } else {
            self.value_of(field).push_str("null");
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        add_text(self.value_of(field), &format!("{value:?}"));
    }
}

fn add_text(line: &mut String, text: &str) {
    let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        line.push('"');
        line.push_str(text);
        line.push('"');
    } else {
        line.push_str(&serde_json::Value::from(text).to_string());
    }
}
