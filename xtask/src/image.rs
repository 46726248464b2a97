//! The container image: one static binary in one layer, and nothing else.
//!
//! Every byte of it is made here, from the binary's bytes and constants alone, so the same binary is the same digest
//! on any machine. There is no Dockerfile and no base image to pull or to patch.

mod compile;
mod contents;
mod elf;
mod layout;
mod login;
mod push;
pub(crate) mod registry;
pub(crate) mod revision;
mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use constants::architecture::ARCHITECTURE;
use constants::service::FAULT_VARIABLE;
use xshell::Shell;

pub(crate) use login::RegistryLogin;
pub(crate) use push::{PushRoute, UsedRoute, push};

/// The most that an image may take in a registry, in bytes: a task pulls it before it starts.
const MAX_BYTES: u64 = 3 * 1024 * 1024;

/// The package that both binaries are of.
const SERVICE: &str = "service";

/// The linker for images, if this host can make them.
///
/// # Errors
/// Everything that is missing, each with what installs it.
pub(crate) fn check_host() -> anyhow::Result<String> {
    toolchain::check(&Shell::new()?, ARCHITECTURE).map(|linker| linker.program)
}

/// Which of the service's binaries an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    /// The service.
    Service,
    /// What runs until the first deployment.
    Bootstrap,
}

impl Binary {
    /// The binary's name, which is also that of the image's folder.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// What an image is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    /// The binary.
    pub(crate) binary: Binary,
    /// The fault that its tasks show, for demonstrations. It is in the image's configuration, so the layer stays the same.
    pub(crate) fault: Option<String>,
}

impl Recipe {
    /// An image without faults.
    pub(crate) fn plain(binary: Binary) -> Self {
        Self { binary, fault: None }
    }

    /// The image's folder under `target/image/`: each recipe has one of its own, so that several can be built and pushed at
    /// once.
    fn folder(&self) -> String {
        let Some(fault) = &self.fault else {
            return self.binary.name().to_owned();
        };
        let digest = contents::digest(fault.as_bytes());
        let digits = digest.rsplit(':').next().and_then(|digits| digits.get(..12));
        format!("{}-faulty-{}", self.binary.name(), digits.unwrap_or_default())
    }

    /// The environment variables that its tasks get.
    fn environment(&self) -> Vec<String> {
        let variable = |fault: &String| format!("{FAULT_VARIABLE}={fault}");
        self.fault.iter().map(variable).collect()
    }
}

/// An image that was built, as an OCI image layout on disk.
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuiltImage {
    /// The manifest's digest, `sha256:` and 64 hexadecimal digits.
    pub(crate) manifest_digest: String,
    /// What it takes in a registry, in bytes: manifest, configuration and layer.
    pub(crate) size_bytes: u64,
    /// The size of the binary alone, in bytes.
    pub(crate) binary_bytes: u64,
    /// The binary, outside the image.
    pub(crate) executable: PathBuf,
    /// The image layout: `oci-layout`, `index.json` and `blobs/sha256/`.
    pub(crate) directory: PathBuf,
}

/// Compiles a binary and packs it into an image, under `target/image/` of the workspace.
///
/// Source that didn't change isn't compiled again, and gives the same digest. `progress` hears what is going on, a line
/// at a time.
///
/// # Errors
///
/// When this host lacks something to compile for the image's architecture, naming all of it with its fix; when the
/// source doesn't compile; when the binary isn't static; when the image is larger than 3 MiB.
pub(crate) fn build(
    shell: &Shell,
    workspace_root: &Path,
    recipe: &Recipe,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<BuiltImage> {
    let revision = revision::of_the_source(shell, workspace_root);
    let executable = compile::compile(
        shell,
        workspace_root,
        SERVICE,
        recipe.binary.name(),
        &revision,
        progress,
    )?;
    let bytes = std::fs::read(&executable).with_context(|| format!("can't read {}", executable.display()))?;
    elf::check(&bytes, ARCHITECTURE).with_context(|| format!("{} is of no use in an image", executable.display()))?;
    let contents = contents::Contents::of(&bytes, ARCHITECTURE, &revision, &recipe.environment())?;
    check_size(contents.size_bytes(), bytes.len())?;
    let directory = compile::target(workspace_root).join(recipe.folder());
    layout::write(&directory, &contents)
        .with_context(|| format!("can't write the image to {}", directory.display()))?;
    Ok(BuiltImage {
        manifest_digest: contents.manifest.digest.clone(),
        size_bytes: contents.size_bytes(),
        binary_bytes: bytes.len() as u64,
        executable,
        directory,
    })
}

/// Compiles another package's program as the service is compiled for its image, to be measured beside it.
///
/// # Errors
///
/// When this host lacks something to compile for the image's architecture, or the source doesn't compile.
pub(crate) fn compile_peer(
    shell: &Shell,
    workspace_root: &Path,
    package: &str,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<PathBuf> {
    compile::compile(shell, workspace_root, package, package, "unknown", progress)
}

fn check_size(size_bytes: u64, binary_bytes: usize) -> anyhow::Result<()> {
    ensure!(
        size_bytes <= MAX_BYTES,
        "the image takes {size_bytes} bytes, {binary_bytes} of them the binary, which is more than the {MAX_BYTES} that it may; \
         look for the dependency of `service` that brought them (`cargo tree -p service`)"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
