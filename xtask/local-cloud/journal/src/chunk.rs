//! Chunks: what was taken in at once, with its time, as it stands in a stream's file.
//!
//! A line `#<milliseconds> <position> <bytes>`, then so many bytes: whole lines. A chunk that was being written when the
//! machine or the process ended is told by its missing bytes, and ends the file.

/// What was taken in at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chunk<'a> {
    /// When, in milliseconds since 1970.
    pub(crate) timestamp_millis: u64,
    /// Up to where the file had been read that it comes from; 0 where it comes from none.
    pub(crate) position: u64,
    /// Whole lines.
    pub(crate) lines: &'a [u8],
}

impl Chunk<'_> {
    /// The bytes in a file.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = format!("#{} {} {}\n", self.timestamp_millis, self.position, self.lines.len()).into_bytes();
        bytes.extend_from_slice(self.lines);
        bytes
    }
}

/// The chunks of a file, up to the first that isn't whole.
pub(crate) fn chunks(file: &[u8]) -> Chunks<'_> {
    Chunks { rest: file, read: 0 }
}

/// Reads chunks one after another.
pub(crate) struct Chunks<'a> {
    rest: &'a [u8],
    read: usize,
}

impl Chunks<'_> {
    /// How many bytes the chunks read so far take.
    pub(crate) fn read(&self) -> usize {
        self.read
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let end = self.rest.iter().position(|byte| *byte == b'\n')?;
        let header = std::str::from_utf8(&self.rest[..end]).ok()?.strip_prefix('#')?;
        let mut numbers = header.split(' ').map(str::parse::<u64>);
        let mut number = || numbers.next()?.ok();
        let (timestamp_millis, position, length) = (number()?, number()?, number()?);
        let from = end + 1;
        let to = from.checked_add(usize::try_from(length).ok()?)?;
        let lines = self.rest.get(from..to)?;
        self.rest = &self.rest[to..];
        self.read += to;
        Some(Chunk {
            timestamp_millis,
            position,
            lines,
        })
    }
}
