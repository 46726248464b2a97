//! The table of the figures.

use super::reading::Reading;
use super::site::Site;
use super::{balancer, deployment, detection, first_build, growth, image, push, rendering, service, start};

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

/// A program that a figure needs, of the Debian package of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// <https://nginx.org>
    Nginx,
    /// <https://www.haproxy.org>
    Haproxy,
    /// <https://github.com/wg/wrk>
    Wrk,
}

impl Program {
    /// The name of the program and of its package.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Wrk => "wrk",
        }
    }
}

/// Every figure, the quickest first.
pub(super) const FIGURES: &[Figure] = &[
    rendering::FIGURE,
    image::FIGURE,
    start::FIGURE,
    deployment::FIGURE,
    service::FIGURE,
    balancer::FIGURE,
    detection::FIGURE,
    growth::resources::FIGURE,
    growth::tasks::FIGURE,
    growth::target_groups::FIGURE,
    first_build::FIGURE,
    push::FIGURE,
];
