//! The CPU architecture, one constant that feeds compile target, image and task definition.

/// A CPU architecture that Fargate offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm: Graviton.
    Arm64,
}

/// The architecture that the service is compiled for and runs on.
pub const ARCHITECTURE: Architecture = Architecture::X86_64;

impl Architecture {
    /// The Rust target triple: static glibc links on any Linux host with a C compiler, without a further toolchain.
    pub const fn rust_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The name in an OCI image's configuration.
    pub const fn oci(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The name in a task definition's `RuntimePlatform`.
    pub const fn ecs(self) -> &'static str {
        match self {
            Self::X86_64 => "X86_64",
            Self::Arm64 => "ARM64",
        }
    }
}
