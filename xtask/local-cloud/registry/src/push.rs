//! Takes in a manifest, from the protocol as from ECR's `PutImage`.

use crate::manifest::Manifest;
use crate::name::{Reference, is_repository_name};
use crate::store::{Index, ManifestRecord};
use crate::{Digest, Policy, Registry};
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// A manifest that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest that it refers to, whether the repository holds that one or not.
    pub subject: Option<Digest>,
}

/// Why a manifest wasn't stored.
#[derive(Debug)]
pub enum PushError {
    /// It is no manifest, or was sent as something else.
    Invalid(String),
    /// It was pushed by a digest that isn't its own.
    WrongDigest(String),
    /// The tag belongs to another image, and tags of this repository can't move.
    TagImmutable {
        /// The tag.
        tag: String,
    },
    /// A blob that it names is missing, or has another length.
    BlobMissing(String),
    /// A manifest that an index names is missing.
    ManifestMissing(String),
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for PushError {
    fn from(error: io::Error) -> Self {
        PushError::Io(error)
    }
}

impl Registry {
    /// Stores a manifest under a tag or under its own digest. `media_type` is what the client called it.
    ///
    /// The subject of a manifest may be missing, and be pushed later
    /// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests-with-subject>).
    ///
    /// # Errors
    ///
    /// When the manifest isn't one, isn't whole, would move an immutable tag, or when the folder can't be written.
    pub fn push_manifest(
        &self,
        repository: &str,
        policy: Policy,
        reference: &str,
        media_type: Option<&str>,
        bytes: &[u8],
    ) -> Result<Pushed, PushError> {
        let reference = Reference::parse(reference).filter(|_| is_repository_name(repository));
        let reference =
            reference.ok_or_else(|| PushError::Invalid("the reference is neither a tag nor a digest".to_owned()))?;
        let digest = Digest::of(bytes);
        let manifest = Manifest::parse(bytes, media_type).map_err(PushError::Invalid)?;
        let index = self.shared.store.index();
        match &reference {
            Reference::Digest(named) if *named != digest => {
                return Err(PushError::WrongDigest(format!(
                    "the manifest was sent as {named}, but is {digest}"
                )));
            }
            Reference::Tag(tag) => self.check_tag(repository, policy, tag, &digest)?,
            Reference::Digest(_) => {}
        }
        self.check_whole(repository, &manifest)?;
        self.put_record(&index, repository, &digest, &manifest, bytes)?;
        if let Reference::Tag(tag) = &reference {
            index.put_tag(repository, tag, &digest)?;
        }
        drop(index);
        self.shared.repositories.pushed(self, repository);
        Ok(Pushed {
            digest,
            subject: manifest.subject,
        })
    }

    /// An immutable tag stays with its image. Pushing the very image again is no change, and passes.
    fn check_tag(&self, repository: &str, policy: Policy, tag: &str, digest: &Digest) -> Result<(), PushError> {
        if !policy.immutable_tags {
            return Ok(());
        }
        match self.shared.store.tagged(repository, tag)? {
            Some(current) if current != *digest => Err(PushError::TagImmutable { tag: tag.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Everything that the manifest names must be in the repository, and as long as it says.
    fn check_whole(&self, repository: &str, manifest: &Manifest) -> Result<(), PushError> {
        let store = &self.shared.store;
        for blob in manifest.blobs() {
            let size_bytes = store.blob_size_bytes(repository, &blob.digest)?;
            if size_bytes != Some(blob.size_bytes) {
                let message = match size_bytes {
                    None => format!("the repository holds no blob {}, upload it first", blob.digest),
                    Some(size_bytes) => format!(
                        "the manifest gives {} {} bytes, but it has {size_bytes}",
                        blob.digest, blob.size_bytes
                    ),
                };
                return Err(PushError::BlobMissing(message));
            }
        }
        for child in manifest.children() {
            if store.record(repository, &child.digest)?.is_none() {
                let message = format!("the repository holds no manifest {}, push it first", child.digest);
                return Err(PushError::ManifestMissing(message));
            }
        }
        Ok(())
    }

    /// Records the manifest, unless it is there: an image's time is that of its first push.
    fn put_record(
        &self,
        index: &Index<'_>,
        repository: &str,
        digest: &Digest,
        manifest: &Manifest,
        bytes: &[u8],
    ) -> io::Result<()> {
        if self.shared.store.record(repository, digest)?.is_some() {
            return Ok(());
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let record = ManifestRecord {
            media_type: manifest.media_type.clone(),
            pushed_at_milliseconds: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        index.put_manifest(repository, digest, &record, bytes)
    }
}
