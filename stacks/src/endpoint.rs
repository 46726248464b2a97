//! The container that requests go to.

use cloudformation::relations::{Container, Endpoint};
use constants::service::{CONTAINER_NAME, CONTAINER_PORT};

const CONTAINER: Container = Container::new(CONTAINER_NAME, CONTAINER_PORT);

/// The service's container, in both stages.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Web {}

impl Endpoint for Web {
    const CONTAINER: &'static Container = &CONTAINER;
}
