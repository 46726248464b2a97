//! The log of a build: what its commands write and what `CodeBuild` says of them, in one order.

use std::io::{self, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::SystemTime;

use journal::Journal;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe::Receiver;
use tokio::task::JoinHandle;

use crate::moment;

/// The longest line that is kept whole; Logs takes events up to 1 MiB.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LINE_BYTES: usize = 256 << 10;

/// The log of one build.
pub(super) struct Log {
    writer: PipeWriter,
    end_mark: String,
    reading: JoinHandle<()>,
}

impl Log {
    /// Opens a log. Everything goes through one pipe, so that nothing overtakes anything.
    pub(super) fn open(build: &str, log: (String, String), journal: Journal) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let reader = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        // A line that no command can know of: a process that outlives its build may hold the pipe open for ever.
        let end_mark = format!("end of {build} {:?}", std::time::Instant::now());
        let mark = end_mark.clone();
        let reading = tokio::spawn(read(reader, mark, log, journal));
        Ok(Self {
            writer,
            end_mark,
            reading,
        })
    }

    /// Where a command writes to.
    pub(super) fn output(&self) -> io::Result<Stdio> {
        Ok(self.writer.try_clone()?.into())
    }

    /// A line of `CodeBuild`'s own.
    pub(super) async fn say(&self, line: &str) {
        self.write(format!("[Container] {} {line}\n", moment::iso8601(SystemTime::now())))
            .await;
    }

    async fn write(&self, text: String) {
        let Ok(mut writer) = self.writer.try_clone() else {
            return;
        };
        // The reader is quick, but a full pipe makes whoever writes wait.
        let written = tokio::task::spawn_blocking(move || writer.write_all(text.as_bytes())).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("a line of a build's log is lost");
        }
    }

    /// Waits until everything written so far is kept.
    pub(super) async fn close(self) {
        self.write(format!("\n{}\n", self.end_mark)).await;
        drop(self.writer);
        if let Err(error) = self.reading.await {
            tracing::error!(%error, "a build's log was cut short");
        }
    }
}

async fn read(reader: Receiver, end_mark: String, (group, stream): (String, String), journal: Journal) {
    let mut reader = BufReader::new(reader);
    // The empty line before the mark ends one that a command left open.
    let mut empty = 0;
    loop {
        let mut line = Vec::new();
        match read_line(&mut reader, &mut line).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "cannot read a build's log");
                return;
            }
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        if text == end_mark {
            return;
        }
        if text.is_empty() {
            empty += 1;
            continue;
        }
        let lines = std::iter::repeat_n("", empty).chain([text]);
        if let Err(error) = journal.append(&group, &stream, SystemTime::now(), lines) {
            tracing::error!(%error, group, stream, "a line of a build's log is lost");
        }
        empty = 0;
    }
}

/// A line, or as much of one as is kept whole.
async fn read_line(reader: &mut BufReader<Receiver>, line: &mut Vec<u8>) -> io::Result<usize> {
    use tokio::io::AsyncReadExt as _;
    let mut limited = reader.take(LINE_BYTES as u64);
    limited.read_until(b'\n', line).await
}
