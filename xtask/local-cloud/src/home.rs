//! The folder of a local cloud: its lock, its state and what it tells of itself.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::options::Bake;

/// The folder of a local cloud.
#[derive(Debug, Clone)]
pub struct Home {
    folder: PathBuf,
}

/// What a running local cloud tells of itself, written once it accepts requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Where it listens: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// Its process id.
    pub process_id: u32,
    /// The region that it plays.
    pub region: String,
    /// The account that it plays.
    pub account_id: String,
    /// What runs its tasks: `docker` or `process`.
    pub runtime: String,
    /// How many times faster than on AWS its waits pass.
    pub speed: f64,
    /// How many of AWS's minutes after its end a minute's metrics are published.
    #[serde(default)]
    pub metric_lag_minutes: f64,
    /// Whether ECS honours the bake time of a rolling deployment.
    #[serde(default)]
    pub bake: Bake,
    /// The access key to sign with; it opens nothing but this loopback endpoint.
    pub access_key_id: String,
    /// The secret key to sign with.
    pub secret_access_key: String,
}

/// Held for as long as a local cloud runs in its folder; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Home {
    /// The local cloud of this folder, which needn't exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file that a local cloud in the background logs to.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// The file that holds everything that a local cloud has acknowledged.
    pub fn state_file(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// The local cloud that runs in this folder, if one does.
    ///
    /// # Errors
    /// When the folder can't be read, or holds what no local cloud wrote.
    pub fn running(&self) -> anyhow::Result<Option<Running>> {
        if !self.in_use()? {
            return Ok(None);
        }
        match fs::read(self.running_file()) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .with_context(|| format!("{} is not what a local cloud writes", self.running_file().display())),
            // It holds the lock and hasn't said yet where it listens: it is starting.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.running_file().display())),
        }
    }

    /// Whether a process holds the folder: from before it says where it listens until its last task has ended.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn in_use(&self) -> anyhow::Result<bool> {
        match File::open(self.lock_file()) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(error)) => Err(error).context("cannot ask for the lock of the local cloud"),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.folder.display())),
        }
    }

    /// Asks the local cloud of this folder to end itself and every task it started, and waits until it has.
    /// False when none ran.
    ///
    /// # Errors
    /// When it hasn't ended within the limit, or can't be signalled.
    pub fn stop(&self, limit: Duration) -> anyhow::Result<bool> {
        let Some(running) = self.running()? else {
            return Ok(false);
        };
        let process = i32::try_from(running.process_id).ok().and_then(Pid::from_raw);
        let process = process.with_context(|| format!("{} is no process id", running.process_id))?;
        match kill_process(process, Signal::TERM) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot signal process {}", running.process_id)),
        }
        let deadline = Instant::now() + limit;
        while self.in_use()? {
            if Instant::now() > deadline {
                bail!(
                    "the local cloud (process {}) has not ended within {} s",
                    running.process_id,
                    limit.as_secs()
                );
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Ok(true)
    }

    /// Takes the folder for this process, making it if need be, readable by its owner only.
    ///
    /// # Errors
    /// When another local cloud runs in it, naming its process; when the folder can't be written.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        create_private_folder(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let path = self.lock_file();
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => {
                remove_if_there(&self.running_file())?;
                Ok(Lock { _file: file })
            }
            Err(TryLockError::WouldBlock) => match self.running()? {
                Some(running) => bail!(AlreadyRuns {
                    process_id: running.process_id
                }),
                None => bail!("another local cloud is just starting in {}", self.folder.display()),
            },
            Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Says where the local cloud listens, for those who come to use it.
    pub(crate) fn announce(&self, running: &Running) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(running).context("cannot write down where the local cloud listens")?;
        crate::store::replace_file(&self.running_file(), &text)
            .with_context(|| format!("cannot write {}", self.running_file().display()))
    }

    /// Takes back [`Home::announce`].
    pub(crate) fn withdraw(&self) -> anyhow::Result<()> {
        remove_if_there(&self.running_file())
    }

    fn lock_file(&self) -> PathBuf {
        self.folder.join("lock")
    }

    fn running_file(&self) -> PathBuf {
        self.folder.join("running.json")
    }
}

/// A local cloud runs in the folder already.
#[derive(Debug, thiserror::Error)]
#[error("a local cloud already runs here, as process {process_id}; `cargo xtask local stop` ends it")]
pub struct AlreadyRuns {
    /// Its process id.
    pub process_id: u32,
}

fn create_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Whoever starts this in the background has made it already, to put the log there.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_its_owners_alone_even_if_it_was_there() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = Home::new(folder.path());
        let lock = home.lock().unwrap();
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(home.lock().is_err(), "two in one folder");
        drop(lock);
        home.lock().unwrap();
    }
}
