//! A stream on disk: a file that is appended to, and the one before it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::chunk::{Chunk, chunks};
use crate::event::Event;

/// How many bytes of a stream are kept at the most: its newest, in two files of half the size.
pub const STREAM_BYTES: u64 = 16 << 20;

/// A stream that is written to.
#[derive(Debug)]
pub(crate) struct Stream {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Stream {
    /// Opens a stream, which needn't exist yet. What a kill left half written is cut off.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(path)?;
        let written = read(path)?;
        let mut reading = chunks(&written);
        reading.by_ref().for_each(drop);
        let bytes = reading.read() as u64;
        file.set_len(bytes)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
        })
    }

    /// Adds what was taken in at once.
    pub(crate) fn append(&mut self, chunk: Chunk<'_>) -> io::Result<()> {
        if self.bytes >= STREAM_BYTES / 2 {
            fs::rename(&self.path, before(&self.path))?;
            *self = Self::open(&self.path)?;
        }
        let bytes = chunk.to_bytes();
        self.file.write_all(&bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// What was said in a stream, the earliest first.
pub(crate) fn events(path: &Path) -> io::Result<Vec<Event>> {
    let mut events: Vec<Event> = Vec::new();
    for file in [before(path), path.to_owned()] {
        for chunk in chunks(&read(&file)?) {
            for line in chunk.lines.split_inclusive(|byte| *byte == b'\n') {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let before = events
                    .last()
                    .filter(|event| event.timestamp_millis == chunk.timestamp_millis);
                events.push(Event {
                    timestamp_millis: chunk.timestamp_millis,
                    sequence: before.map_or(0, |event| event.sequence + 1),
                    message: String::from_utf8_lossy(line).into_owned(),
                });
            }
        }
    }
    Ok(events)
}

/// The first and the last time in a stream, and the position of its newest chunk.
pub(crate) fn extent(path: &Path) -> io::Result<Option<(u64, u64, u64)>> {
    let mut extent = None;
    for file in [before(path), path.to_owned()] {
        for chunk in chunks(&read(&file)?) {
            let first = extent.map_or(chunk.timestamp_millis, |(first, _, _)| first);
            extent = Some((first, chunk.timestamp_millis, chunk.position));
        }
    }
    Ok(extent)
}

/// Removes a stream.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    for file in [before(path), path.to_owned()] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The file with the part before.
fn before(path: &Path) -> PathBuf {
    path.with_extension("before")
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}
