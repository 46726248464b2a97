//! A resource as the template keeps it.

use std::panic::Location;

use crate::handle::Options;
use crate::node::Node;

/// A resource, its properties as they will stand in the text.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) logical_id: String,
    pub(crate) resource_type: &'static str,
    pub(crate) properties: Node,
    pub(crate) options: Options,
    pub(crate) defined: &'static Location<'static>,
}
