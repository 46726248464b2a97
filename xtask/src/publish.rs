//! `image`: building an image, and pushing it to an environment's repository.

use std::time::Instant;

use constants::service::FAULT_VARIABLE;
use serde_json::{Value, json};
use stacks::foundation::IMAGE_REPOSITORY_URI;
use xshell::Shell;

use crate::aws::Aws;
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::{Coded as _, Failure};
use crate::flags::{Binary, Image, ImageCommand, ImageContents};
use crate::image::{self, BuiltImage, PushRoute, Recipe, RegistryLogin, UsedRoute};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::absent::absent;
use crate::telling::event_code::EventCode;
use crate::telling::note::Note;

impl Image {
    /// Builds an image, or builds and pushes it.
    ///
    /// # Errors
    /// When it can't be built or pushed.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        match self.command {
            ImageCommand::Build { contents, .. } => {
                let image = build(context, &contents.recipe()?).await?;
                context
                    .output
                    .line(&format!("{} {} bytes", image.manifest_digest, image.size_bytes));
                Ok(json!({
                    "digest": image.manifest_digest,
                    "size_bytes": image.size_bytes,
                    "binary_bytes": image.binary_bytes,
                    "directory": image.directory,
                }))
            }
            ImageCommand::Push {
                environment,
                contents,
                cloud,
            } => {
                let recipe = contents.recipe()?;
                let aws = cloud::connect(context, &cloud, &[environment.into()]).await?;
                let name = Stacks::of(environment).foundation.name;
                let look = async || aws.stack(&name).await;
                let foundation = patiently(context, "interrupted: nothing was built", look).await?;
                let foundation = foundation.ok_or_else(|| absent(&name, &environment.deploys(&cloud)))?;
                let reference = publish(context, &aws, foundation.output(IMAGE_REPOSITORY_URI)?, &recipe).await?;
                context.output.line(&reference);
                Ok(json!({"image": reference}))
            }
        }
    }
}

/// Builds an image and pushes it; its reference by digest.
///
/// # Errors
/// When it can't be built or pushed.
pub(crate) async fn publish(context: &Context, aws: &Aws, repository: &str, recipe: &Recipe) -> anyhow::Result<String> {
    let image = build(context, recipe).await?;
    push(context, aws, repository, &image).await
}

/// Pushes an image that is built; its reference by digest.
///
/// # Errors
/// When neither Docker nor the registry takes it.
pub(crate) async fn push(context: &Context, aws: &Aws, repository: &str, image: &BuiltImage) -> anyhow::Result<String> {
    let started = Instant::now();
    let leaving = "interrupted: the image is not pushed";
    let login = patiently(context, leaving, async || aws.registry_login().await).await?;
    let login = RegistryLogin::new(login.user, login.password);
    // What the registry has already isn't pushed again, so that it may be asked for again.
    let push = async || image::push(image, repository, tag(image), &login, PushRoute::Auto).await;
    let pushed = patiently(context, leaving, push).await.coded(Code::ImagePush)?;
    let (route, how) = match pushed.route {
        UsedRoute::Docker => ("docker", "pushed by this machine's Docker daemon"),
        UsedRoute::Direct => ("direct", "pushed straight to the registry"),
        UsedRoute::Neither => ("neither", "the registry has it already"),
    };
    let (image, took) = (pushed.reference, started.elapsed());
    context.tell(Note {
        code: EventCode::ImagePushed,
        text: format!("{image}: {how}, {}", human(took)),
        fields: json!({"image": image, "route": route, "seconds": took.as_secs_f64()}),
    });
    Ok(image)
}

/// Builds an image.
///
/// # Errors
/// When there is no checkout, or it can't be built.
pub(crate) async fn build(context: &Context, recipe: &Recipe) -> anyhow::Result<BuiltImage> {
    let started = Instant::now();
    if let Some(fault) = &recipe.fault {
        context
            .progress
            .line(&format!("this image misbehaves on purpose: {FAULT_VARIABLE}={fault}"));
    }
    let recipe = recipe.clone();
    let (root, progress) = (context.checkout()?.to_owned(), context.progress.clone());
    let building = tokio::task::spawn_blocking(move || {
        let mut say = |text: &str| {
            if progress.is_live() {
                progress.block(&[text.to_owned()]);
            } else {
                progress.line(text);
            }
        };
        image::build(&Shell::new()?, &root, &recipe, &mut say)
    });
    let image = context.interrupt.or("interrupted: no image is built", building).await?;
    context.progress.clear();
    let image = image?.coded(Code::Build)?;
    let sizes = format!("{} bytes, {} of them the binary", image.size_bytes, image.binary_bytes);
    let (digest, took) = (&image.manifest_digest, started.elapsed());
    context.tell(Note {
        code: EventCode::ImageBuilt,
        // Docker gives it another digest: the one that it runs by is told once it is pushed.
        text: format!("built the image: {sizes}, {}", human(took)),
        fields: json!({
            "digest": digest,
            "size_bytes": image.size_bytes,
            "binary_bytes": image.binary_bytes,
            "seconds": took.as_secs_f64(),
        }),
    });
    Ok(image)
}

/// The tag: the repository's tags are immutable, so each image has one of its own, made from its digest.
fn tag(image: &BuiltImage) -> &str {
    let digits = image.manifest_digest.rsplit(':').next().unwrap_or_default();
    digits.get(..32).unwrap_or(digits)
}

impl ImageContents {
    /// What to build.
    ///
    /// # Errors
    /// When a fault is asked of a binary that knows none.
    fn recipe(self) -> anyhow::Result<Recipe> {
        if self.fault.is_some() && self.binary == Binary::Bootstrap {
            return Err(
                Failure::refused("--fault is for the service: the bootstrap binary knows no faults")
                    .code(Code::Flags)
                    .into(),
            );
        }
        Ok(Recipe {
            binary: self.binary.into(),
            fault: self.fault,
        })
    }
}

impl From<Binary> for image::Binary {
    fn from(binary: Binary) -> Self {
        match binary {
            Binary::Service => Self::Service,
            Binary::Bootstrap => Self::Bootstrap,
        }
    }
}
