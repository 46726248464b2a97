//! What happens between a push and a deployment, handed to the service that it is about.

use std::time::SystemTime;

use crate::cloud::{Cloud, Effect};
use crate::code::{CodeEffect, CodeHappening};

impl Cloud {
    /// Takes in what happened.
    pub(crate) fn code_happened(&mut self, now: SystemTime, happening: CodeHappening) {
        match happening {
            CodeHappening::RepositoryMade { name, outcome } => self.repository_made(name, outcome),
            CodeHappening::Branches { name, branches } => self.branches_seen(now, &name, &branches),
            CodeHappening::Build { build, report } => self.build_reported(now, &build, report),
        }
    }

    /// After a restart: what may not have been done is asked for again, and builds that nobody runs any more are over.
    pub(crate) fn resume_code(&mut self, now: SystemTime) {
        let deleted = self.code.deleted_repositories.iter().cloned();
        let deleted = deleted.map(|name| CodeEffect::DeleteRepository { name });
        let repositories = self.code.repositories.iter().map(|(name, repository)| {
            let name = name.clone();
            if repository.made == Some(Ok(())) {
                CodeEffect::ReadBranches { name }
            } else {
                CodeEffect::MakeRepository { name }
            }
        });
        let artifacts = self.code.forgotten_artifacts.iter().cloned();
        let artifacts = artifacts.map(|key| CodeEffect::RemoveArtifact { key });
        let effects = deleted.chain(repositories).chain(artifacts).collect::<Vec<_>>();
        self.effects.extend(effects.into_iter().map(Effect::Code));
        self.give_up_builds(now);
    }

    /// When something here is due: events at once.
    pub(crate) fn code_deadline(&self) -> Option<SystemTime> {
        if self.code.events.is_empty() {
            self.builds_deadline()
        } else {
            Some(SystemTime::UNIX_EPOCH)
        }
    }

    /// Notes that an effect whose end nobody tells of has been performed; true when that changes the records.
    pub(crate) fn code_performed(&mut self, effect: &CodeEffect) -> bool {
        match effect {
            CodeEffect::DeleteRepository { name } => self.code.deleted_repositories.remove(name),
            CodeEffect::RemoveArtifact { key } => self.code.forgotten_artifacts.remove(key),
            _ => false,
        }
    }
}
