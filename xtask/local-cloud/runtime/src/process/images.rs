//! The unpacked images, each once.
//!
//! They are renamed into place when whole, so that a killed process leaves no half of one.
//! They aren't synced, which can take seconds on a busy disk: after a restart of the machine they are unpacked anew.

use super::{procfs, unpack};
use crate::home::create_private_folder;
use crate::spec::{ImageOnDisk, Layer};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

/// What a digest begins with.
const ALGORITHM: &str = "sha256:";

pub(super) struct Images {
    folder: PathBuf,
    /// One lock an image, so that the first task unpacks it and the others wait; and whoever starts a task from it holds on
    /// to it until then.
    locks: Mutex<HashMap<String, Arc<RwLock<()>>>>,
}

/// An unpacked image that stays for as long as this is held.
pub(super) struct Unpacked {
    /// The folder with the image's files.
    pub(super) root: PathBuf,
    /// Whether it wasn't there before.
    pub(super) is_new: bool,
    _held: OwnedRwLockReadGuard<()>,
}

impl Images {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        let images = Images {
            folder,
            locks: Mutex::default(),
        };
        images.drop_those_of_an_earlier_boot()?;
        unpack::remove(&images.unfinished())?;
        create_private_folder(&images.unfinished())?;
        Ok(images)
    }

    /// The image's files, unpacked if they aren't yet.
    pub(super) async fn unpacked(&self, image: &ImageOnDisk) -> io::Result<Unpacked> {
        let name = folder_name(&image.digest)?.to_owned();
        let lock = self.lock(&name);
        let path = self.folder.join(&name);
        let held = lock.clone().read_owned().await;
        if path.try_exists()? {
            return Ok(Unpacked {
                root: path,
                is_new: false,
                _held: held,
            });
        }
        drop(held);
        let alone = lock.write_owned().await;
        let is_new = !path.try_exists()?;
        if is_new {
            self.unpack(image.layers.clone(), &name).await?;
        }
        Ok(Unpacked {
            root: path,
            is_new,
            _held: alone.downgrade(),
        })
    }

    async fn unpack(&self, layers: Vec<Layer>, name: &str) -> io::Result<()> {
        let (unfinished, path) = (self.unfinished().join(name), self.folder.join(name));
        tokio::task::spawn_blocking(move || {
            unpack::remove(&unfinished)?;
            unpack::unpack(&layers, &unfinished, unpack::Limits::default())?;
            fs::rename(&unfinished, &path)?;
            unpack::make_read_only(&path)
        })
        .await
        .map_err(io::Error::other)?
    }

    /// Removes the images that nobody uses: neither a running task, as `is_used` tells of their digests, nor one that is
    /// being started.
    pub(super) async fn drop_unused(&self, is_used: impl Fn(&str) -> bool) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Some(name) = entry.file_name().into_string().ok().filter(|name| is_hex(name)) else {
                continue;
            };
            let Ok(_alone) = self.lock(&name).try_write_owned() else {
                continue;
            };
            // Asked only now: a task that was being started runs by now.
            if is_used(&format!("{ALGORITHM}{name}")) {
                continue;
            }
            let path = entry.path();
            tokio::task::spawn_blocking(move || unpack::remove(&path))
                .await
                .map_err(io::Error::other)??;
        }
        // Whoever waits for a lock, or holds it, has a share in it.
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Ok(())
    }

    fn drop_those_of_an_earlier_boot(&self) -> io::Result<()> {
        let boot_id = procfs::boot_id()?;
        let path = self.folder.join("boot_id");
        if fs::read_to_string(&path).is_ok_and(|text| text == boot_id) {
            return Ok(());
        }
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                unpack::remove(&entry.path())?;
            }
        }
        fs::write(path, boot_id)
    }

    fn unfinished(&self) -> PathBuf {
        self.folder.join("unfinished")
    }

    fn lock(&self, name: &str) -> Arc<RwLock<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        locks.entry(name.to_owned()).or_default().clone()
    }
}

fn folder_name(digest: &str) -> io::Result<&str> {
    digest.strip_prefix(ALGORITHM).filter(|hex| is_hex(hex)).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{digest:?} is not an image's digest"),
        )
    })
}

fn is_hex(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_an_earlier_boot_are_not_trusted() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().to_owned();
        let image = folder.join("a".repeat(64));
        Images::open(folder.clone()).unwrap();
        fs::create_dir(&image).unwrap();
        Images::open(folder.clone()).unwrap();
        assert!(image.exists());
        fs::write(folder.join("boot_id"), "an earlier one").unwrap();
        Images::open(folder.clone()).unwrap();
        assert!(!image.exists());
    }
}
