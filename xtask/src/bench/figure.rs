//! What a figure is.

use optional_programs::Program;

use super::reading::Reading;
use super::site::Site;

/// Something that is measured.
#[derive(Debug)]
pub(super) struct Figure {
    /// The name that takes it alone.
    pub(super) name: &'static str,
    /// What it measures, in a few words.
    pub(super) measures: &'static str,
    /// What its readings mean and how they are taken, in whole sentences: it stands in `docs/benchmarks.md`.
    pub(super) means: &'static str,
    /// What must be installed; what is missing is installed from Debian, or else the figure is skipped.
    pub(super) needs: &'static [Program],
    /// Takes it.
    pub(super) take: fn(&Site) -> anyhow::Result<Vec<Reading>>,
}
