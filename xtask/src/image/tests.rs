//! The bytes of an image, and the image on disk.

use std::fmt::Write as _;

use super::{
    contents::{Blob, Contents, archive, digest},
    layout, *,
};

fn contents() -> Contents {
    let architecture = constants::architecture::Architecture::X86_64;
    Contents::of(b"a binary", architecture, "4f1c", &[]).unwrap()
}

fn text(blob: &Blob) -> &str {
    std::str::from_utf8(&blob.bytes).unwrap()
}

/// Every byte counts: whatever changes here changes the digest of each image, and replaces every task.
#[test]
fn configuration_and_manifest() {
    let contents = contents();
    insta::assert_snapshot!(
        text(&contents.configuration),
        @r#"{"created":"1970-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"User":"65532:65532","ExposedPorts":{"8080/tcp":{}},"Entrypoint":["/service"],"WorkingDir":"/","Labels":{"org.opencontainers.image.revision":"4f1c"},"StopSignal":"SIGTERM"},"rootfs":{"type":"layers","diff_ids":["sha256:db536da83420c38d2281edf561d61f3557ec97c2042028df629833a60dbe087f"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"cargo xtask image build"}]}"#
    );
    insta::assert_snapshot!(text(&contents.manifest), @r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:f76e283ee91c3d47d8fccbd15f1e793ae513e0c349ca0ccf4e967be0c0e085e5","size":453},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:db536da83420c38d2281edf561d61f3557ec97c2042028df629833a60dbe087f","size":2048}]}"#);
}

#[test]
fn the_layer_is_one_file_that_depends_on_nothing_else() {
    let mut seen = String::new();
    let layer = contents().layer.bytes;
    for entry in tar::Archive::new(&layer[..]).entries().unwrap() {
        let entry = entry.unwrap();
        let header = entry.header();
        let path = entry.path().unwrap().display().to_string();
        let (mode, user, group) = (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap());
        let (size, time) = (header.size().unwrap(), header.mtime().unwrap());
        let names = (header.username(), header.groupname());
        writeln!(
            seen,
            "{path} {mode:o} {user}:{group} {size} bytes, time {time}, {names:?}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(seen, @r#"service 555 65532:65532 8 bytes, time 0, (Ok(Some("")), Ok(Some("")))"#);
}

#[test]
fn the_same_binary_is_the_same_image() {
    assert_eq!(contents(), contents());
    let architecture = constants::architecture::Architecture::X86_64;
    let other = Contents::of(b"a binary", architecture, "5e2d", &[]).unwrap();
    assert_eq!(other.layer, contents().layer);
    assert_ne!(other.manifest, contents().manifest);
}

#[test]
fn a_fault_is_in_the_configuration_alone() {
    let architecture = constants::architecture::Architecture::X86_64;
    let environment = [format!("{FAULT_VARIABLE}=hang")];
    let faulty = Contents::of(b"a binary", architecture, "4f1c", &environment).unwrap();
    assert_eq!(faulty.layer, contents().layer);
    assert_ne!(faulty.manifest.digest, contents().manifest.digest);
    let configuration: serde_json::Value = serde_json::from_slice(&faulty.configuration.bytes).unwrap();
    assert_eq!(
        configuration["config"]["Env"],
        serde_json::json!(["SERVICE_FAULT=hang"])
    );
}

#[test]
fn each_recipe_has_a_folder_of_its_own() {
    let faulty = |fault: &str| Recipe {
        binary: Binary::Service,
        fault: Some(fault.to_owned()),
    };
    let recipes = [
        Recipe::plain(Binary::Service),
        Recipe::plain(Binary::Bootstrap),
        faulty("hang"),
        faulty("delay=6s@6%"),
    ];
    let folders: std::collections::BTreeSet<String> = recipes.iter().map(Recipe::folder).collect();
    assert_eq!(folders.len(), recipes.len(), "{folders:?}");
    let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    assert!(folders.iter().all(plain), "{folders:?}");
}

#[test]
fn a_digest_is_what_others_compute() {
    // The example of FIPS 180-4: https://csrc.nist.gov/projects/cryptographic-standards-and-guidelines/example-values
    let expected = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest(b"abc"), expected);
}

#[test]
fn a_layout_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    let contents = contents();
    layout::write(folder.path(), &contents).unwrap();
    layout::write(folder.path(), &contents).unwrap();
    assert_eq!(
        layout::read(folder.path(), &contents.manifest.digest).unwrap(),
        contents
    );
    let mut seen: Vec<_> = Shell::new().unwrap().read_dir(folder.path()).unwrap();
    seen.sort();
    let names: Vec<_> = seen
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
    let index = std::fs::read(folder.path().join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["manifests"][0]["digest"], contents.manifest.digest);
}

#[test]
fn a_new_image_takes_the_old_ones_place() {
    let folder = tempfile::tempdir().unwrap();
    let old = contents();
    layout::write(folder.path(), &old).unwrap();
    let architecture = constants::architecture::Architecture::X86_64;
    let new = Contents::of(b"another binary", architecture, "4f1c", &[]).unwrap();
    layout::write(folder.path(), &new).unwrap();
    assert_eq!(layout::read(folder.path(), &new.manifest.digest).unwrap(), new);
    let error = layout::read(folder.path(), &old.manifest.digest).unwrap_err();
    assert!(error.to_string().ends_with("; build the image again"), "{error}");
    let blobs = std::fs::read_dir(folder.path().join("blobs/sha256")).unwrap();
    assert_eq!(blobs.count(), 3);
}

#[test]
fn a_changed_layout_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let contents = contents();
    layout::write(folder.path(), &contents).unwrap();
    let layer = folder.path().join("blobs/sha256").join(contents.layer.hexadecimal());
    std::fs::write(layer, "something else").unwrap();
    let error = layout::read(folder.path(), &contents.manifest.digest).unwrap_err();
    assert!(
        error.to_string().ends_with("was changed; build the image again"),
        "{error}"
    );
    let escape = layout::read(folder.path(), "sha256:../../../index.json").unwrap_err();
    assert_eq!(escape.to_string(), "`sha256:../../../index.json` is not a digest");
}

#[test]
fn an_image_may_be_so_large() {
    assert!(check_size(MAX_BYTES, 1).is_ok());
    let error = check_size(MAX_BYTES + 1, 3_000_000).unwrap_err();
    insta::assert_snapshot!(error, @"the image takes 3145729 bytes, 3000000 of them the binary, which is more than the 3145728 that it may; look for the dependency of `service` that brought them (`cargo tree -p service`)");
}

#[test]
fn an_archive_of_nothing_is_one() {
    let archive = archive(&[]).unwrap();
    assert_eq!(tar::Archive::new(&archive[..]).entries().unwrap().count(), 0);
}
