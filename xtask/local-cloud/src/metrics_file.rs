//! The file that keeps metrics over a restart: a line a minute, apart from the state, which is written as a whole.
//!
//! A line is appended and not synchronised: it survives the process, which is what may be killed here, and the loss of a
//! minute of metrics in a crash of the whole machine undoes nothing.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cloudwatch::MetricLine;
use crate::store::replace_file;

/// The lines of three hours that are published, and of those that aren't yet: two readings a minute.
const LINES_KEPT: usize = 2 * 190;

/// When the file has so many lines, the old ones go.
const LINES_LIMIT: usize = 3 * LINES_KEPT;

/// The file, and how many lines it has.
#[derive(Debug, Clone)]
pub(crate) struct MetricsFile {
    path: Arc<PathBuf>,
    lines: Arc<Mutex<usize>>,
}

impl MetricsFile {
    /// The file at a path.
    pub(crate) fn open(path: &Path) -> Self {
        let count = lines(path).map_or_else(
            |error| {
                tracing::warn!(%error, "the metrics of the last run can't be read");
                0
            },
            Iterator::count,
        );
        Self {
            path: Arc::new(path.to_owned()),
            lines: Arc::new(Mutex::new(count)),
        }
    }

    /// The last three hours of what it holds, read line by line: all at once are tens of MiB, of which little stays, and
    /// the allocator gives none of it back.
    pub(crate) fn kept(&self) -> impl Iterator<Item = MetricLine> {
        let surplus = self
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saturating_sub(LINES_KEPT);
        let lines = lines(&self.path).into_iter().flatten().skip(surplus);
        // A line that was cut short is the last.
        lines.filter_map(|line| serde_json::from_str(&line.ok()?).ok())
    }

    /// Adds a line.
    pub(crate) fn append(&self, line: &str) {
        if let Err(error) = self.try_append(line) {
            tracing::warn!(%error, path = %self.path.display(), "metrics can't be kept for after a restart");
        }
    }

    fn try_append(&self, line: &str) -> io::Result<()> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if *lines >= LINES_LIMIT {
            let surplus = lines.saturating_sub(LINES_KEPT);
            let kept = self::lines(&self.path)?.skip(surplus).collect::<io::Result<Vec<_>>>()?;
            replace_file(&self.path, (kept.join("\n") + "\n").as_bytes())?;
            *lines = kept.len();
        }
        let mut file = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&*self.path)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        *lines += 1;
        Ok(())
    }
}

/// The lines of a file; none where there is no file.
fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let file = match File::open(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(file.into_iter().flat_map(|file| BufReader::new(file).lines()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lines_stay_and_a_cut_one_does_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.ndjson");
        let line = |minute: usize| format!(r#"{{"minute_nanos":1,"minute":{minute},"samples":[]}}"#);
        let file = MetricsFile::open(&path);
        assert_eq!(file.kept().count(), 0);
        (0..2000).for_each(|minute| file.append(&line(minute)));
        file.append("{\"minute_nanos\":1,\"min");
        let all = lines(&path).unwrap().collect::<io::Result<Vec<_>>>().unwrap();
        assert!((LINES_KEPT..=LINES_LIMIT).contains(&all.len()), "{}", all.len());
        assert_eq!(all[all.len() - 2], line(1999));
        let again = MetricsFile::open(&path);
        assert_eq!(
            again.kept().count(),
            LINES_KEPT - 1,
            "three hours, less the one that was cut short"
        );
    }
}
