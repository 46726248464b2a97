//! The first deployment of a service: nothing runs yet to compare with.

use deployment::release::{End, Release};
use stacks::service;

use super::script;
use super::work::{Done, Work};
use crate::code::Code;
use crate::exit::Coded as _;
use crate::patience::patiently;
use crate::releases::Store;
use crate::services;
use crate::stack::apply::Terms;
use crate::stack::{Stack, Wanted};
use crate::telling::note::Note;
use crate::token::{Purpose, token_for};

/// Creates the service stack with one image on both stages, and waits for its tasks.
///
/// # Errors
/// As any change of a stack.
pub(super) async fn create(work: Work<'_>, store: &Store, image: String) -> anyhow::Result<Done> {
    let template = &work.stacks.service.template;
    let mut parameters = [service::ONEBOX_IMAGE, service::FLEET_IMAGE]
        .map(|name| (name.to_owned(), image.clone()))
        .into();
    let release = Release::new(&image, template, &parameters).coded(Code::OtherStack)?;
    let digest = store.create(&release, &work.record()).await?.digest;
    script::name_release(&mut parameters, &release, &digest);
    work.context.tell(Note::first());
    let wanted = Wanted {
        name: work.stacks.service.name.clone(),
        template: release.template().to_owned(),
        parameters,
        kept: Vec::new(),
    };
    let token = token_for(&Purpose::Other("deploy".to_owned()), work.aws.now());
    let terms = Terms { ..work.terms(&token) };
    let applied = work.apply(&wanted, terms).await?;
    if !applied.under_way {
        wait_for_tasks(work, &applied.stack, release.template()).await?;
        super::finish::conclude(work, store, &digest, (End::Deployed, Vec::new(), "first deployment")).await;
    }
    Ok(Done {
        changed: applied.changed,
        under_way: applied.under_way,
        image: Some(image),
        release: Some(digest),
        stack: applied.stack,
        verdicts: Vec::new(),
    })
}

/// Waits until the services run what their scalable targets want: the templates give no desired count, so a new service
/// is complete before its first task runs.
async fn wait_for_tasks(work: Work<'_>, stack: &Stack, template: &str) -> anyhow::Result<()> {
    let leaving = "interrupted: the stack is deployed, and its tasks are starting";
    let template: serde_json::Value = serde_json::from_str(template)?;
    let list = async || work.aws.resources(&stack.id).await;
    let minimums = services::minimums(&template, &patiently(work.context, leaving, list).await?);
    let none = std::collections::BTreeSet::new();
    let another = work.deploy.another();
    services::wait::until_settled(work.context, work.aws, &minimums, (&none, &another)).await
}
