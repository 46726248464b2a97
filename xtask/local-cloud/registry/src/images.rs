//! What ECR's own API asks of the registry: which images there are, and that some go.

use crate::manifest::Manifest;
use crate::name::{Reference, is_repository_name};
use crate::store::Index;
use crate::{Digest, Registry};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An image as ECR's `DescribeImages` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags that stand for it, in order.
    pub tags: Vec<String>,
    /// The compressed layers and the config; for an index, its largest image
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html>;
    /// whether AWS counts the config is unconfirmed, and a choice here).
    pub size_bytes: u64,
    /// When the manifest was first pushed.
    pub pushed_at: SystemTime,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's `artifactType`, else the config's media type; `None` for an index without one.
    pub artifact_media_type: Option<String>,
    /// The manifest that this one refers to, which may be missing.
    pub subject: Option<Digest>,
}

/// A manifest whose subject is another one, as the referrers API lists it
/// (<https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// The referring manifest's digest.
    pub digest: Digest,
    /// The referring manifest's media type.
    pub media_type: String,
    /// The manifest's `artifactType`, else the config's media type; `None` for an index without one.
    pub artifact_type: Option<String>,
    /// The length of the referring manifest.
    pub size_bytes: u64,
    /// The referring manifest's annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A manifest as it was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredManifest {
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The media type that it was pushed as.
    pub media_type: String,
    /// The manifest, byte for byte.
    pub bytes: Vec<u8>,
}

/// What became of a request to delete an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// There is no such image or tag.
    NotFound,
    /// It belongs to the indexes of these digests, which must go first.
    ReferencedByIndex(Vec<Digest>),
    /// These tags are gone, and the image too if `image` says so.
    Deleted {
        /// The image that was meant.
        digest: Digest,
        /// The tags that were removed.
        tags: Vec<String>,
        /// Whether the image itself is gone: a tag that isn't the last leaves it.
        image: bool,
    },
}

impl Registry {
    /// The images of a repository, in the order of their digests; none where nothing was ever pushed.
    ///
    /// # Errors
    ///
    /// When the folder can't be read, or was changed by other hands.
    pub fn images(&self, repository: &str) -> io::Result<Vec<Image>> {
        if !is_repository_name(repository) {
            return Ok(Vec::new());
        }
        // Held so that a manifest and its tags are seen together.
        let _index = self.shared.store.index();
        let store = &self.shared.store;
        let mut images = Vec::new();
        for digest in store.manifests(repository)? {
            images.extend(self.image(repository, &digest)?);
        }
        for tag in store.tags(repository)? {
            let digest = store.tagged(repository, &tag)?;
            if let Some(image) = images.iter_mut().find(|image| Some(&image.digest) == digest.as_ref()) {
                image.tags.push(tag);
            }
        }
        Ok(images)
    }

    /// The manifests of a repository whose subject is `subject`, in the order of their digests.
    ///
    /// # Errors
    ///
    /// When the folder can't be read.
    pub fn referrers(&self, repository: &str, subject: &Digest) -> io::Result<Vec<Referrer>> {
        if !is_repository_name(repository) {
            return Ok(Vec::new());
        }
        let _index = self.shared.store.index();
        let mut referrers = Vec::new();
        for digest in self.shared.store.manifests(repository)? {
            let manifest = self.manifest(repository, &digest)?;
            let Some(manifest) = manifest.filter(|manifest| manifest.subject.as_ref() == Some(subject)) else {
                continue;
            };
            referrers.push(Referrer {
                size_bytes: self.shared.store.manifest_size_bytes(&digest)?,
                artifact_type: manifest.artifact_type().map(str::to_owned),
                digest,
                media_type: manifest.media_type,
                annotations: manifest.annotations,
            });
        }
        Ok(referrers)
    }

    /// The manifest of that tag or digest, as it was pushed; `None` if the repository has none.
    ///
    /// # Errors
    ///
    /// When the folder can't be read.
    pub fn stored_manifest(&self, repository: &str, reference: &str) -> io::Result<Option<StoredManifest>> {
        let Some(reference) = Reference::parse(reference).filter(|_| is_repository_name(repository)) else {
            return Ok(None);
        };
        let Some(digest) = self.digest(repository, &reference)? else {
            return Ok(None);
        };
        let Some(record) = self.shared.store.record(repository, &digest)? else {
            return Ok(None);
        };
        Ok(Some(StoredManifest {
            bytes: self.shared.store.manifest_bytes(&digest)?,
            media_type: record.media_type,
            digest,
        }))
    }

