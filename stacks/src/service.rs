//! The service behind its load balancer, both stages of it.

use cloudformation::{Output, Parameter, Template, Value};

use crate::compute::{Compute, Surroundings};
use crate::monitoring::{self, Alarms};
use crate::network::Network;
use crate::permissions::Roles;
use crate::reverse_proxy::ReverseProxy;
use crate::stage::PerStage;
use crate::{Environment, Purpose, Stack};

/// Parameter: the image that Onebox runs, by digest.
pub const ONEBOX_IMAGE: &str = "OneboxImage";

/// Parameter: the image that Fleet runs, by digest.
pub const FLEET_IMAGE: &str = "FleetImage";

/// Output: where clients find the service.
pub const WEB_API_ENDPOINT: &str = "WebAPIEndpoint";

/// Output: the image that Fleet runs, so that nearly every request meets.
pub const RUNTIME_CONTAINER_IMAGE_URL: &str = "RuntimeContainerImageUrl";

/// Output: the ECS cluster.
pub const CLUSTER_NAME: &str = "ClusterName";

/// Output: Onebox's ECS service.
pub const ONEBOX_SERVICE_NAME: &str = "OneboxServiceName";

/// Output: Fleet's ECS service.
pub const FLEET_SERVICE_NAME: &str = "FleetServiceName";

/// An image by digest: what was tested is what runs. A tag could be moved.
const IMAGE_PATTERN: &str = "^[a-z0-9][A-Za-z0-9.:/_-]*@sha256:[0-9a-f]{64}$";

/// The stack for an environment.
pub fn stack(environment: Environment) -> Stack {
    let mut template = Template::new("A service that runs as Onebox and as Fleet behind one load balancer.");
    template.architecture(
        "A load balancer sends 1 % of the requests to Onebox and 99 % to Fleet, each an ECS service of its own; \
         Fleet's service depends on Onebox's, and alarms on either roll a deployment back.",
    );
    let images = add_parameters(&mut template);
    let network = Network::add(&mut template, environment);
    let proxy = ReverseProxy::add(&mut template, &network);
    let log_groups = monitoring::add_log_groups(&mut template, environment);
    let roles = Roles::add(&mut template, environment, &log_groups);
    let alarms = Alarms::add(&mut template, environment, &proxy);
    let compute = Compute::add(
        &mut template,
        &Surroundings {
            environment,
            network: &network,
            proxy: &proxy,
            log_groups: &log_groups,
            roles: &roles,
            alarms: &alarms,
            images: &images,
        },
    );
    add_outputs(&mut template, &proxy, &images, &compute);
    Stack::new(
        environment.stack_name(Purpose::Service),
        environment,
        template,
        &[ONEBOX_IMAGE, FLEET_IMAGE],
    )
}

/// An update passes the previous value for what it doesn't change, so deploying infrastructure never moves an image.
fn add_parameters(template: &mut Template) -> PerStage<Value<String>> {
    let image = |description| {
        Parameter::<String>::new(description)
            .allowed_pattern(IMAGE_PATTERN)
            .constraint_description("an image by digest: REGISTRY/REPOSITORY@sha256:DIGEST, with 64 hexadecimal digits")
    };
    PerStage {
        onebox: template
            .parameter(ONEBOX_IMAGE, image("The image that Onebox runs, by digest."))
            .reference(),
        fleet: template
            .parameter(FLEET_IMAGE, image("The image that Fleet runs, by digest."))
            .reference(),
    }
}

fn add_outputs(template: &mut Template, proxy: &ReverseProxy, images: &PerStage<Value<String>>, compute: &Compute) {
    let outputs = [
        (WEB_API_ENDPOINT, "Where clients find the service.", proxy.endpoint()),
        (
            RUNTIME_CONTAINER_IMAGE_URL,
            "The image that Fleet runs.",
            images.fleet.clone(),
        ),
        (CLUSTER_NAME, "The ECS cluster.", compute.cluster.reference().text()),
        (
            ONEBOX_SERVICE_NAME,
            "Onebox's ECS service.",
            compute.services.onebox.name(),
        ),
        (
            FLEET_SERVICE_NAME,
            "Fleet's ECS service.",
            compute.services.fleet.name(),
        ),
    ];
    for (name, description, value) in outputs {
        template.output(name, Output::new(description, value));
    }
}
