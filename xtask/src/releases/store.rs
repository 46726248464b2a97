//! The releases of an environment, in its image repository.

use std::collections::{BTreeMap, BTreeSet};

use deployment::release::{
    Artifact, Listed, MANIFEST_TYPE, OUTCOME_TYPE, Outcome, RECORD_TYPE, RELEASE_PREFIX, Record, Release, ReleaseError,
    Stored, Subject, TagChange, keep_changes, newest_first, read_annotations, read_release, release_tag,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::Value;

use crate::aws::Aws;
use crate::code::Code;
use crate::exit::{Coded as _, Failure};
use crate::image::RegistryLogin;
use crate::image::registry::{Manifest, Referrer, Repository};
use crate::releases::listing::{Listing, available, short};

/// How many releases are read at once.
const AT_ONCE: usize = 8;

/// An environment's releases.
#[derive(Debug)]
pub(crate) struct Store {
    aws: Aws,
    registry: Repository,
    /// `host[:port]/name`.
    address: String,
    /// The repository's name, as ECR's API takes it.
    name: String,
}

/// A release that the repository holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Created {
    /// The release's digest.
    pub(crate) digest: String,
    /// Whether the repository held it before.
    pub(crate) existed: bool,
}

impl Store {
    /// Logs in to a repository, `host[:port]/name`.
    ///
    /// # Errors
    /// If AWS grants no login.
    pub(crate) async fn open(aws: &Aws, address: &str) -> anyhow::Result<Self> {
        let login = aws.registry_login().await?;
        Self::with(aws, address, &RegistryLogin::new(login.user, login.password))
    }

    /// The same with a new login. ECR's lasts for 12 hours, which a deployment with its waits may outlast.
    /// <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>
    ///
    /// # Errors
    /// If AWS grants no login.
    pub(crate) async fn reopen(&self) -> anyhow::Result<Self> {
        Self::open(&self.aws, &self.address).await
    }

