//! The image that each stage runs.

use std::fmt;

use stacks::service;

use crate::stack::Stack;

/// The image that each stage runs, as the service stack's parameters have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Images {
    /// Onebox's.
    pub(crate) onebox: String,
    /// Fleet's.
    pub(crate) fleet: String,
}

impl Images {
    /// The images of a service stack; none where it has no such parameters.
    pub(crate) fn of(stack: &Stack) -> Option<Self> {
        let image = |parameter: &str| stack.parameters.get(parameter).cloned();
        Some(Self {
            onebox: image(service::ONEBOX_IMAGE)?,
            fleet: image(service::FLEET_IMAGE)?,
        })
    }

    /// Whether both stages run the same: otherwise Onebox's has not been judged, or not well enough for Fleet.
    pub(crate) fn agree(&self) -> bool {
        self.onebox == self.fleet
    }
}

impl fmt::Display for Images {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.agree() {
            return write!(formatter, "Onebox and Fleet run {}", short(&self.onebox));
        }
        let (onebox, fleet) = (short(&self.onebox), short(&self.fleet));
        write!(formatter, "Onebox runs {onebox}, Fleet {fleet}")
    }
}

/// An image as people tell it from others: by the first digits of its digest.
pub(crate) fn short(image: &str) -> &str {
    let Some((_, digest)) = image.split_once('@') else {
        return image;
    };
    digest.get(..19).unwrap_or(digest)
}
