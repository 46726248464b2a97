//! The journal: groups are folders, streams are files in them.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::chunk::Chunk;
use crate::event::{Event, millis};
use crate::stream::{self, Stream};

/// How many streams of a group are kept: the newest by what was said last.
pub const STREAMS_KEPT: usize = 500;

/// How many files are held open for what is appended next: as many tasks as one machine runs, and a fraction of the
/// descriptors that a process may have. A stream that ends is closed at once.
const STREAMS_OPEN: usize = 256;

/// Names become file names: `.` alone and `/` must not stay as they are.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The ending of a stream's file.
const ENDING: &str = "log";

/// Logs over a folder. Clones share one. Without a folder, as by default, nothing is kept.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    folder: Option<Arc<Path>>,
    open: Arc<Mutex<BTreeMap<PathBuf, Stream>>>,
}

/// A stream, without what was said in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its name.
    pub name: String,
    /// When the first line that is kept was taken in, in milliseconds since 1970.
    pub first_millis: u64,
    /// When the last line was taken in, in milliseconds since 1970.
    pub last_millis: u64,
}

impl Journal {
    /// The journal over a folder, which is made if it isn't there.
    ///
    /// # Errors
    /// When the folder can't be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        private_folder(folder)?;
        Ok(Self {
            folder: Some(folder.into()),
            open: Arc::default(),
        })
    }

    /// Adds lines to a stream, which needn't exist yet.
    ///
    /// # Errors
    /// When they can't be written.
    pub fn append<'a>(
        &self,
        group: &str,
        stream: &str,
        now: SystemTime,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        self.take_in(group, stream, now, 0, text.as_bytes())
    }

    /// Adds whole lines that were read up to a position of a file.
    pub(crate) fn take_in(
        &self,
        group: &str,
        stream: &str,
        now: SystemTime,
        position: u64,
        lines: &[u8],
    ) -> io::Result<()> {
        let Some(path) = self.path(group, stream) else {
            return Ok(());
        };
        let mut open = self.locked();
        if !open.contains_key(&path) {
            if open.len() >= STREAMS_OPEN {
                open.clear();
            }
            if let Some(folder) = path.parent().filter(|_| !path.exists()) {
                private_folder(folder)?;
                make_room(folder)?;
            }
            open.insert(path.clone(), Stream::open(&path)?);
        }
        let Some(stream) = open.get_mut(&path) else {
            return Ok(());
        };
        stream.append(Chunk {
            timestamp_millis: millis(now),
            position,
            lines,
        })
    }

    /// What was said in a stream, the earliest first; none where there is no such stream.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn events(&self, group: &str, stream: &str) -> io::Result<Option<Vec<Event>>> {
        match self.path(group, stream).filter(|path| path.exists()) {
            Some(path) => stream::events(&path).map(Some),
            None => Ok(None),
        }
    }

    /// The streams of a group, by name.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn streams(&self, group: &str) -> io::Result<Vec<StreamSummary>> {
        let Some(folder) = self.group(group) else {
            return Ok(Vec::new());
        };
        let mut summaries = Vec::new();
        for path in files(&folder)? {
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let name = percent_decode_str(name).decode_utf8_lossy().into_owned();
            if let Some((first_millis, last_millis, _)) = stream::extent(&path)? {
                summaries.push(StreamSummary {
                    name,
                    first_millis,
                    last_millis,
                });
            }
        }
        summaries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(summaries)
    }

    /// Up to where the file had been read that a stream comes from.
    pub(crate) fn position(&self, group: &str, stream: &str) -> io::Result<u64> {
        let extent = self.path(group, stream).map(|path| stream::extent(&path)).transpose()?;
        Ok(extent.flatten().map_or(0, |(_, _, position)| position))
    }

    /// Closes the file of a stream to which nothing more will be added.
    pub(crate) fn close(&self, group: &str, stream: &str) {
        if let Some(path) = self.path(group, stream) {
            self.locked().remove(&path);
        }
    }

    /// How many files are held open.
    #[cfg(test)]
    pub(crate) fn held_open(&self) -> usize {
        self.locked().len()
    }

    /// Removes a group and all that was said in it.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove_group(&self, group: &str) -> io::Result<()> {
        let Some(folder) = self.group(group) else {
            return Ok(());
        };
        self.locked().retain(|path, _| !path.starts_with(&folder));
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes the streams of a group in which nothing was said for so long.
    ///
    /// # Errors
    /// When they can't be read or removed.
    pub fn expire(&self, group: &str, now: SystemTime, age: Duration) -> io::Result<()> {
        let oldest = millis(now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH));
        for summary in self.streams(group)?.iter().filter(|stream| stream.last_millis < oldest) {
            if let Some(path) = self.path(group, &summary.name) {
                self.locked().remove(&path);
                stream::remove(&path)?;
            }
        }
        Ok(())
    }

    fn group(&self, group: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(escaped(group)))
    }

    fn path(&self, group: &str, stream: &str) -> Option<PathBuf> {
        Some(self.group(group)?.join(format!("{}.{ENDING}", escaped(stream))))
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Stream>> {
        // A stream whose writing was cut short is read up to there.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn escaped(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes the oldest streams of a group, so that one more is not too many.
fn make_room(folder: &Path) -> io::Result<()> {
    let mut streams = Vec::new();
    for path in files(folder)? {
        streams.push((fs::metadata(&path)?.modified()?, path));
    }
    streams.sort();
    let excess = (streams.len() + 1).saturating_sub(STREAMS_KEPT);
    streams
        .iter()
        .take(excess)
        .try_for_each(|(_, path)| stream::remove(path))
}

/// The files of a group's streams; none where nothing was said in it.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        files.push(entry?.path());
    }
    files.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
    Ok(files)
}
