//! How a line of the log is written for machines: one JSON object, the event's own fields at its top, the fields of the innermost span
//! under `span`.
//!
//! Every message leaves some lines, so they are written in one pass into one text: the library's own JSON lines read the span's fields
//! back from text for every line, and cost a message as much as its check against a contract.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::clock::Clock;

/// Writes events.
pub(super) struct Lines;

/// Writes the fields of spans, as the inside of a JSON object.
pub(super) struct SpanFields;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(256);
        let level = event.metadata().level();
        write!(line, r#"{{"timestamp":"{}","level":"{level}""#, Clock::system().now())?;
        let mut members = Members { text: &mut line, wrote: Ok(()) };
        event.record(&mut members);
        members.wrote?;
        if let Some(span) = context.lookup_current() {
            line.push_str(r#","span":{"#);
            let start = line.len();
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
                // Each member is written with a comma before it, and the first of an object needs none.
                line.push_str(fields.fields.strip_prefix(',').unwrap_or(&fields.fields));
            }
            if line.len() > start {
                line.push(',');
            }
            write!(line, r#""name":"{}"}}"#, span.name())?;
        }
        line.push_str("}\n");
        out.write_str(&line)
    }
}

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: tracing_subscriber::field::RecordFields>(
        &self,
        mut out: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut members = Members { text: &mut out, wrote: Ok(()) };
        fields.record(&mut members);
        members.wrote
    }
}

/// Writes fields as members of a JSON object, each with a comma before it.
struct Members<'a, W: Write> {
    text: &'a mut W,
    wrote: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        // A raw identifier stands for itself: `r#type` is `type`.
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        self.wrote =
            self.wrote.and_then(|()| write!(self.text, r#","{name}":"#)).and_then(|()| value(self.text));
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |text| quoted(text, format_args!("{value}")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |text| quoted(text, format_args!("{value:?}")));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |text| write!(text, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |text| write!(text, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |text| write!(text, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows no infinity.
        self.member(
            field,
            |text| if value.is_finite() { write!(text, "{value}") } else { text.write_str("null") },
        );
    }
}

fn quoted(text: &mut impl Write, value: fmt::Arguments<'_>) -> fmt::Result {
    text.write_char('"')?;
    Escaped(text).write_fmt(value)?;
    text.write_char('"')
}

/// What is written to it comes out as the inside of a JSON string.
struct Escaped<'a, W: Write>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, mut rest: &str) -> fmt::Result {
        while let Some(at) = rest.find(|sign: char| matches!(sign, '"' | '\\' | '\0'..='\x1f')) {
            let (plain, from) = rest.split_at(at);
            self.0.write_str(plain)?;
            match from.as_bytes()[0] {
                sign @ (b'"' | b'\\') => write!(self.0, "\\{}", char::from(sign))?,
                sign => write!(self.0, "\\u{sign:04x}")?,
            }
            rest = &from[1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_line_is_one_json_object_whatever_it_holds() {
        let kept = Kept::default();
        let out = kept.clone();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(Lines)
            .fmt_fields(SpanFields)
            .with_writer(move || out.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let hard = "Đã \"nhận\"\n\\ \u{1} xong";
            tracing::warn!(event = "no-span", cause = hard, none = None::<i64>);
            let outer = tracing::info_span!("call", correlation = %"bench-\"1\"", number = 7);
            let _outer = outer.enter();
            tracing::info!(event = "heard", fate = %hard, took = 1.5, never = f64::NAN, ok = true, count = -3);
            let _inner = tracing::info_span!("bare").entered();
            tracing::info!(event = "inside");
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0]["cause"], "Đã \"nhận\"\n\\ \u{1} xong");
        assert_eq!(
            (&lines[0]["level"], lines[0].get("span"), lines[0].get("none")),
            (&Value::from("WARN"), None, None)
        );
        assert_eq!(
            lines[1]["span"],
            serde_json::json!({"correlation": "bench-\"1\"", "number": 7, "name": "call"})
        );
        assert_eq!((lines[1]["took"].as_f64(), &lines[1]["never"]), (Some(1.5), &Value::Null));
        assert_eq!((&lines[1]["ok"], &lines[1]["count"]), (&Value::from(true), &Value::from(-3)));
        assert_eq!(lines[2]["span"], serde_json::json!({"name": "bare"}));
    }
}
