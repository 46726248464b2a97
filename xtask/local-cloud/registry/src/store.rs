//! The folder: content by digest, and what each repository holds of it.
//!
//! ```text
//! blobs/<hex>                             every blob and every manifest's bytes, once
//! repositories/<name>/blobs/<hex>         empty: the repository holds this blob
//! repositories/<name>/manifests/<hex>     JSON: the repository holds this manifest
//! repositories/<name>/tags/<tag>          the digest that the tag stands for
//! uploads/                                what isn't whole yet
//! ```
//!
//! Everything is written aside, synced, and renamed into place, the pointed-to before the pointer;
//! so that a process killed at any moment leaves whole things only, or nothing.

use crate::Digest;
use crate::name::repository_folder_name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) struct Store {
    folder: PathBuf,
    scratch_counter: AtomicU64,
    /// Held while anything that can be listed, or collected, changes.
    index: Mutex<()>,
}

/// What a repository keeps of a manifest beside its bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ManifestRecord {
    pub(crate) media_type: String,
    /// Milliseconds since 1970.
    pub(crate) pushed_at_milliseconds: u64,
}

/// Leave to change the index. Whoever holds it is alone.
pub(crate) struct Index<'a> {
    store: &'a Store,
    _guard: MutexGuard<'a, ()>,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let store = Store {
            folder: folder.to_owned(),
            scratch_counter: AtomicU64::new(0),
            index: Mutex::new(()),
        };
        create_private_folder(folder)?;
        remove_folder(&store.uploads())?;
        for part in ["blobs", "repositories", "uploads"] {
            create_private_folder(&folder.join(part))?;
        }
        store.index().collect_garbage()?;
        Ok(store)
    }

    pub(crate) fn index(&self) -> Index<'_> {
        // The lock guards files, which an unwinding thread leaves whole.
        let guard = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        Index {
            store: self,
            _guard: guard,
        }
    }

    /// A new path for something that isn't whole yet; cleared at the next opening.
    pub(crate) fn scratch_path(&self) -> PathBuf {
        let number = self.scratch_counter.fetch_add(1, Ordering::Relaxed);
        self.uploads().join(number.to_string())
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.hex())
    }

    /// The length of a blob that this repository holds.
    pub(crate) fn blob_size_bytes(&self, repository: &str, digest: &Digest) -> io::Result<Option<u64>> {
        if !self.link_path(repository, digest).try_exists()? {
            return Ok(None);
        }
        Ok(optional(fs::metadata(self.blob_path(digest)))?.map(|metadata| metadata.len()))
    }

    pub(crate) fn record(&self, repository: &str, digest: &Digest) -> io::Result<Option<ManifestRecord>> {
        let Some(text) = optional(fs::read(self.record_path(repository, digest)))? else {
            return Ok(None);
        };
        Ok(Some(serde_json::from_slice(&text)?))
    }

    pub(crate) fn manifest_bytes(&self, digest: &Digest) -> io::Result<Vec<u8>> {
        fs::read(self.blob_path(digest))
    }

    pub(crate) fn manifest_size_bytes(&self, digest: &Digest) -> io::Result<u64> {
        Ok(fs::metadata(self.blob_path(digest))?.len())
    }

    /// The digests of a repository's manifests, in order.
    pub(crate) fn manifests(&self, repository: &str) -> io::Result<Vec<Digest>> {
        let names = file_names(&self.repository_path(repository).join("manifests"))?;
        Ok(names.iter().filter_map(|name| Digest::from_hex(name)).collect())
    }

    /// A repository's tags, in order.
    pub(crate) fn tags(&self, repository: &str) -> io::Result<Vec<String>> {
        file_names(&self.repository_path(repository).join("tags"))
    }

    pub(crate) fn tagged(&self, repository: &str, tag: &str) -> io::Result<Option<Digest>> {
        let text = optional(fs::read_to_string(self.tag_path(repository, tag)))?;
        text.map(|text| text.trim().parse().map_err(io::Error::other))
            .transpose()
    }

    fn uploads(&self) -> PathBuf {
        self.folder.join("uploads")
    }

    fn repository_path(&self, repository: &str) -> PathBuf {
        self.folder
            .join("repositories")
            .join(repository_folder_name(repository))
    }

    fn link_path(&self, repository: &str, digest: &Digest) -> PathBuf {
        self.repository_path(repository).join("blobs").join(digest.hex())
    }

    fn record_path(&self, repository: &str, digest: &Digest) -> PathBuf {
        self.repository_path(repository).join("manifests").join(digest.hex())
    }

    fn tag_path(&self, repository: &str, tag: &str) -> PathBuf {
        self.repository_path(repository).join("tags").join(tag)
    }

    fn write_whole(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let scratch = self.scratch_path();
        let mut file = File::create_new(&scratch)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.put_in_place(&scratch, path)
    }

    fn put_in_place(&self, scratch: &Path, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(&self.folder);
        create_private_folder(folder)?;
        fs::rename(scratch, path)?;
        sync_folder(folder)
    }
}

