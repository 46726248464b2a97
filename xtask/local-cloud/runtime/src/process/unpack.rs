//! Unpacks an image's layers
//! (<https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md>).
//!
//! Layers come from whoever may push. Nothing in them may reach outside the folder, be a device, or fill the disk.

use crate::spec::Layer;
use flate2::read::MultiGzDecoder;
use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// What an image may cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// All layers together, unpacked, with the archives' own overhead.
    pub(super) bytes: u64,
    /// Files, folders and links.
    pub(super) entries: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes: 4 << 30,
            entries: 200_000,
        }
    }
}

const OCI_TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const OCI_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const DOCKER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// Unpacks the layers, the lowest first, into a folder that isn't there yet; and makes what it holds read-only.
/// The folder itself stays writable, as it must be to be renamed.
pub(super) fn unpack(layers: &[Layer], root: &Path, limits: Limits) -> io::Result<()> {
    fs::create_dir(root)?;
    let mut left = limits;
    for layer in layers {
        let name = layer
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        unpack_layer(layer, root, &mut left)
            .map_err(|error| io::Error::new(error.kind(), format!("layer {name}: {error}")))?;
    }
    each_child_folder(root, &mut make_read_only)
}

/// Makes a folder read-only, and those in it; its files are already.
pub(super) fn make_read_only(path: &Path) -> io::Result<()> {
    each_child_folder(path, &mut make_read_only)?;
    fs::set_permissions(path, Permissions::from_mode(0o555))
}

/// Removes an unpacked image.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if !path.try_exists()? {
        return Ok(());
    }
    make_folders_writable(path)?;
    fs::remove_dir_all(path)
}

fn unpack_layer(layer: &Layer, root: &Path, left: &mut Limits) -> io::Result<()> {
    let file = BufReader::new(File::open(&layer.path)?);
    let reader: Box<dyn Read> = match layer.media_type.as_str() {
        OCI_TAR | DOCKER_TAR => Box::new(file),
        OCI_GZIP | DOCKER_GZIP => Box::new(MultiGzDecoder::new(file)),
        other => {
            return Err(refused(format!(
                "layers of the type {other:?} are not supported, use tar or tar+gzip"
            )));
        }
    };
    let mut archive = Archive::new(Bounded {
        reader,
        left_bytes: &mut left.bytes,
    });
    let mut written = HashSet::new();
    for entry in archive.entries()? {
        left.entries = left
            .entries
            .checked_sub(1)
            .ok_or_else(|| refused("it holds too many files"))?;
        unpack_entry(entry?, root, &mut written)?;
    }
    // The archive ends before its compression does, whose checksum comes last.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    Ok(())
}

/// A reader that fails, rather than ends, after so many bytes.
struct Bounded<'a, R> {
    reader: R,
    left_bytes: &'a mut u64,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        let left = self.left_bytes.checked_sub(count as u64);
        *self.left_bytes = left.ok_or_else(|| refused("the image is too large once unpacked"))?;
        Ok(count)
    }
}

/// `written` holds this layer's paths: its whiteouts mean the layers below.
fn unpack_entry<R: Read>(mut entry: Entry<'_, R>, root: &Path, written: &mut HashSet<PathBuf>) -> io::Result<()> {
    let kind = entry.header().entry_type();
    if kind == EntryType::XGlobalHeader {
        return Ok(());
    }
    let relative = checked_path(&entry.path()?)?;
    let Some(name) = relative.file_name() else {
        // The root itself.
        return Ok(());
    };
    let name = name.to_str().map(str::to_owned);
    let parent = ensure_folder(root, relative.parent().unwrap_or(Path::new("")))?;
    if let Some(hidden) = name.as_deref().and_then(|name| name.strip_prefix(WHITEOUT)) {
        return white_out(&parent, name.as_deref() == Some(OPAQUE), hidden, root, written);
    }
    let path = root.join(&relative);
    match kind {
        EntryType::Directory => make_folder(&path)?,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            clear(&path)?;
            write_file(&mut entry, &path)?;
        }
        EntryType::Symlink => {
            let target = link_target(&entry, &relative)?;
            check_symlink(&target, &relative)?;
            clear(&path)?;
            symlink(target, &path)?;
        }
        EntryType::Link => hard_link(&link_target(&entry, &relative)?, &path, root)?,
        other => {
            return Err(refused(format!(
                "{} is neither file, folder nor link, but {other:?}",
                shown(&relative)
            )));
        }
    }
    written.insert(relative);
    Ok(())
}

