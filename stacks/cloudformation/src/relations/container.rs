//! The container that takes requests, and the task that it runs in.

use std::marker::PhantomData;

use super::fargate::FargateSize;
use crate::formats::TaskDefinitionArn;
use crate::generated::ecs_task_definition::{
    ContainerDefinition, ContainerDefinitionRequired, NetworkMode, PortMapping, PortMappingProtocol,
    RequiresCompatibilities, TaskDefinition,
};
use crate::handle::Handle;
use crate::template::Template;
use crate::value::{Integer, Value, list};

/// The name and port of a container that takes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Container {
    name: &'static str,
    port: Integer<1, 65535>,
}

impl Container {
    /// The name, of up to 255 letters, digits, hyphens and underscores, and the port, from 1.
    ///
    /// # Panics
    ///
    /// When name or port can't be: in a constant, when compiling.
    #[track_caller]
    pub const fn new(name: &'static str, port: u16) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= 255,
            "a container's name isn't of 1 to 255 characters"
        );
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                bytes[index].is_ascii_alphanumeric() || matches!(bytes[index], b'-' | b'_'),
                "a container's name has other characters than letters, digits, hyphens and underscores"
            );
            index += 1;
        }
        Self {
            name,
            port: Integer::new(port as i64).expect("a container's port is 0"),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn port(&self) -> Integer<1, 65535> {
        self.port
    }
}

/// Where requests go: one container, whose name and port task definition, target group and service take from here.
///
/// A service that names another container or port than its task has never gets a healthy target.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html>
pub trait Endpoint {
    /// The container, made in a `const` item: `cargo check` looks into those, and not into a trait's.
    const CONTAINER: &'static Container;
}

/// The container of an endpoint, in the making.
#[derive(Debug, Clone)]
pub struct ServingContainer<E> {
    definition: ContainerDefinition,
    of: PhantomData<fn() -> E>,
}

impl<E: Endpoint> ServingContainer<E> {
    /// The endpoint's container, run from an image.
    pub fn new(image: Value<String>) -> Self {
        let definition = ContainerDefinition::new(ContainerDefinitionRequired {
            image,
            name: E::CONTAINER.name().into(),
        });
        Self {
            definition,
            of: PhantomData,
        }
    }

    /// Sets what the endpoint doesn't. Ports set here are not kept.
    #[must_use]
    pub fn with(self, set: impl FnOnce(ContainerDefinition) -> ContainerDefinition) -> Self {
        Self {
            definition: set(self.definition),
            of: PhantomData,
        }
    }

    /// A Fargate task of this container.
    pub fn task(self, size: &'static FargateSize) -> FargateTask<E> {
        let port = PortMapping::new()
            .container_port(E::CONTAINER.port())
            .protocol(PortMappingProtocol::Tcp);
        FargateTask {
            container: self.definition.port_mappings([port]),
            size,
            definition: TaskDefinition::new(),
            of: PhantomData,
        }
    }
}

/// The task definition of an endpoint, in the making.
#[derive(Debug, Clone)]
pub struct FargateTask<E> {
    container: ContainerDefinition,
    size: &'static FargateSize,
    definition: TaskDefinition,
    of: PhantomData<fn() -> E>,
}

impl<E: Endpoint> FargateTask<E> {
    /// Sets what size and endpoint don't. Size and containers set here are not kept.
    #[must_use]
    pub fn with(self, set: impl FnOnce(TaskDefinition) -> TaskDefinition) -> Self {
        Self {
            definition: set(self.definition),
            ..self
        }
    }

    /// Adds the task definition to a template.
    #[track_caller]
    pub fn add(self, template: &mut Template, logical_id: impl Into<String>, why: &'static str) -> Task<E> {
        let definition = self
            .definition
            .container_definitions([self.container])
            .cpu(self.size.cpu_units().to_string())
            .memory(self.size.memory_mib().to_string())
            // Fargate knows no other.
            .network_mode(NetworkMode::Awsvpc)
            .requires_compatibilities(list([RequiresCompatibilities::Fargate]));
        Task {
            definition: template.add(logical_id, why, definition),
            of: PhantomData,
        }
    }
}

/// A task definition in a template, with the endpoint's container.
#[derive(Debug, Clone)]
pub struct Task<E> {
    definition: Handle<TaskDefinition>,
    of: PhantomData<fn() -> E>,
}

impl<E> Task<E> {
    pub(super) fn arn(&self) -> Value<TaskDefinitionArn> {
        self.definition.reference()
    }
}
