//! Blobs on their way in.

use crate::{Digest, Limits};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, io};
use tokio::io::AsyncWriteExt as _;

/// An upload that nobody has written to for so long may be given up for a new one.
const IDLE: Duration = Duration::from_mins(10);

/// The uploads that are open. They don't outlive the process.
pub(crate) struct Uploads {
    limits: Limits,
    open: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    repository: String,
    touched: Instant,
    upload: Arc<tokio::sync::Mutex<Upload>>,
}

/// One blob's bytes so far.
pub(crate) struct Upload {
    path: PathBuf,
    file: tokio::fs::File,
    hasher: Sha256,
    size_bytes: u64,
    limit_bytes: u64,
    /// Set while bytes are on their way to the file: an upload whose writer went away in the middle is of no use.
    torn: bool,
}

/// Why an upload can't go on.
#[derive(Debug)]
pub(crate) enum UploadError {
    TooManyOpen,
    TooLarge { limit_bytes: u64 },
    Torn,
    Io(io::Error),
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        UploadError::Io(error)
    }
}

impl Uploads {
    pub(crate) fn new(limits: Limits) -> Self {
        Uploads {
            limits,
            open: Mutex::default(),
        }
    }

    /// Opens an upload to this repository, in a file that isn't there yet.
    pub(crate) fn begin(&self, repository: &str, path: PathBuf) -> Result<String, UploadError> {
        let mut open = self.open();
        if open.len() >= self.limits.open_uploads {
            // Whoever holds the lock of an upload is writing to it.
            open.retain(|_, entry| entry.touched.elapsed() < IDLE || entry.upload.try_lock().is_err());
        }
        if open.len() >= self.limits.open_uploads {
            return Err(UploadError::TooManyOpen);
        }
        let upload = Upload {
            file: tokio::fs::File::from_std(fs::File::create_new(&path)?),
            path,
            hasher: Sha256::new(),
            size_bytes: 0,
            limit_bytes: self.limits.blob_bytes,
            torn: false,
        };
        let id = random_id();
        let entry = Entry {
            repository: repository.to_owned(),
            touched: Instant::now(),
            upload: Arc::new(tokio::sync::Mutex::new(upload)),
        };
        open.insert(id.clone(), entry);
        Ok(id)
    }

    /// The open upload of that name to this repository.
    pub(crate) fn get(&self, repository: &str, id: &str) -> Option<Arc<tokio::sync::Mutex<Upload>>> {
        let mut open = self.open();
        let entry = open.get_mut(id).filter(|entry| entry.repository == repository)?;
        entry.touched = Instant::now();
        Some(entry.upload.clone())
    }

    /// Forgets an upload; its file goes with it, unless it has been taken. `false` if it was forgotten before.
    pub(crate) fn end(&self, id: &str) -> bool {
        self.open().remove(id).is_some()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upload {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(crate) async fn append(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        if self.torn {
            return Err(UploadError::Torn);
        }
        let size_bytes = self.size_bytes + bytes.len() as u64;
        if size_bytes > self.limit_bytes {
            return Err(UploadError::TooLarge {
                limit_bytes: self.limit_bytes,
            });
        }
        self.torn = true;
        self.file.write_all(bytes).await?;
        self.hasher.update(bytes);
        self.size_bytes = size_bytes;
        self.torn = false;
        Ok(())
    }

    /// Makes what was written durable, and says what it is.
    pub(crate) async fn finish(&mut self) -> Result<Digest, UploadError> {
        if self.torn {
            return Err(UploadError::Torn);
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(Digest::from_hasher(self.hasher.clone()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Not there when the store has taken it over, which is the usual end.
        let _ = fs::remove_file(&self.path);
    }
}

/// 128 bits that can't be guessed, from the standard library's own randomly keyed hasher.
fn random_id() -> String {
    let half = || std::hash::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half())
}
