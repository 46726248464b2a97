//! Lines, and what becomes of them when they can't be written.

use std::sync::mpsc;

use super::*;

/// Takes what is written once it is allowed to, and tells what it was.
struct SlowOutput {
    allowed: mpsc::Receiver<()>,
    written: mpsc::Sender<Vec<u8>>,
}

impl Write for SlowOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.allowed.recv().map_err(gone)?;
        self.written
            .send(bytes.to_vec())
            .map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A buffer whose output is slow; allow a write with the sender, see what it was with the receiver.
fn slow_log() -> (Arc<LogBuffer>, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
    let (allow, allowed) = mpsc::channel();
    let (written, seen) = mpsc::channel();
    let buffer = Arc::new(LogBuffer::default());
    let shared = Arc::clone(&buffer);
    thread::spawn(move || shared.write_to(SlowOutput { allowed, written }));
    (buffer, allow, seen)
}

#[test]
fn what_finds_no_room_is_dropped_and_counted() {
    let (buffer, allow, seen) = slow_log();
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    // At most two buffers are kept: one that is being written, one that fills.
    for _ in 0..3 * BUFFER_BYTES / line.len() {
        buffer.push(&line);
    }
    let mut written = Vec::new();
    while !String::from_utf8_lossy(&written).contains("\"dropped\":") {
        allow.send(()).unwrap();
        written.extend(seen.recv_timeout(Duration::from_secs(10)).unwrap());
    }
    let text = String::from_utf8(written).unwrap();
    let kept = text.lines().filter(|line| line.starts_with('x')).count();
    let dropped = text.lines().find(|line| line.starts_with('{')).unwrap();
    let dropped: serde_json::Value = serde_json::from_str(dropped).unwrap();
    let dropped = usize::try_from(dropped["dropped"].as_u64().unwrap()).unwrap();
    assert!(dropped >= BUFFER_BYTES / line.len(), "{dropped} dropped");
    assert_eq!(kept + dropped, 3 * BUFFER_BYTES / line.len());
}

#[test]
fn a_closed_output_holds_nothing_up() {
    let (buffer, allow, seen) = slow_log();
    drop((allow, seen));
    for _ in 0..10 {
        buffer.push(b"line\n");
        buffer.flush();
    }
    // However busy the machine is, the writer gets there.
    let emptied = (0..10).any(|_| {
        buffer.flush();
        buffer.lock().lines.is_empty()
    });
    assert!(emptied, "the writer went on");
}

#[test]
fn a_flush_waits_for_the_lines() {
    let (buffer, allow, seen) = slow_log();
    buffer.push(b"last\n");
    allow.send(()).unwrap();
    buffer.flush();
    assert_eq!(seen.try_recv().unwrap(), b"last\n");
}

#[test]
fn a_flush_has_a_limit() {
    let (buffer, _allow, _seen) = slow_log();
    buffer.push(b"never\n");
    let started = Instant::now();
    buffer.flush();
    assert!(started.elapsed() >= FLUSH_TIMEOUT);
}

#[test]
fn a_line_is_one_json_object() {
    let buffer = Arc::new(LogBuffer::default());
    let subscriber = tracing_subscriber::fmt()
        .event_format(JsonLine)
        .with_writer(LogWriter(Arc::clone(&buffer)))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(
            text = "plain",
            quoted = "a \"b\" \\ \n\u{1} \u{fc}",
            number = 7_u64,
            negative = -7,
            flag = true,
            fraction = 0.25,
            infinite = f64::INFINITY,
            debug = ?Some("x"),
            absent = None::<u64>,
            "what {}",
            "happened"
        );
    });
    let line = String::from_utf8(mem::take(&mut buffer.lock().lines)).unwrap();
    let mut object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let timestamp = object["timestamp"].take();
    assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
    let expected = serde_json::json!({
        "timestamp": null, "level": "INFO", "message": "what happened",
        "text": "plain", "quoted": "a \"b\" \\ \n\u{1} \u{fc}", "number": 7, "negative": -7, "flag": true,
        "fraction": 0.25, "infinite": null, "debug": "Some(\"x\")",
    });
    assert_eq!(object, expected);
    assert_eq!(line.matches('\n').count(), 1);
}