/// The path as it lies below the root; nothing that could lead elsewhere.
fn checked_path(path: &Path) -> io::Result<PathBuf> {
    let mut checked = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => checked.push(name),
            Component::CurDir => {}
            _ => return Err(refused(format!("{} leads out of the image", shown(path)))),
        }
    }
    Ok(checked)
}

/// Makes sure that the path is a folder, reached through folders alone.
fn ensure_folder(root: &Path, relative: &Path) -> io::Result<PathBuf> {
    let mut path = root.to_owned();
    for component in relative.components() {
        path.push(component);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                return Err(refused(format!(
                    "{} leads through something that isn't a folder",
                    shown(relative)
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&path)?,
            Err(error) => return Err(error),
        }
    }
    Ok(path)
}

fn white_out(parent: &Path, opaque: bool, hidden: &str, root: &Path, written: &HashSet<PathBuf>) -> io::Result<()> {
    let below = |path: &Path| path.strip_prefix(root).is_ok_and(|path| !written.contains(path));
    if opaque {
        for entry in fs::read_dir(parent)? {
            let path = entry?.path();
            if below(&path) {
                clear(&path)?;
            }
        }
        return Ok(());
    }
    if hidden.is_empty() || hidden == "." || hidden == ".." {
        return Err(refused("a whiteout names nothing"));
    }
    let path = parent.join(hidden);
    if below(&path) { clear(&path) } else { Ok(()) }
}

/// Removes what is at the path, whatever it is, without following it.
fn clear(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        _ => {
            clear(path)?;
            fs::create_dir(path)
        }
    }
}

fn write_file<R: Read>(entry: &mut Entry<'_, R>, path: &Path) -> io::Result<()> {
    let executable = entry.header().mode()? & 0o111 != 0;
    let mut file = File::create_new(path)?;
    io::copy(entry, &mut file)?;
    file.set_permissions(Permissions::from_mode(if executable { 0o555 } else { 0o444 }))
}

fn link_target<R: Read>(entry: &Entry<'_, R>, relative: &Path) -> io::Result<PathBuf> {
    let target = entry
        .link_name()?
        .ok_or_else(|| refused(format!("{} links to nothing", shown(relative))))?;
    Ok(target.into_owned())
}

/// A symbolic link must be relative, and stay within the root.
fn check_symlink(target: &Path, relative: &Path) -> io::Result<()> {
    let mut depth = relative.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => {
                return Err(refused(format!(
                    "the link {} to {} leads out of the image",
                    shown(relative),
                    shown(target)
                )));
            }
        }
    }
    Ok(())
}

fn hard_link(target: &Path, path: &Path, root: &Path) -> io::Result<()> {
    let target = checked_path(target)?;
    let folder = ensure_folder(root, target.parent().unwrap_or(Path::new("")))?;
    let source = folder.join(target.file_name().unwrap_or_default());
    let file = fs::symlink_metadata(&source).is_ok_and(|metadata| metadata.is_file());
    if !file {
        return Err(refused(format!(
            "a hard link leads to {}, which is not a file of the image",
            shown(&target)
        )));
    }
    if source == path {
        return Ok(());
    }
    clear(path)?;
    fs::hard_link(source, path)
}

fn make_folders_writable(root: &Path) -> io::Result<()> {
    // A folder must be writable before it can be looked through and emptied; its parent comes first.
    fs::set_permissions(root, Permissions::from_mode(0o700))?;
    each_child_folder(root, &mut make_folders_writable)
}

fn each_child_folder(path: &Path, act: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            act(&entry.path())?;
        }
    }
    Ok(())
}

fn refused(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// A path from a layer, which may hold anything, fit for a message.
fn shown(path: &Path) -> String {
    format!("`{}`", path.to_string_lossy().escape_debug())
}

#[cfg(test)]
mod tests;
