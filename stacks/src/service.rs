//! The service behind its load balancer, both stages of it.

use cloudformation::generated::ecs_cluster::Cluster;
use cloudformation::generated::ecs_service::Service;
use cloudformation::{Handle, Output, Parameter, Template, Value};

use crate::alarms::{self, Alarms, Subject};
use crate::compute::{self, Revision, Surroundings};
use crate::logs;
use crate::network::Network;
use crate::permissions::Roles;
use crate::reverse_proxy::ReverseProxy;
use crate::stage::PerStage;
use crate::{Environment, Purpose, Stack};

/// Parameter: the image that Onebox runs, by digest.
pub const ONEBOX_IMAGE: &str = "OneboxImage";

/// Parameter: the image that Fleet runs, by digest.
pub const FLEET_IMAGE: &str = "FleetImage";

/// Parameter: the release that Onebox runs, by digest; empty if none is named.
pub const ONEBOX_RELEASE: &str = "OneboxRelease";

/// Parameter: the release that Fleet runs, by digest; empty if none is named.
pub const FLEET_RELEASE: &str = "FleetRelease";

/// Parameter and output: the release that the stack was last deployed to completely, by digest; empty if none is named.
pub const RELEASE: &str = "Release";

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

/// A release by digest, or none.
const RELEASE_PATTERN: &str = "^(sha256:[0-9a-f]{64})?$";

/// The stack for an environment.
pub fn stack(environment: Environment) -> Stack {
    let mut template = Template::new("A service that runs as Onebox and as Fleet behind one load balancer.");
    template.architecture(
        "A load balancer sends 1 % of the requests to Onebox and 99 % to Fleet, each an ECS service of its own; \
         Fleet's service depends on Onebox's, and alarms on either roll a deployment back.",
    );
    let revisions = add_revisions(&mut template);
    let release = add_release(
        &mut template,
        RELEASE,
        "The release that the stack was last deployed to completely.",
    );
    let network = Network::add(&mut template, environment);
    let proxy = ReverseProxy::add(&mut template, &network);
    let cluster = compute::add_cluster(&mut template, environment);
    let log_groups = logs::add_groups(&mut template, environment);
    let roles = Roles::add(&mut template, environment, &log_groups);
    let subject = Subject {
        environment,
        proxy: &proxy,
        cluster: &cluster,
    };
    let alarms = Alarms::add(&mut template, subject);
    let surroundings = Surroundings {
        environment,
        network: &network,
        proxy: &proxy,
        cluster: &cluster,
        log_groups: &log_groups,
        roles: &roles,
        alarms: &alarms,
        revisions: &revisions,
    };
    let services = compute::add_services(&mut template, &surroundings);
    alarms::add_shared(&mut template, subject, &services.fleet);
    let image = revisions.fleet.image.clone();
    add_outputs(&mut template, &proxy, image, release, &cluster, &services);
    Stack::new(
        environment.stack_name(Purpose::Service),
        environment,
        template,
        &[ONEBOX_IMAGE, FLEET_IMAGE],
    )
}

/// An update passes the previous value for what it doesn't change, so deploying infrastructure never moves an image.
fn add_revisions(template: &mut Template) -> PerStage<Revision> {
    let image = |description| {
        Parameter::<String>::new(description)
            .allowed_pattern(IMAGE_PATTERN)
            .constraint_description("an image by digest: REGISTRY/REPOSITORY@sha256:DIGEST, with 64 hexadecimal digits")
    };
    PerStage {
        onebox: Revision {
            image: template
                .parameter(ONEBOX_IMAGE, image("The image that Onebox runs, by digest."))
                .reference(),
            release: add_release(template, ONEBOX_RELEASE, "The release that Onebox runs."),
        },
        fleet: Revision {
            image: template
                .parameter(FLEET_IMAGE, image("The image that Fleet runs, by digest."))
                .reference(),
            release: add_release(template, FLEET_RELEASE, "The release that Fleet runs."),
        },
    }
}

/// With a default, so that stacks from before there were releases, and deployments without any, go on working.
fn add_release(template: &mut Template, name: &'static str, description: &'static str) -> Value<String> {
    let parameter = Parameter::<String>::new(description)
        .default_value("")
        .allowed_pattern(RELEASE_PATTERN)
        .constraint_description("a release by digest, sha256:DIGEST with 64 hexadecimal digits, or nothing");
    template.parameter(name, parameter).reference()
}

fn add_outputs(
    template: &mut Template,
    proxy: &ReverseProxy,
    image: Value<String>,
    release: Value<String>,
    cluster: &Handle<Cluster>,
    services: &PerStage<Handle<Service>>,
) {
    let outputs = [
        (WEB_API_ENDPOINT, "Where clients find the service.", proxy.endpoint()),
        (RUNTIME_CONTAINER_IMAGE_URL, "The image that Fleet runs.", image),
        (
            RELEASE,
            "The release that the stack was last deployed to completely.",
            release,
        ),
        (CLUSTER_NAME, "The ECS cluster.", cluster.reference().text()),
        (ONEBOX_SERVICE_NAME, "Onebox's ECS service.", services.onebox.name()),
        (FLEET_SERVICE_NAME, "Fleet's ECS service.", services.fleet.name()),
    ];
    for (name, description, value) in outputs {
        template.output(name, Output::new(description, value));
    }
}
