//! Layers, good and bad, built in memory.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use tar::{Builder, Header};
use tempfile::TempDir;

/// An entry of a layer, whose names are written as they are: tar's own builder refuses the bad ones.
struct Given<'a> {
    kind: EntryType,
    path: &'a str,
    content: &'a str,
}

fn file<'a>(path: &'a str, content: &'a str) -> Given<'a> {
    Given {
        kind: EntryType::Regular,
        path,
        content,
    }
}

fn folder(path: &str) -> Given<'_> {
    Given {
        kind: EntryType::Directory,
        path,
        content: "",
    }
}

fn link<'a>(kind: EntryType, path: &'a str, target: &'a str) -> Given<'a> {
    Given {
        kind,
        path,
        content: target,
    }
}

fn tar(entries: &[Given<'_>]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        let name = &mut header.as_old_mut().name;
        name[..entry.path.len()].copy_from_slice(entry.path.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_mode(0o644);
        let content = match entry.kind {
            EntryType::Symlink | EntryType::Link => {
                let target = &mut header.as_old_mut().linkname;
                target[..entry.content.len()].copy_from_slice(entry.content.as_bytes());
                ""
            }
            _ => entry.content,
        };
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn layer(folder: &TempDir, number: usize, bytes: &[u8], media_type: &str) -> Layer {
    let path = folder.path().join(format!("layer{number}"));
    fs::write(&path, bytes).unwrap();
    Layer {
        path,
        media_type: media_type.to_owned(),
    }
}

/// Unpacks, and lists what there is: `path`, `path = content`, `path -> target`.
fn unpacked(layers: &[Vec<u8>], limits: Limits) -> io::Result<Vec<String>> {
    let parent = tempfile::tempdir().unwrap();
    let layers: Vec<Layer> = layers
        .iter()
        .enumerate()
        .map(|(number, bytes)| layer(&parent, number, bytes, OCI_TAR))
        .collect();
    let root = parent.path().join("root");
    let result = unpack(&layers, &root, limits).map(|()| listed(&root));
    let strangers = fs::read_dir(parent.path()).unwrap().count();
    assert_eq!(strangers, layers.len() + 1, "something was written outside");
    remove(&root).unwrap();
    result
}

fn listed(root: &Path) -> Vec<String> {
    fn list(path: &Path, root: &Path, lines: &mut Vec<String>) {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if path.is_symlink() {
                lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
            } else if path.is_dir() {
                lines.push(name);
                list(&path, root, lines);
            } else {
                lines.push(format!("{name} = {}", fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut lines = Vec::new();
    list(root, root, &mut lines);
    lines.sort();
    lines
}

#[test]
fn layers_lie_one_over_the_other() {
    let check = |layers: &[&[Given<'_>]], expected: &[&str]| {
        let layers: Vec<Vec<u8>> = layers.iter().map(|layer| tar(layer)).collect();
        assert_eq!(unpacked(&layers, Limits::default()).unwrap(), expected);
    };
    check(
        &[&[folder("./"), file("./a", "1"), file("b/c", "2")]],
        &["a = 1", "b", "b/c = 2"],
    );
    check(
        &[&[file("a", "1"), file("b", "2")], &[file("a", "3")]],
        &["a = 3", "b = 2"],
    );
    check(&[&[folder("a"), file("a/b", "1")], &[file("a", "2")]], &["a = 2"]);
    check(&[&[folder("a"), file("a/b", "1")], &[folder("a")]], &["a", "a/b = 1"]);
    check(&[&[file("a", "1")], &[folder("a")]], &["a"]);
    // Whiteouts take away what is below, and nothing of their own layer.
    check(
        &[
            &[file("a", "1"), file("b/c", "2")],
            &[file(".wh.a", ""), file(".wh.b", "")],
        ],
        &[],
    );
    check(&[&[file("a", "1")], &[file("a", "2"), file(".wh.a", "")]], &["a = 2"]);
    check(
        &[
            &[file("a/b", "1"), file("a/c", "2")],
            &[file("a/d", "3"), file("a/.wh..wh..opq", "")],
        ],
        &["a", "a/d = 3"],
    );
    check(&[&[file("a", "1")], &[file(".wh.absent", "")]], &["a = 1"]);
    // Links within the image.
    check(
        &[&[
            file("a/b", "1"),
            link(EntryType::Symlink, "a/c", "b"),
            link(EntryType::Symlink, "d", "a/../a"),
            link(EntryType::Link, "e", "a/b"),
        ]],
        &["a", "a/b = 1", "a/c -> b", "d -> a/../a", "e = 1"],
    );
    check(&[&[link(EntryType::Symlink, "a", "b")], &[file("a", "1")]], &["a = 1"]);
}

#[test]
fn nothing_leads_out_of_the_image() {
    let check = |entries: &[Given<'_>], expected: &str| {
        let error = unpacked(&[tar(entries)], Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), format!("layer layer0: {expected}"));
    };
    check(&[file("../x", "1")], "`../x` leads out of the image");
    check(&[file("a/../../x", "1")], "`a/../../x` leads out of the image");
    check(&[file("/x", "1")], "`/x` leads out of the image");
    check(&[folder("..")], "`..` leads out of the image");
    check(
        &[link(EntryType::Symlink, "a", "/etc")],
        "the link `a` to `/etc` leads out of the image",
    );
    check(
        &[link(EntryType::Symlink, "a", "..")],
        "the link `a` to `..` leads out of the image",
    );
    check(
        &[link(EntryType::Symlink, "a/b", "../../x")],
        "the link `a/b` to `../../x` leads out of the image",
    );
    check(
        &[link(EntryType::Link, "a", "../layer0")],
        "`../layer0` leads out of the image",
    );
    check(
        &[link(EntryType::Link, "a", "/etc/passwd")],
        "`/etc/passwd` leads out of the image",
    );
    check(
        &[link(EntryType::Link, "a", "b")],
        "a hard link leads to `b`, which is not a file of the image",
    );
    // Through a link that by itself is allowed.
    check(
        &[folder("d"), link(EntryType::Symlink, "a", "d"), file("a/x", "1")],
        "`a` leads through something that isn't a folder",
    );
    check(
        &[
            folder("d"),
            link(EntryType::Symlink, "a", "d"),
            link(EntryType::Link, "x", "a/y"),
        ],
        "`a` leads through something that isn't a folder",
    );
    check(&[file(".wh.", "")], "a whiteout names nothing");
    check(&[file(".wh...", "")], "a whiteout names nothing");
    for (kind, name) in [
        (EntryType::Char, "Char"),
        (EntryType::Block, "Block"),
        (EntryType::Fifo, "Fifo"),
    ] {
        let given = Given {
            kind,
            path: "a",
            content: "",
        };
        check(&[given], &format!("`a` is neither file, folder nor link, but {name}"));
    }
    check(
        &[file("a\u{1b}[2J/../..", "1")],
        "`a\\u{1b}[2J/../..` leads out of the image",
    );
}

#[test]
fn sizes_are_bounded() {
    let check = |limits: Limits, expected: &str| {
        let bytes = tar(&[file("a", "1"), file("b", &"x".repeat(4096))]);
        let error = unpacked(&[bytes], limits).unwrap_err();
        assert_eq!(error.to_string(), format!("layer layer0: {expected}"));
    };
    check(
        Limits {
            bytes: 1 << 20,
            entries: 1,
        },
        "it holds too many files",
    );
    check(
        Limits {
            bytes: 4096,
            entries: 10,
        },
        "the image is too large once unpacked",
    );

    // A megabyte that is a kilobyte in gzip.
    let parent = tempfile::tempdir().unwrap();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&tar(&[file("a", &"x".repeat(1 << 20))])).unwrap();
    let bomb = layer(&parent, 0, &encoder.finish().unwrap(), DOCKER_GZIP);
    let error = unpack(
        &[bomb],
        &parent.path().join("root"),
        Limits {
            bytes: 1 << 16,
            entries: 10,
        },
    )
    .unwrap_err();
    assert!(error.to_string().contains("too large once unpacked"), "{error}");
}

#[test]
fn layers_are_read_by_their_type() {
    let plain = tar(&[file("a", "1")]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let zipped = encoder.finish().unwrap();
    let check = |bytes: &[u8], media_type: &str, expected: Result<(), &str>| {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("root");
        let result = unpack(&[layer(&parent, 0, bytes, media_type)], &root, Limits::default());
        match (result, expected) {
            (Ok(()), Ok(())) => assert_eq!(listed(&root), ["a = 1"]),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (result, _) => panic!("{media_type}: {result:?}"),
        }
        remove(&root).unwrap();
    };
    check(&plain, OCI_TAR, Ok(()));
    check(&plain, DOCKER_TAR, Ok(()));
    check(&zipped, OCI_GZIP, Ok(()));
    check(&zipped, DOCKER_GZIP, Ok(()));
    check(&plain, OCI_GZIP, Err("layer layer0: "));
    check(&zipped[..zipped.len() - 12], OCI_GZIP, Err("layer layer0: "));
    check(
        &plain,
        "application/vnd.oci.image.layer.v1.tar+zstd",
        Err("are not supported, use tar or tar+gzip"),
    );
}
