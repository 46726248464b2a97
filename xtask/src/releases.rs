//! `releases`: what was deployed to an environment, and can be deployed again.

#[allow(dead_code, reason = "deployments find releases")]
mod listing;
mod show;
#[allow(dead_code, reason = "deployments create, find and keep releases")]
mod store;
#[cfg(test)]
mod tests;

use serde_json::Value;
use stacks::foundation::IMAGE_REPOSITORY_URI;

use crate::cloud;
use crate::context::Context;
use crate::environment::Stacks;
use crate::flags::Releases;
use crate::stack::absent::absent;

#[allow(unused_imports, reason = "deployments create, find and keep releases")]
pub(crate) use self::listing::{Listing, available, short};
#[allow(unused_imports, reason = "deployments create, find and keep releases")]
pub(crate) use self::store::{Created, Store};

impl Releases {
    /// Prints the releases of an environment, newest first.
    ///
    /// # Errors
    /// If the environment has no repository (exit status 4), or AWS can't be reached.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let aws = cloud::look(context, &self.cloud, &[self.environment.into()]).await?;
        let Stacks { foundation, service } = Stacks::of(self.environment);
        let found = aws.stack(&foundation.name).await?;
        let found = found.ok_or_else(|| absent(&foundation.name, &self.environment.deploys(&self.cloud)))?;
        let store = Store::open(&aws, found.output(IMAGE_REPOSITORY_URI)?).await?;
        let report = show::Report {
            environment: self.environment.name(),
            listing: store.list().await?,
            parameters: aws
                .stack(&service.name)
                .await?
                .map(|stack| stack.parameters)
                .unwrap_or_default(),
        };
        context.output.line(&report.render(context.output.columns()));
        Ok(report.record())
    }
}
