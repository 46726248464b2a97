//! What a build's cache begins with on this machine: the dependencies that are compiled already.
//!
//! The pipeline builds in a clean checkout, whose `target` is empty the first time. What cargo compiled for this command
//! line is just what it would compile there again, but for the checkout's own crates, which cargo knows by their folder.
//! Copies, not links: cargo writes some of its files in place.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io;
use std::path::{Path, PathBuf};

use local_cloud::CacheSeed;

/// The folder in a checkout that is cargo's.
const TARGET: &str = "target";

/// What later compilations read of a compiled crate; what only programs and debuggers read is left.
const READ_AGAIN: [&str; 4] = ["d", "rlib", "rmeta", "so"];

/// Cargo's notes come first: whatever is noted as done was done when it was copied.
const FOLDERS: [&str; 3] = [".fingerprint", "build", "deps"];

/// The seed from the folder that this program was compiled into; none where cargo compiled it elsewhere, as in an artifact.
pub(super) fn of_this_program(root: &Path) -> Option<CacheSeed> {
    let program = std::env::current_exe().ok()?;
    let profile = program.parent()?.to_owned();
    let profile_name = PathBuf::from(profile.file_name()?);
    let packages = dependencies(&fs::read_to_string(root.join("Cargo.lock")).ok()?);
    if !FOLDERS.iter().all(|folder| profile.join(folder).is_dir()) {
        return None;
    }
    Some(CacheSeed::new(move |path, folder| {
        if path != Path::new(TARGET) {
            return Ok(());
        }
        copy(&profile, &folder.join(&profile_name), &packages)
    }))
}

/// The packages that come from a registry, by cargo's lock file.
fn dependencies(lock: &str) -> BTreeSet<String> {
    let packages = lock.split("[[package]]").skip(1);
    let from_registry = packages.filter(|package| package.lines().any(|line| line.starts_with("source = ")));
    let names = from_registry.filter_map(|package| {
        let name = package.lines().find_map(|line| line.strip_prefix("name = "))?;
        Some(name.trim_matches('"').to_owned())
    });
    names.collect()
}

/// Copies what cargo keeps of those packages from one profile's folder to another's. Its notes have packages' names, what it
/// compiled those of crates; both end in the same hash.
fn copy(profile: &Path, to: &Path, packages: &BTreeSet<String>) -> io::Result<()> {
    let mut hashes = BTreeSet::new();
    for entry in fs::read_dir(profile.join(FOLDERS[0]))? {
        let name = entry?.file_name();
        if let Some((_, hash)) = parts(&name).filter(|(package, _)| packages.contains(*package)) {
            hashes.insert(hash.to_owned());
        }
    }
    for folder in FOLDERS {
        for entry in fs::read_dir(profile.join(folder))? {
            let entry = entry?;
            let name = entry.file_name();
            let read_again = entry.file_type()?.is_dir() || is_read_again(&name);
            if read_again && parts(&name).is_some_and(|(_, hash)| hashes.contains(hash)) {
                copy_with_times(&entry.path(), &to.join(folder).join(&name))?;
            }
        }
    }
    Ok(())
}

fn is_read_again(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    extension.is_some_and(|extension| READ_AGAIN.contains(&extension))
}

/// The name and the hash in `serde-json-0123456789abcdef` or `libserde_json-0123456789abcdef.rlib`.
fn parts(name: &OsStr) -> Option<(&str, &str)> {
    let name = name.to_str()?;
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    stem.rsplit_once('-')
}

/// Copies a file or a folder; cargo goes by the times of both.
fn copy_with_times(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    if metadata.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy_with_times(&entry.path(), &to.join(entry.file_name()))?;
        }
    } else {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from, to)?;
    }
    let times = FileTimes::new().set_modified(metadata.modified()?);
    File::open(to)?.set_times(times)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const LOCK: &str = r#"
version = 4

[[package]]
name = "own"
version = "0.1.0"
dependencies = [
 "serde-json",
]

[[package]]
name = "serde-json"
version = "1.0.0"
source = "registry+https://example.com"
"#;

    #[test]
    fn dependencies_alone_are_copied_with_their_times() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("debug"), folder.path().join("new"));
        let files = [
            (".fingerprint/serde-json-01/lib-serde_json", true),
            (".fingerprint/serde-json-02/run-build-script", true),
            (".fingerprint/own-03/lib-own", false),
            ("build/serde-json-02/out/made.rs", true),
            // The crate needn't be named as its package is.
            ("deps/libjson-01.rlib", true),
            ("deps/libjson-01.rmeta", true),
            ("deps/json-01.d", true),
            ("deps/json-01", false),
            ("deps/libown-03.rlib", false),
        ];
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (file, _) in files {
            let path = from.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, file).unwrap();
            File::open(&path).unwrap().set_modified(long_ago).unwrap();
        }

        copy(&from, &to, &dependencies(LOCK)).unwrap();

        for (file, copied) in files {
            let path = to.join(file);
            assert_eq!(path.exists(), copied, "{file}");
            if copied {
                assert_eq!(fs::read_to_string(&path).unwrap(), file);
                assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), long_ago, "{file}");
            }
        }
    }
}
