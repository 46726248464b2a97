//! What must be there before the pipeline can run: its stacks, and the commit in its repository.

use constants::pipeline::{BRANCH, SOURCE, Source};
use stacks::source::{CLONE_URL, SOURCE_REPOSITORY_NAME};
use stacks::toolchain::PIPELINE_NAME;

use super::show::short;
use super::source::{self, Credentials, Head, Standing};
use crate::aws::Aws;
use crate::code::Code;
use crate::context::Context;
use crate::deploy::toolchain::{Asking, one};
use crate::environment::{Rendered, Toolchain};
use crate::exit::Failure;
use crate::flags::Pipeline;
use crate::progress::count;
use crate::stack::Stack;
use crate::stack::gone;
use crate::stack::standing::{Standing as StackStanding, standing};

/// The pipeline, once it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The pipeline's name.
    pub(crate) pipeline: String,
}

/// A pipeline that can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    /// Where it is.
    pub(crate) place: Place,
    /// The commit whose execution starts by itself, as it was pushed just now or the pipeline was created.
    pub(crate) starts_by_itself: Option<String>,
}

/// Makes what is missing, in an order in which the pipeline's first execution finds its source; what exists is left as it
/// is, since the pipeline updates itself.
///
/// # Errors
/// When HEAD can't be pushed, or a stack can't be made.
pub(crate) async fn prepare(context: &Context, aws: &Aws, flags: &Pipeline, again: &str) -> anyhow::Result<Prepared> {
    let head = source::head(&context.root)?;
    say_what_is_left_out(context, &head);
    let needed = Toolchain::new();
    for foundation in &needed.foundations {
        made(context, aws, foundation, flags.yes, again).await?;
    }
    let pushed = match SOURCE {
        Source::CodeCommit => push(context, aws, &needed.foundations[0].name, &head).await?,
        Source::Connection { .. } => false,
    };
    let (stack, created) = made(context, aws, &needed.toolchain, flags.yes, again).await?;
    Ok(Prepared {
        place: place(&stack)?,
        starts_by_itself: (pushed || created).then_some(head.commit),
    })
}

/// The pipeline that exists.
///
/// # Errors
/// When there is none: exit status 4, with the command that makes it.
pub(crate) async fn existing(aws: &Aws, again: &str) -> anyhow::Result<Place> {
    let name = Toolchain::new().toolchain.name;
    match aws.stack(&name).await? {
        Some(stack) => place(&stack),
        None => Err(Failure::preflight(format!("there is no stack {name}"))
            .code(Code::NoStack)
            .next(format!("`{again}` makes it"))
            .into()),
    }
}

fn place(stack: &Stack) -> anyhow::Result<Place> {
    Ok(Place {
        pipeline: stack.output(PIPELINE_NAME)?.to_owned(),
    })
}

fn say_what_is_left_out(context: &Context, head: &Head) {
    if head.uncommitted > 0 {
        context.progress.line(&format!(
            "not committed: {}; the pipeline runs {} \"{}\" without",
            count(head.uncommitted, "changed file"),
            short(&head.commit),
            head.summary
        ));
    }
}

/// A stack that is there, and whether it was made just now.
async fn made(
    context: &Context,
    aws: &Aws,
    wanted: &Rendered,
    yes: bool,
    again: &str,
) -> anyhow::Result<(Stack, bool)> {
    let found = aws.stack(&wanted.name).await?;
    if let Some(stack) = found.filter(|stack| standing(Some(&stack.status)) == StackStanding::Ready) {
        return Ok((stack, false));
    }
    let applied = one(context, aws, wanted, Asking::new(yes, again)).await?;
    Ok((applied.stack, applied.changed))
}

/// Pushes HEAD where the repository is behind; whether it did.
async fn push(context: &Context, aws: &Aws, foundation: &str, head: &Head) -> anyhow::Result<bool> {
    let stack = aws.stack(foundation).await?;
    let stack = stack.ok_or_else(|| gone(foundation))?;
    let (url, repository) = (stack.output(CLONE_URL)?, stack.output(SOURCE_REPOSITORY_NAME)?);
    let tip = aws.branch_tip(repository, BRANCH).await?;
    match source::standing(&context.root, head, tip.as_deref())? {
        Standing::Same => return Ok(false),
        Standing::Ahead => {
            context.progress.line(&format!(
                "{repository} is ahead of HEAD: the pipeline runs what is there, not {}",
                short(&head.commit)
            ));
            return Ok(false);
        }
        Standing::Apart => return Err(apart(repository, url, head).into()),
        Standing::Behind => {}
    }
    let credentials = if aws.is_near() {
        Credentials::None
    } else {
        Credentials::AwsCli
    };
    let (root, url) = (context.root.clone(), url.to_owned());
    let pushing = tokio::task::spawn_blocking(move || source::push(&root, &url, BRANCH, credentials));
    context
        .interrupt
        .or("interrupted: HEAD may be pushed or not", pushing)
        .await???;
    context.progress.line(&format!(
        "pushed {} \"{}\" to {repository}",
        short(&head.commit),
        head.summary
    ));
    Ok(true)
}

pub(super) fn apart(repository: &str, url: &str, head: &Head) -> Failure {
    let what = format!(
        "{BRANCH} of {repository} has commits that HEAD ({}) lacks: nothing was pushed",
        short(&head.commit)
    );
    Failure::refused(what)
        .code(Code::SourceApart)
        .next(format!("take them in first: `git pull --rebase {url} {BRANCH}`"))
}