impl Index<'_> {
    /// Takes a whole, synced file over as a blob of this repository.
    pub(crate) fn put_blob(&self, repository: &str, digest: &Digest, scratch: &Path) -> io::Result<()> {
        let path = self.store.blob_path(digest);
        if path.try_exists()? {
            fs::remove_file(scratch)?;
        } else {
            self.store.put_in_place(scratch, &path)?;
        }
        self.link(repository, digest)
    }

    /// Lets this repository hold a blob that is there.
    pub(crate) fn link(&self, repository: &str, digest: &Digest) -> io::Result<()> {
        let path = self.store.link_path(repository, digest);
        if path.try_exists()? {
            return Ok(());
        }
        self.store.write_whole(&path, b"")
    }

    pub(crate) fn put_manifest(
        &self,
        repository: &str,
        digest: &Digest,
        record: &ManifestRecord,
        bytes: &[u8],
    ) -> io::Result<()> {
        let path = self.store.blob_path(digest);
        if !path.try_exists()? {
            self.store.write_whole(&path, bytes)?;
        }
        let record_path = self.store.record_path(repository, digest);
        self.store.write_whole(&record_path, &serde_json::to_vec(record)?)
    }

    pub(crate) fn put_tag(&self, repository: &str, tag: &str, digest: &Digest) -> io::Result<()> {
        let path = self.store.tag_path(repository, tag);
        self.store.write_whole(&path, digest.to_string().as_bytes())
    }

    pub(crate) fn remove_tag(&self, repository: &str, tag: &str) -> io::Result<()> {
        remove_file(&self.store.tag_path(repository, tag))
    }

    pub(crate) fn remove_manifest(&self, repository: &str, digest: &Digest) -> io::Result<()> {
        remove_file(&self.store.record_path(repository, digest))
    }

    pub(crate) fn unlink(&self, repository: &str, digest: &Digest) -> io::Result<()> {
        remove_file(&self.store.link_path(repository, digest))
    }

    pub(crate) fn remove_repository(&self, repository: &str) -> io::Result<()> {
        let path = self.store.repository_path(repository);
        if !path.try_exists()? {
            return Ok(());
        }
        // Renamed away first, so that it goes at one stroke.
        let scratch = self.store.scratch_path();
        fs::rename(&path, &scratch)?;
        sync_folder(&self.store.folder.join("repositories"))?;
        remove_folder(&scratch)
    }

    /// Removes the content that no repository holds.
    pub(crate) fn collect_garbage(&self) -> io::Result<()> {
        let held = self.held()?;
        let blobs = self.store.folder.join("blobs");
        for name in file_names(&blobs)? {
            if !held.contains(&name) {
                remove_file(&blobs.join(name))?;
            }
        }
        Ok(())
    }

    fn held(&self) -> io::Result<BTreeSet<String>> {
        let repositories = self.store.folder.join("repositories");
        let mut held = BTreeSet::new();
        for name in file_names(&repositories)? {
            for part in ["blobs", "manifests"] {
                held.extend(file_names(&repositories.join(&name).join(part))?);
            }
        }
        Ok(held)
    }
}

/// The names in a folder, in order; none where there is no folder.
fn file_names(folder: &Path) -> io::Result<Vec<String>> {
    let Some(entries) = optional(fs::read_dir(folder))? else {
        return Ok(Vec::new());
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove_file(path: &Path) -> io::Result<()> {
    optional(fs::remove_file(path)).map(|_| ())
}

fn remove_folder(path: &Path) -> io::Result<()> {
    optional(fs::remove_dir_all(path)).map(|_| ())
}

fn create_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