    /// Deletes by tag or by digest, as ECR's `BatchDeleteImage`: a tag goes alone unless it is the last,
    /// a digest goes with all its tags
    /// (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html>).
    ///
    /// # Errors
    ///
    /// When the folder can't be read or written.
    pub fn delete_image(&self, repository: &str, reference: &str) -> io::Result<Deletion> {
        let reference = Reference::parse(reference).filter(|_| is_repository_name(repository));
        let Some(reference) = reference else {
            return Ok(Deletion::NotFound);
        };
        let index = self.shared.store.index();
        let Some(digest) = self.digest(repository, &reference)? else {
            return Ok(Deletion::NotFound);
        };
        let all = self.tags_of(repository, &digest)?;
        let tags = match &reference {
            Reference::Tag(tag) => vec![tag.clone()],
            Reference::Digest(_) => all.clone(),
        };
        let last = tags.len() == all.len();
        if last {
            let parents = self.indexes_with(repository, &digest)?;
            if !parents.is_empty() {
                return Ok(Deletion::ReferencedByIndex(parents));
            }
        }
        for tag in &tags {
            index.remove_tag(repository, tag)?;
        }
        if last {
            self.remove_image(&index, repository, &digest)?;
        }
        Ok(Deletion::Deleted {
            digest,
            tags,
            image: last,
        })
    }

    /// Deletes everything that was pushed to a repository.
    ///
    /// # Errors
    ///
    /// When the folder can't be read or written.
    pub fn delete_repository(&self, repository: &str) -> io::Result<()> {
        if !is_repository_name(repository) {
            return Ok(());
        }
        let index = self.shared.store.index();
        index.remove_repository(repository)?;
        index.collect_garbage()
    }

    /// The digest that a reference stands for, where its manifest is there.
    pub(crate) fn digest(&self, repository: &str, reference: &Reference) -> io::Result<Option<Digest>> {
        let store = &self.shared.store;
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => store.tagged(repository, tag)?,
        };
        match digest {
            Some(digest) if store.record(repository, &digest)?.is_some() => Ok(Some(digest)),
            _ => Ok(None),
        }
    }

    /// A manifest that the repository holds.
    pub(crate) fn manifest(&self, repository: &str, digest: &Digest) -> io::Result<Option<Manifest>> {
        let Some(record) = self.shared.store.record(repository, digest)? else {
            return Ok(None);
        };
        let bytes = self.shared.store.manifest_bytes(digest)?;
        let manifest = Manifest::parse(&bytes, Some(&record.media_type));
        manifest
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{digest}: {error}")))
    }

    fn image(&self, repository: &str, digest: &Digest) -> io::Result<Option<Image>> {
        let Some(record) = self.shared.store.record(repository, digest)? else {
            return Ok(None);
        };
        let Some(manifest) = self.manifest(repository, digest)? else {
            return Ok(None);
        };
        Ok(Some(Image {
            digest: digest.clone(),
            tags: Vec::new(),
            size_bytes: self.size_bytes(repository, &manifest)?,
            pushed_at: UNIX_EPOCH + Duration::from_millis(record.pushed_at_milliseconds),
            artifact_media_type: manifest.artifact_type().map(str::to_owned),
            media_type: manifest.media_type,
            subject: manifest.subject,
        }))
    }

    fn size_bytes(&self, repository: &str, manifest: &Manifest) -> io::Result<u64> {
        let own = |manifest: &Manifest| -> u64 { manifest.blobs().map(|blob| blob.size_bytes).sum() };
        let mut largest = own(manifest);
        for child in manifest.children() {
            if let Some(child) = self.manifest(repository, &child.digest)? {
                largest = largest.max(own(&child));
            }
        }
        Ok(largest)
    }

    fn tags_of(&self, repository: &str, digest: &Digest) -> io::Result<Vec<String>> {
        let store = &self.shared.store;
        let mut tags = Vec::new();
        for tag in store.tags(repository)? {
            if store.tagged(repository, &tag)?.as_ref() == Some(digest) {
                tags.push(tag);
            }
        }
        Ok(tags)
    }

    fn indexes_with(&self, repository: &str, digest: &Digest) -> io::Result<Vec<Digest>> {
        let mut parents = Vec::new();
        for parent in self.shared.store.manifests(repository)? {
            let manifest = self.manifest(repository, &parent)?;
            if manifest.is_some_and(|manifest| manifest.children().iter().any(|child| child.digest == *digest)) {
                parents.push(parent);
            }
        }
        Ok(parents)
    }

    /// Removes a manifest and the blobs that only it held; a blob that another push has just brought stays.
    fn remove_image(&self, index: &Index<'_>, repository: &str, digest: &Digest) -> io::Result<()> {
        let removed = self.manifest(repository, digest)?;
        index.remove_manifest(repository, digest)?;
        let mut held = BTreeSet::new();
        for other in self.shared.store.manifests(repository)? {
            let manifest = self.manifest(repository, &other)?;
            held.extend(
                manifest
                    .iter()
                    .flat_map(Manifest::blobs)
                    .map(|blob| blob.digest.clone()),
            );
        }
        for blob in removed.iter().flat_map(Manifest::blobs) {
            if !held.contains(&blob.digest) {
                index.unlink(repository, &blob.digest)?;
            }
        }
        index.collect_garbage()
    }
}
