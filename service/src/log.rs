//! Structured logs on standard output: one JSON object a line.
//!
//! A log must never hold up or end the service, whatever becomes of standard output. Lines go to a buffer of bounded
//! size; a thread of its own writes the buffer out. While the buffer is full, because a pipe isn't read or a disk is
//! full, lines are dropped and counted, and the count is logged once there is room again.

use std::{
    fs::File,
    io::{self, Write},
    mem,
    os::fd::AsFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

pub(crate) use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;

use line::JsonLine;

mod line;
pub(crate) mod timestamp;

/// The most that waits to be written: some thousand lines, so that a burst or a short stall loses nothing.
const BUFFER_BYTES: usize = 1024 * 1024;

/// From here on lines are written without waiting for more.
const HALF_FULL_BYTES: usize = BUFFER_BYTES / 2;

/// How long lines gather before they are written: waking a thread and the kernel for each costs more than the line.
const GATHER: Duration = Duration::from_millis(10);

/// How long the end of the process waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Sends this process's logs to standard output from now on.
///
/// Returns what flushes them: call [`LogBuffer::flush`] before the process ends.
pub(crate) fn start(level: LevelFilter) -> Arc<LogBuffer> {
    let buffer = Arc::new(LogBuffer::default());
    let subscriber = tracing_subscriber::fmt()
        // Else a failure to format would be printed to standard error, which may be closed.
        .log_internal_errors(false)
        .event_format(JsonLine)
        .with_max_level(level)
        .with_writer(LogWriter(Arc::clone(&buffer)))
        .finish();
    // Only a second call can fail, and then the logs already go where they should.
    let _ = tracing::subscriber::set_global_default(subscriber);
    // Without a thread nothing would be written, and the service is still worth running.
    if let Ok(output) = io::stdout().as_fd().try_clone_to_owned() {
        let shared = Arc::clone(&buffer);
        let _ = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || shared.write_to(File::from(output)));
    }
    log_panics();
    buffer
}

/// Panics become lines of the log too: the standard hook writes to standard error, and fails if that is closed.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("not a text");
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic = text, location, "panic");
    }));
}

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct LogBuffer {
    state: Mutex<State>,
    /// Told when lines arrive for an idle writer, and when a writer has become idle.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    dropped: u64,
    writing: bool,
    /// Lines are wanted out now, not gathered.
    flushing: bool,
}

impl LogBuffer {
    /// Waits until all lines are written, a second at most.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        let mut state = self.lock();
        state.flushing = true;
        self.changed.notify_all();
        while (state.writing || !state.lines.is_empty()) && Instant::now() < deadline {
            state = self.wait(state, deadline.saturating_duration_since(Instant::now()));
        }
    }

    /// Adds a line, or drops it if there is no room.
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + line.len() > BUFFER_BYTES {
            state.dropped += 1;
            return;
        }
        let bytes_before = state.lines.len();
        state.lines.extend_from_slice(line);
        let half_full = bytes_before < HALF_FULL_BYTES && state.lines.len() >= HALF_FULL_BYTES;
        drop(state);
        if bytes_before == 0 || half_full {
            self.changed.notify_all();
        }
    }

    /// Writes lines as they come, for as long as the process lives.
    fn write_to(&self, mut output: impl Write) {
        let mut lines = Vec::new();
        loop {
            let dropped = self.take(&mut lines);
            if dropped > 0 {
                lines.extend_from_slice(dropped_line(dropped).as_bytes());
            }
            if output.write_all(&lines).is_err() {
                // Standard output is gone or full. Nothing can be told, so nothing is kept.
            }
            lines.clear();
        }
    }

    /// Waits for lines and swaps them into `lines`; how many were dropped since the last time.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut state = self.lock();
        state.writing = false;
        self.changed.notify_all();
        while state.lines.is_empty() {
            state = self.wait(state, Duration::MAX);
        }
        let deadline = Instant::now() + GATHER;
        while !state.flushing && state.lines.len() < HALF_FULL_BYTES && Instant::now() < deadline {
            state = self.wait(state, deadline.saturating_duration_since(Instant::now()));
        }
        state.writing = true;
        mem::swap(&mut state.lines, lines);
        mem::take(&mut state.dropped)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, timeout: Duration) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout(state, timeout);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dropped_line(dropped: u64) -> String {
    format!("{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"dropped\":{dropped}}}\n")
}

/// Gives the subscriber the buffer to write lines to.
#[derive(Debug, Clone)]
struct LogWriter(Arc<LogBuffer>);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter(&self.0)
    }
}

/// Takes whole lines: the subscriber writes each event at once.
struct LineWriter<'a>(&'a LogBuffer);

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
