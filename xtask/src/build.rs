//! `build`: all that the pipeline deploys, made once and handed on in a folder.

mod check;
mod images;
mod junit;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use constants::pipeline::NO_FAULT;
use serde_json::{Value, json};
use stacks::foundation::IMAGE_REPOSITORY_URI;
use stacks::toolchain::Work;

pub(crate) use self::images::Images;

use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::Coded as _;
use crate::fault::refuse_fault;
use crate::flags::{Build, Target};
use crate::image::{Binary, Recipe};
use crate::progress::human;
use crate::stack::absent::absent;
use crate::{cloud, publish, synth};

/// The folder of the templates, within the one that is handed on.
const TEMPLATES: &str = "templates";

/// The file of the images, within the one that is handed on.
const IMAGES: &str = "image.json";

/// This command line, within the folder that is handed on.
const COMMAND_LINE: &str = "xtask";

impl Build {
    /// Tests, renders, pushes the images, and fills the folder.
    ///
    /// # Errors
    /// When there is no repository to push to (exit status 4), when a test fails, when something doesn't compile.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let started = Instant::now();
        let root = context.checkout()?;
        let aws = cloud::connect(context, &self.cloud, &[self.environment.into()]).await?;
        let fault = Some(self.fault.clone()).filter(|fault| fault != NO_FAULT);
        refuse_fault(fault.as_deref(), self.environment, &aws)?;
        let name = Stacks::of(self.environment).foundation.name;
        let foundation = aws.stack(&name).await?;
        let foundation = foundation.ok_or_else(|| absent(&name, &Target::Toolchain.deploys(&self.cloud)))?;
        let mut done = 0;
        let mut begin = |what: &str| {
            done += 1;
            context.progress.line(&step(done, what));
        };
        check::check(context, root, self.reports.as_deref(), &mut begin).await?;
        let repository = foundation.output(IMAGE_REPOSITORY_URI)?;
        let recipe = Recipe {
            binary: Binary::Service,
            fault,
        };
        begin("the service's image");
        let service = publish::publish(context, &aws, repository, &recipe).await?;
        begin("the bootstrap image");
        let bootstrap = publish::publish(context, &aws, repository, &Recipe::plain(Binary::Bootstrap)).await?;
        let images = Images {
            source: self.source,
            service,
            bootstrap,
        };
        begin("the templates, and the folder that is handed on");
        hand_on(root, &self.out, &images)?;
        context.output.line(&images.service);
        context
            .progress
            .line(&format!("built {} in {}", self.out.display(), human(started.elapsed())));
        Ok(json!({"image": images.service, "bootstrap": images.bootstrap, "out": self.out}))
    }
}

/// How the line of a step begins.
const STEP: &str = "step ";

/// The steps of a build: the tests of each package, both images, the folder.
const STEPS: usize = check::PACKAGES.len() + 3;

/// The line that says that a step begins.
fn step(number: usize, what: &str) -> String {
    format!("{STEP}{number} of {STEPS}: {what}")
}

/// What such a line says, `2 of 5: testing stacks`; none for any other line.
pub(crate) fn step_of(line: &str) -> Option<&str> {
    let told = line.strip_prefix(STEP)?;
    told.starts_with(|first: char| first.is_ascii_digit()).then_some(told)
}

/// Fills the folder with what the stages after Build begin with.
fn hand_on(root: &Path, out: &Path, images: &Images) -> anyhow::Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)
            .with_context(|| format!("cannot empty {}", out.display()))
            .coded(Code::File)?;
    }
    synth::run(&[], &out.join(TEMPLATES), &mut |_| {})?;
    images.write(&out.join(IMAGES))?;
    let itself = std::env::current_exe()
        .context("cannot tell which program this is")
        .coded(Code::File)?;
    copy(&itself, &out.join(COMMAND_LINE))?;
    for work in [Work::UpdatePipeline, Work::Deploy] {
        copy(&root.join(work.buildspec()), &out.join(work.buildspec()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let folder = to.parent().context("a file is in a folder").coded(Code::File)?;
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make {}", folder.display()))
        .coded(Code::File)?;
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
        .coded(Code::File)?;
    Ok(())
}

#[cfg(test)]
mod tests;
