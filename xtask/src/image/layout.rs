//! The image on disk: an OCI image layout.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::contents::{Blob, Contents, Descriptor, MANIFEST_TYPE, digest};

/// Writes an image to `directory`, in place of one that is there.
///
/// `index.json` is written last and in one step, so whoever reads meanwhile finds the old image or the new one. What
/// only the old one had is then deleted.
pub(super) fn write(directory: &Path, contents: &Contents) -> anyhow::Result<()> {
    let blobs = directory.join("blobs").join("sha256");
    fs::create_dir_all(&blobs)?;
    let parts = [&contents.layer, &contents.configuration, &contents.manifest];
    for blob in parts {
        replace(&blobs.join(blob.hexadecimal()), &blob.bytes)?;
    }
    replace(&directory.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [Descriptor::of(MANIFEST_TYPE, &contents.manifest)],
    });
    replace(&directory.join("index.json"), &serde_json::to_vec(&index)?)?;
    delete_others(&blobs, &parts.map(Blob::hexadecimal))?;
    Ok(())
}

/// Reads the image whose manifest has this digest back from `directory`.
///
/// # Errors
///
/// When a part is missing or isn't what its digest says.
pub(super) fn read(directory: &Path, manifest_digest: &str) -> anyhow::Result<Contents> {
    let manifest = read_blob(directory, manifest_digest)?;
    let parsed: Value = serde_json::from_slice(&manifest.bytes).context("the image's manifest is not JSON")?;
    let digest_at = |pointer: &str| {
        let digest = parsed.pointer(pointer).and_then(Value::as_str);
        digest.with_context(|| format!("the image's manifest has no {pointer}"))
    };
    Ok(Contents {
        layer: read_blob(directory, digest_at("/layers/0/digest")?)?,
        configuration: read_blob(directory, digest_at("/config/digest")?)?,
        manifest,
    })
}

fn read_blob(directory: &Path, wanted: &str) -> anyhow::Result<Blob> {
    let hexadecimal = wanted.strip_prefix("sha256:").unwrap_or_default();
    let is_digest = hexadecimal.len() == 64 && hexadecimal.bytes().all(|byte| byte.is_ascii_hexdigit());
    ensure!(is_digest, "`{wanted}` is not a digest");
    let path = directory.join("blobs").join("sha256").join(hexadecimal);
    let again = "build the image again";
    let bytes = fs::read(&path).with_context(|| format!("can't read {}; {again}", path.display()))?;
    ensure!(digest(&bytes) == wanted, "{} was changed; {again}", path.display());
    Ok(Blob::new(bytes))
}

/// Writes a file in one step; one that has these bytes already is left alone.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let mut temporary = PathBuf::from(path);
    temporary.set_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, path)
}

fn delete_others(blobs: &Path, kept: &[&str]) -> io::Result<()> {
    let kept: HashSet<&str> = kept.iter().copied().collect();
    for entry in fs::read_dir(blobs)? {
        let entry = entry?;
        if !entry.file_name().to_str().is_some_and(|name| kept.contains(name)) {
            // Another build may have deleted it meanwhile.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}
