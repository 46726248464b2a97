//! Following a file that a program appends to.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::journal::Journal;

/// How much of a file is read at once.
const READ_BYTES: u64 = 4 << 20;

/// A line that is longer is taken in without its end: CloudWatch's limit of an event.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const LINE_BYTES: usize = 1 << 20;

/// A file, and the stream that it is to be found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file that the program appends to. When it has grown too large, what it held is found beside it, with `.1`
    /// added to its name, and it goes on from nothing.
    pub path: PathBuf,
    /// The group.
    pub group: String,
    /// The stream.
    pub stream: String,
}

/// Takes what is appended to a file into a journal.
#[derive(Debug)]
pub struct Follower {
    source: Source,
    position: u64,
}

impl Follower {
    /// Goes on where an earlier follower of the same stream ended, in an earlier process too.
    ///
    /// # Errors
    /// When the stream can't be read.
    pub fn new(source: Source, journal: &Journal) -> io::Result<Self> {
        let position = journal.position(&source.group, &source.stream)?;
        Ok(Self { source, position })
    }

    /// The file that is followed.
    pub fn path(&self) -> &Path {
        &self.source.path
    }

    /// Takes in the lines that were appended since the last look.
    ///
    /// # Errors
    /// When the file can't be read, or the lines can't be written; the next look tries again.
    pub fn look(&mut self, journal: &Journal, now: SystemTime) -> io::Result<()> {
        self.take_all(journal, now, false)
    }

    /// Takes in what there is; with `ended`, as nothing more will come, also a last line that has no end.
    fn take_all(&mut self, journal: &Journal, now: SystemTime, ended: bool) -> io::Result<()> {
        let length = match fs::metadata(&self.source.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata?.len(),
        };
        if length < self.position {
            self.follow_what_was_set_aside(journal, now)?;
        }
        let path = self.source.path.clone();
        while self.take(journal, now, &path, ended)? {}
        Ok(())
    }

    /// Takes in the rest, now that nothing more will come; then the file goes, as all that it held is in the journal.
    ///
    /// # Errors
    /// When the file can't be read, the lines can't be written, or the file can't be removed; what wasn't taken in stays.
    pub fn finish(mut self, journal: &Journal, now: SystemTime) -> io::Result<()> {
        self.take_all(journal, now, true)?;
        journal.close(&self.source.group, &self.source.stream);
        for path in [self.aside(), self.source.path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The file with what the program wrote before it went on from nothing.
    fn aside(&self) -> PathBuf {
        let mut aside = self.source.path.clone().into_os_string();
        aside.push(".1");
        PathBuf::from(aside)
    }

    /// The file goes on from nothing: what was read of it last is in the one set aside. Where that is shorter, the file is
    /// being written again from its beginning, and will hold what was read already.
    fn follow_what_was_set_aside(&mut self, journal: &Journal, now: SystemTime) -> io::Result<()> {
        let aside = self.aside();
        if fs::metadata(&aside).is_ok_and(|metadata| metadata.len() >= self.position) {
            while self.take(journal, now, &aside, true)? {}
            // Nothing was said, but a later follower must know where to go on.
            journal.take_in(&self.source.group, &self.source.stream, now, 0, b"")?;
            self.position = 0;
        }
        Ok(())
    }

    /// Takes in some whole lines; whether there may be more.
    fn take(&mut self, journal: &Journal, now: SystemTime, path: &Path, ended: bool) -> io::Result<bool> {
        let mut bytes = Vec::new();
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(self.position))?;
        file.take(READ_BYTES).read_to_end(&mut bytes)?;
        let full = bytes.len() as u64 == READ_BYTES;
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map(|end| end + 1);
        let end = match end {
            Some(end) if full || !ended => end,
            _ if full || ended || bytes.len() >= LINE_BYTES => bytes.len(),
            _ => return Ok(false),
        };
        if end == 0 {
            return Ok(false);
        }
        let position = self.position + end as u64;
        let Source { group, stream, .. } = &self.source;
        journal.take_in(group, stream, now, position, &bytes[..end])?;
        self.position = position;
        Ok(full)
    }
}
