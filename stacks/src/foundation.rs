//! What must exist before an image or source can be pushed: the image repository; for the deployments, the source
//! repository, and the roles that CloudFormation acts in.

use cloudformation::generated::ecr_repository::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability, LifecyclePolicy,
    Repository,
};
use cloudformation::{DeletionPolicy, Node, Object, Options, Output, Template};
use constants::image_repository::{IMAGES_KEPT, KEPT_TAG_PREFIX, UNREACHABLE_IMAGES};
use constants::pipeline::{SOURCE, Source};

use crate::permissions::deployment::DeploymentRole;
use crate::{Environment, Purpose, Stack, source};

/// Output: the repository's address, to push to and to pull from.
pub const IMAGE_REPOSITORY_URI: &str = "ImageRepositoryUri";

/// Output: the repository's name.
pub const IMAGE_REPOSITORY_NAME: &str = "ImageRepositoryName";

/// The stack for an environment.
pub fn stack(environment: Environment) -> Stack {
    let template = match environment {
        Environment::Sandbox | Environment::Production => of_images(environment),
        Environment::Deployments => of_source(SOURCE),
    };
    Stack::new(environment.stack_name(Purpose::Foundation), environment, template, &[])
}

/// The roles are here, and not with the pipeline, for two reasons: a stack whose own role is in it can't be deleted to the
/// end, and a push must not widen what the pipeline may do. Whoever has the rights deploys this stack.
pub(crate) fn of_source(source: Source) -> Template {
    let mut template = Template::new("What must exist before source can be pushed and deployed.");
    source::add(&mut template, source);
    for role in DeploymentRole::ALL {
        role.add(&mut template, source);
    }
    template
}

fn of_images(environment: Environment) -> Template {
    let mut template = Template::new("What must exist before the service's images can be pushed.");
    let repository = template.add_with(
        "ImageRepository",
        "Images stay as they were pushed, for services to run by digest.",
        repository(environment),
        options(),
    );
    template.output(
        IMAGE_REPOSITORY_URI,
        Output::new(
            "The address that images are pushed to and pulled from.",
            repository.repository_uri(),
        ),
    );
    template.output(
        IMAGE_REPOSITORY_NAME,
        Output::new("The name of the image repository.", repository.reference()),
    );
    template
}

fn repository(environment: Environment) -> Repository {
    Repository::new()
        .encryption_configuration(EncryptionConfiguration::new(EncryptionType::Aes256))
        .image_scanning_configuration(ImageScanningConfiguration::new().scan_on_push(true))
        // What was tested under a tag stays what it was.
        .image_tag_mutability(ImageTagMutability::Immutable)
        .lifecycle_policy(LifecyclePolicy::new().lifecycle_policy_text(lifecycle_policy().to_compact_json()))
        .repository_name(environment.image_repository_name())
}

/// Deleting the stack deletes the repository, which AWS refuses while there are images in it: whoever deletes them has
/// named them first. A fixed name that stayed behind would stand in the next deployment's way.
fn options() -> Options {
    Options::new()
        .deletion_policy(DeletionPolicy::Delete)
        .update_replace_policy(DeletionPolicy::Retain)
}

/// Old images go, so that the repository doesn't grow for ever, unless a tag says to keep them.
///
/// ECR evaluates every rule at once and then applies them by priority, and an image that a rule selects can't be expired by
/// a rule of lower priority, whether or not the first expires it. So the first rule selects what must stay, with a count
/// that is never reached. The second counts what has a tag: the records and outcomes of releases have none, and go along
/// with their release (<https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-signing.html>). `any` would count them,
/// and a rollback couldn't tell what was deployed before.
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html>
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html>
fn lifecycle_policy() -> Node {
    let kept = Object::new()
        .with("tagStatus", "tagged")
        .with("tagPatternList", vec![Node::from(format!("{KEPT_TAG_PREFIX}*"))])
        .with("countType", "imageCountMoreThan")
        .with("countNumber", UNREACHABLE_IMAGES);
    let others = Object::new()
        .with("tagStatus", "tagged")
        .with("tagPatternList", vec![Node::from("*")])
        .with("countType", "imageCountMoreThan")
        .with("countNumber", i64::from(IMAGES_KEPT));
    let rules = [
        rule(1, "Keep what runs and what a rollback needs", kept),
        rule(2, "Keep the latest of the others", others),
    ];
    Object::new().with("rules", rules).into()
}

fn rule(priority: i64, description: &'static str, selection: Object) -> Node {
    Object::new()
        .with("rulePriority", priority)
        .with("description", description)
        .with("selection", selection)
        .with("action", Object::new().with("type", "expire"))
        .into()
}
