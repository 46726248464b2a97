//! The image's size.

use super::figure::Figure;
use super::reading::{Reading, Target, Unit};
use super::site::{Site, mebibytes};

/// What the service takes in a registry.
pub(super) const FIGURE: Figure = Figure {
    name: "image",
    measures: "the size of the service's image",
    means: "What a task pulls before it starts: manifest, configuration and the compressed layer. The binary is what is in the layer, \
            static and stripped; there is nothing else in the image.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let image = site.service_image()?;
    Ok(vec![
        Reading::once("image in a registry", Unit::Mebibytes, mebibytes(image.size_bytes)).target(Target::AtMost(3.0)),
        Reading::once("binary", Unit::Mebibytes, mebibytes(image.binary_bytes)),
    ])
}
