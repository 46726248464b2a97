//! The folder that a runtime keeps: its name, the unpacked images, the logs.

use crate::spec::is_plain_name;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The logs of so many tasks are kept; the oldest go first.
const TASK_LOGS_MAX: usize = 500;

#[derive(Debug, Clone)]
pub(crate) struct Home {
    folder: PathBuf,
    id: String,
}

impl Home {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        create_private_folder(folder)?;
        let folder = fs::canonicalize(folder)?;
        let home = Home {
            id: read_or_create_id(&folder)?,
            folder,
        };
        create_private_folder(&home.images())?;
        create_private_folder(&home.logs())?;
        home.drop_old_logs()?;
        Ok(home)
    }

    /// Tells this home's tasks from those of any other on the machine. The same at every opening.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.folder.join("images")
    }

    pub(crate) fn log_path(&self, task: &str, container: &str) -> PathBuf {
        let plain = |name: &str| {
            if is_plain_name(name) {
                name.to_owned()
            } else {
                "_".to_owned()
            }
        };
        self.logs().join(plain(task)).join(format!("{}.log", plain(container)))
    }

    /// Opens a container's log to append to.
    pub(crate) fn open_log(&self, task: &str, container: &str) -> io::Result<File> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.log_path(task, container);
        if let Some(folder) = path.parent() {
            create_private_folder(folder)?;
        }
        File::options().append(true).create(true).mode(0o600).open(path)
    }

    fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    fn drop_old_logs(&self) -> io::Result<()> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(self.logs())? {
            let entry = entry?;
            folders.push((entry.metadata()?.modified()?, entry.path()));
        }
        folders.sort();
        let excess = folders.len().saturating_sub(TASK_LOGS_MAX);
        for (_, path) in &folders[..excess] {
            fs::remove_dir_all(path)?;
        }
        Ok(())
    }
}

pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn read_or_create_id(folder: &Path) -> io::Result<String> {
    let path = folder.join("id");
    match fs::read_to_string(&path) {
        Ok(id) if is_plain_name(id.trim()) => return Ok(id.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // Randomly keyed by the standard library; it names, it doesn't guard.
    let id = format!("{:016x}", std::hash::RandomState::new().build_hasher().finish());
    let scratch = folder.join("id.new");
    fs::write(&scratch, &id)?;
    fs::rename(scratch, path)?;
    Ok(id)
}
