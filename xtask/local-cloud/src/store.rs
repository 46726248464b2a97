//! Files that are either the old ones or the new ones, never half of each.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Puts the contents in the file's place in one step, so that whoever reads it at any moment, even after a kill -9,
/// sees the old contents or the new. Readable by its owner only.
///
/// # Errors
/// Those of the file system: a full disk leaves the old contents.
pub(crate) fn replace_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(contents)?;
    file.sync_data()?;
    fs::rename(&temporary, path)
}