    pub(super) fn with(aws: &Aws, address: &str, login: &RegistryLogin) -> anyhow::Result<Self> {
        let registry = Repository::new(address, login, Code::Registry).coded(Code::Registry)?;
        let name = address.split_once('/').map_or(address, |(_, name)| name);
        Ok(Self {
            aws: aws.clone(),
            registry,
            address: address.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Stores a release with its record. A release that the repository holds already keeps its first record.
    ///
    /// # Errors
    /// If the image is gone (exit status 4), or the registry refuses or can't be reached.
    pub(crate) async fn create(&self, release: &Release, record: &Record) -> anyhow::Result<Created> {
        let artifact = release.artifact(&self.image(release).await?);
        let digest = artifact.manifest.digest.clone();
        let tag = release_tag(&digest);
        let existed = self.has(&tag).await?;
        if !existed {
            let stored = self.store(&artifact, &tag).await;
            // Tags are immutable: ECR refuses the second of two deployments that store the same release at once.
            if stored.is_err() && !self.has(&tag).await? {
                stored?;
            }
        }
        let events = self.registry.referrers(&digest).await.coded(Code::Registry)?;
        if !events.iter().any(|event| event.artifact_type == RECORD_TYPE) {
            self.note(&record.artifact(&artifact.subject())).await?;
        }
        Ok(Created { digest, existed })
    }

    /// Stores the outcome of a deployment of a release. Storing it twice changes nothing.
    ///
    /// # Errors
    /// If the release is gone (exit status 4), or the registry refuses or can't be reached.
    pub(crate) async fn add_outcome(&self, release: &str, outcome: &Outcome) -> anyhow::Result<()> {
        let manifest = self.manifest(release).await?.ok_or_else(|| lost(release))?;
        self.note(&outcome.artifact(&subject(&manifest))).await
    }

    /// Lists the releases with their records and outcomes, newest first.
    ///
    /// # Errors
    /// If ECR or the registry refuses or can't be reached.
    pub(crate) async fn list(&self) -> anyhow::Result<Listing> {
        let images = self.aws.images(&self.name).await?;
        let is_release = |tags: &[String]| tags.iter().any(|tag| tag.starts_with(RELEASE_PREFIX));
        let releases = images.iter().filter(|image| is_release(&image.tags));
        let digests: Vec<&str> = releases.map(|image| image.digest.as_str()).collect();
        let reading = stream::iter(digests)
            .map(|digest| self.listed(digest))
            .buffered(AT_ONCE);
        let read: Vec<_> = reading.try_collect().await?;
        let mut listing = Listing {
            images: images.iter().map(|image| image.digest.clone()).collect(),
            ..Listing::default()
        };
        for found in read.into_iter().flatten() {
            match found {
                Ok(listed) => listing.releases.push(listed),
                Err(unreadable) => listing.unreadable.push(unreadable),
            }
        }
        newest_first(&mut listing.releases);
        Ok(listing)
    }

    /// Finds a release by its digest, or by the first digits of it.
    ///
    /// # Errors
    /// If there is none or more than one, or its image is gone: exit status 4, and the releases that there are.
    pub(crate) async fn resolve(&self, name: &str) -> anyhow::Result<Listed> {
        let listing = self.list().await?;
        let found = listing.find(name)?.clone();
        self.check(&found.digest, &found.release, &listing).await?;
        Ok(found)
    }

    /// Checks that everything of a release's image is there.
    ///
    /// # Errors
    /// If something is gone (exit status 4, with the releases that there are), or the registry can't be reached.
    pub(crate) async fn check(&self, digest: &str, release: &Release, listing: &Listing) -> anyhow::Result<()> {
        match self.missing(release).await?.first() {
            Some(missing) => Err(gone(digest, missing, &available(listing)).into()),
            None => Ok(()),
        }
    }

    /// What is gone of a release's image: `its image` or `the layer sha256:…`. Empty if tasks can start.
    ///
    /// # Errors
    /// If the registry refuses or can't be reached.
    pub(crate) async fn missing(&self, release: &Release) -> anyhow::Result<Vec<String>> {
        let Some(manifest) = self.manifest(release.image_digest()).await? else {
            return Ok(vec![format!("its image {}", release.image_digest())]);
        };
        let content: Value = serde_json::from_slice(&manifest.blob.bytes).unwrap_or_default();
        let layers = content["layers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let digests = std::iter::once(&content["config"])
            .chain(layers)
            .filter_map(|blob| blob["digest"].as_str());
        let mut missing = Vec::new();
        for digest in digests {
            if !self.registry.has_blob(digest).await.coded(Code::Registry)? {
                missing.push(format!("the layer {digest} of its image"));
            }
        }
        Ok(missing)
    }

    /// Gives every `needed` digest its keep tag, and removes the keep tags of all others.
    ///
    /// # Errors
    /// If ECR or the registry refuses or can't be reached.
    pub(crate) async fn keep(&self, needed: &BTreeSet<String>) -> anyhow::Result<Vec<TagChange>> {
        let images = self.aws.images(&self.name).await?.into_iter();
        let stored = images.map(|image| Stored {
            digest: image.digest,
            tags: image.tags,
        });
        let changes = keep_changes(needed, &stored.collect::<Vec<_>>());
        let mut removed = Vec::new();
        for change in &changes {
            match change {
                TagChange::Add { digest, tag } => self.tag(digest, tag).await?,
                TagChange::Remove { tag } => removed.push(tag.clone()),
            }
        }
        self.aws.remove_tags(&self.name, &removed).await?;
        Ok(changes)
    }

    async fn tag(&self, digest: &str, tag: &str) -> anyhow::Result<()> {
        // What expired in this moment can't be kept.
        let Some(manifest) = self.manifest(digest).await? else {
            return Ok(());
        };
        let put = self.registry.put(tag, &manifest.media_type, &manifest.blob).await;
        if put.is_err() && self.has(tag).await? {
            return Ok(());
        }
        put.coded(Code::Registry)
    }

    async fn has(&self, reference: &str) -> anyhow::Result<bool> {
        self.registry.has_manifest(reference).await.coded(Code::Registry)
    }

    async fn manifest(&self, reference: &str) -> anyhow::Result<Option<Manifest>> {
        self.registry.fetch_manifest(reference).await.coded(Code::Registry)
    }

    /// The image of a release, as the registry has it.
    async fn image(&self, release: &Release) -> anyhow::Result<Subject> {
        let digest = release.image_digest();
        let manifest = self.manifest(digest).await?;
        let what = || format!("the image {digest} isn't in {}", self.address);
        let manifest = manifest.ok_or_else(|| Failure::preflight(what()).code(Code::ReleaseGone))?;
        Ok(subject(&manifest))
    }

    async fn store(&self, artifact: &Artifact, reference: &str) -> anyhow::Result<()> {
        for blob in &artifact.blobs {
            self.registry.put_blob(blob).await.coded(Code::Registry)?;
        }
        let put = self.registry.put(reference, MANIFEST_TYPE, &artifact.manifest).await;
        put.coded(Code::Registry)
    }

    /// Stores a record or an outcome, which no tag names.
    async fn note(&self, artifact: &Artifact) -> anyhow::Result<()> {
        self.store(artifact, &artifact.manifest.digest).await
    }

    /// A release with its record and outcomes. `None` if it has expired meanwhile, and its digest with the reason if it is
    /// malformed.
    async fn listed(&self, digest: &str) -> anyhow::Result<Option<Result<Listed, (String, String)>>> {
        let Some(manifest) = self.manifest(digest).await? else {
            return Ok(None);
        };
        let release = match self.read(&manifest).await {
            Ok(Some(release)) => release,
            Ok(None) => return Ok(None),
            Err(error) if error.downcast_ref::<ReleaseError>().is_some() => {
                return Ok(Some(Err((digest.to_owned(), error.to_string()))));
            }
            Err(error) => return Err(error),
        };
        let mut listed = Listed {
            digest: digest.to_owned(),
            release,
            record: None,
            outcomes: Vec::new(),
        };
        for event in self.registry.referrers(digest).await.coded(Code::Registry)? {
            self.add_event(&mut listed, event).await?;
        }
        listed.outcomes.sort_by_key(|outcome| outcome.time);
        Ok(Some(Ok(listed)))
    }

    /// Adds a record or an outcome. Anything else that refers to a release, such as a signature, is left out.
    async fn add_event(&self, listed: &mut Listed, event: Referrer) -> anyhow::Result<()> {
        let Some(known) = [RECORD_TYPE, OUTCOME_TYPE]
            .into_iter()
            .find(|known| *known == event.artifact_type)
        else {
            return Ok(());
        };
        let annotations = match event.annotations {
            Some(annotations) => annotations,
            None => self.annotations(known, &event.digest).await?,
        };
        if known == RECORD_TYPE {
            // The first one counts.
            let record = Record::parse(&annotations).ok();
            let earlier = listed.record.take().into_iter().chain(record);
            listed.record = earlier.min_by_key(|record| record.time);
        } else {
            listed.outcomes.extend(Outcome::parse(&annotations));
        }
        Ok(())
    }

    async fn annotations(&self, artifact_type: &'static str, digest: &str) -> anyhow::Result<BTreeMap<String, String>> {
        let manifest = self.manifest(digest).await?;
        let annotations = manifest.and_then(|manifest| read_annotations(artifact_type, &manifest.blob.bytes).ok());
        Ok(annotations.unwrap_or_default())
    }

    async fn read(&self, manifest: &Manifest) -> anyhow::Result<Option<Release>> {
        let content = read_release(&manifest.blob.bytes)?;
        let mut parts = Vec::new();
        for part in [&content.template, &content.parameters] {
            let bytes = self.registry.fetch_blob(&part.digest).await.coded(Code::Registry)?;
            let Some(bytes) = bytes else { return Ok(None) };
            part.check(&bytes)?;
            parts.push(bytes);
        }
        let [template, parameters] = &parts[..] else {
            return Ok(None);
        };
        Ok(Some(Release::parse(
            &self.address,
            &content.subject.digest,
            template,
            parameters,
        )?))
    }
}

fn subject(manifest: &Manifest) -> Subject {
    Subject::of(&manifest.media_type, &manifest.blob)
}

fn lost(digest: &str) -> Failure {
    let what = format!("the repository no longer has the release {}", short(digest));
    Failure::preflight(what).code(Code::ReleaseGone)
}

fn gone(digest: &str, what: &str, available: &str) -> Failure {
    let what = format!(
        "can't deploy release {}: {what} is gone; nothing was changed",
        short(digest)
    );
    Failure::preflight(what).code(Code::ReleaseGone).also(available)
}
