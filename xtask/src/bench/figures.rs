//! The table of the figures.

use super::figure::Figure;
use super::{balancer, deployment, detection, first_build, growth, image, push, rendering, service, start};

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
