//! What a stack is for.

use std::fmt;

/// What a stack is for; its name says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// What must exist before an image or source can be pushed.
    Foundation,
    /// The service, both stages of it.
    Service,
    /// The pipeline.
    Toolchain,
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Foundation => "Foundation",
            Self::Service => "Service",
            Self::Toolchain => "Toolchain",
        })
    }
}
