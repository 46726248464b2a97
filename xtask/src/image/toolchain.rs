//! Whether this host can compile for the image's architecture, found out before it is tried.

use std::{env, fmt::Write as _, path::Path};

use anyhow::bail;
use constants::architecture::Architecture;
use xshell::{Shell, cmd};

/// What matters of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    /// Whether Rust's standard library for the target is installed.
    has_standard_library: bool,
    /// The linker, if it runs.
    has_linker: bool,
    /// Whether the linker finds a static C library.
    has_static_c_library: bool,
}

/// The linker for a target: the host's own, or a cross compiler under its usual name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Linker {
    /// The program.
    pub(super) program: String,
    /// The variable that makes cargo use it.
    pub(super) variable: String,
}

/// Checks that this host can compile static binaries for the architecture.
///
/// # Errors
///
/// Everything that is missing, each with what installs it.
pub(super) fn check(shell: &Shell, architecture: Architecture) -> anyhow::Result<Linker> {
    let linker = linker(architecture, env::consts::OS, env::consts::ARCH, |variable| {
        env::var(variable).ok()
    });
    let problems = problems(&inspect(shell, architecture, &linker), architecture, &linker);
    if problems.is_empty() {
        return Ok(linker);
    }
    let mut text = format!("this host can't build the image for {}:", architecture.rust_target());
    for problem in problems {
        let _ = write!(text, "\n  {problem}");
    }
    bail!(text)
}

/// Which linker to use, on a host of this operating system and architecture (Rust's names for them).
fn linker(
    architecture: Architecture,
    host_system: &str,
    host_architecture: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> Linker {
    let target = architecture.rust_target().to_uppercase().replace('-', "_");
    let variable = format!("CARGO_TARGET_{target}_LINKER");
    let native = host_system == "linux" && host_architecture == processor(architecture);
    let usual = if native {
        "cc".to_owned()
    } else {
        format!("{}-linux-gnu-gcc", processor(architecture))
    };
    Linker {
        program: lookup(&variable).unwrap_or(usual),
        variable,
    }
}

/// The processor's name in Rust and in Debian's compilers alike.
fn processor(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "aarch64",
    }
}

fn inspect(shell: &Shell, architecture: Architecture, linker: &Linker) -> Host {
    let target = architecture.rust_target();
    let libraries = cmd!(shell, "rustc --print target-libdir --target {target}")
        .quiet()
        .ignore_stderr()
        .read();
    let program = &linker.program;
    let c_library = cmd!(shell, "{program} -print-file-name=libc.a")
        .quiet()
        .ignore_stderr()
        .read();
    Host {
        has_standard_library: libraries.is_ok_and(|folder| has_library(Path::new(&folder))),
        has_linker: c_library.is_ok(),
        // A library that isn't found is printed as it was asked for, without a folder.
        has_static_c_library: c_library.is_ok_and(|path| Path::new(&path).is_absolute()),
    }
}

fn has_library(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn problems(host: &Host, architecture: Architecture, linker: &Linker) -> Vec<String> {
    let target = architecture.rust_target();
    let Linker { program, variable } = linker;
    let (compiler, c_library) = match (program.as_str(), architecture) {
        ("cc", _) => ("gcc", "libc6-dev"),
        (_, Architecture::X86_64) => ("gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"),
        (_, Architecture::Arm64) => ("gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"),
    };
    let mut problems = Vec::new();
    if !host.has_standard_library {
        problems.push(format!(
            "Rust's standard library for it is missing: rustup target add {target}"
        ));
    }
    if !host.has_linker {
        problems.push(format!(
            "the linker `{program}` doesn't run: apt-get install {compiler} {c_library}, or set {variable}"
        ));
    } else if !host.has_static_c_library {
        problems.push(format!(
            "the static C library (libc.a) is missing: apt-get install {c_library}"
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: Host = Host {
        has_standard_library: true,
        has_linker: true,
        has_static_c_library: true,
    };

    #[test]
    fn the_linker_is_the_hosts_own_or_a_cross_compiler() {
        for (architecture, system, processor, expected) in [
            (Architecture::X86_64, "linux", "x86_64", "cc"),
            (Architecture::X86_64, "linux", "aarch64", "x86_64-linux-gnu-gcc"),
            (Architecture::Arm64, "linux", "x86_64", "aarch64-linux-gnu-gcc"),
            (Architecture::Arm64, "macos", "aarch64", "aarch64-linux-gnu-gcc"),
        ] {
            assert_eq!(linker(architecture, system, processor, |_| None).program, expected);
        }
        let set =
            |variable: &str| (variable == "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER").then(|| "mine".to_owned());
        assert_eq!(linker(Architecture::Arm64, "linux", "x86_64", set).program, "mine");
        assert_eq!(linker(Architecture::X86_64, "linux", "x86_64", set).program, "cc");
    }

    #[test]
    fn names_what_is_missing_and_its_mend() {
        let check = |host: Host, architecture, system: &str, expected: &[&str]| {
            let linker = linker(architecture, system, "x86_64", |_| None);
            assert_eq!(problems(&host, architecture, &linker), expected, "{host:?}");
        };
        check(COMPLETE, Architecture::X86_64, "linux", &[]);
        let host = Host {
            has_static_c_library: false,
            ..COMPLETE
        };
        let missing = "the static C library (libc.a) is missing: apt-get install libc6-dev";
        check(host, Architecture::X86_64, "linux", &[missing]);
        let host = Host {
            has_standard_library: false,
            has_linker: false,
            has_static_c_library: false,
        };
        check(
            host,
            Architecture::Arm64,
            "linux",
            &[
                "Rust's standard library for it is missing: rustup target add aarch64-unknown-linux-gnu",
                "the linker `aarch64-linux-gnu-gcc` doesn't run: apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross, \
                 or set CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER",
            ],
        );
    }

    #[test]
    fn a_host_without_the_target_is_told() {
        let shell = Shell::new().unwrap();
        let foreign = if cfg!(target_arch = "x86_64") {
            Architecture::Arm64
        } else {
            Architecture::X86_64
        };
        let host = inspect(
            &shell,
            foreign,
            &Linker {
                program: "no-such-linker".to_owned(),
                variable: String::new(),
            },
        );
        assert!(!host.has_linker && !host.has_static_c_library);
    }
}
