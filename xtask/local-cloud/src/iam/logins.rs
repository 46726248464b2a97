//! Logins to the registry of images: whose each is, and what its role may do there.
//!
//! A login is good for whoever asked for it, with their rights.
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use serde_json::Value;

use super::{Asked, Session, access_key, context, documents, judged};
use crate::cloud::Cloud;
use crate::codebuild::Status;
use crate::ids::Place;

/// What stands between the registry's own password and an access key.
const SEPARATOR: char = '.';

/// The builds that run, as the registry's own threads see them; by access key.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    roles: RwLock<BTreeMap<String, Role>>,
}

/// What a build's calls to the registry are judged by.
#[derive(Debug, Clone, PartialEq)]
struct Role {
    place: Place,
    user: String,
    documents: Vec<Value>,
}

/// The password that a caller is given: the registry's own, and a session's access key after it.
pub(crate) fn password(own: &str, session: Option<&Session>, key: &str) -> String {
    session.map_or_else(|| own.to_owned(), |_| format!("{own}{SEPARATOR}{key}"))
}

impl Logins {
    /// Lets the registry know which builds run.
    pub(crate) fn publish(&self, cloud: &Cloud) {
        let running = cloud
            .code
            .builds
            .iter()
            .filter(|(_, build)| build.status == Status::InProgress);
        let roles = running.filter_map(|(id, _)| {
            let key = access_key(id);
            let session = Session::of_build(&cloud.code.builds, &key)?;
            let role = Role {
                place: cloud.place.clone(),
                user: session.arn(&cloud.place),
                documents: documents(cloud, &session).cloned().collect(),
            };
            Some((key, role))
        });
        let roles = roles.collect::<BTreeMap<_, _>>();
        let mut published = self.roles.write().unwrap_or_else(PoisonError::into_inner);
        if *published != roles {
            *published = roles;
        }
    }

    /// Whether a password is one: the registry's own, or that of a build which runs.
    pub(crate) fn open(&self, own: &str, password: &str) -> bool {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        password == own || key_in(own, password).is_some_and(|key| roles.contains_key(key))
    }

    /// Why a build may not do something to a repository, in AWS's words.
    pub(crate) fn refusal(&self, own: &str, password: &str, action: &str, repository: &str) -> Option<String> {
        let roles = self.roles.read().unwrap_or_else(PoisonError::into_inner);
        let role = roles.get(key_in(own, password)?)?;
        let resource = role.place.arn("ecr", &format!("repository/{repository}"));
        let context = context(&role.place);
        let asked = Asked {
            action,
            resource: Some(&resource),
            context: &context,
        };
        judged(&role.user, &role.documents, asked).err()
    }
}

fn key_in<'a>(own: &str, password: &'a str) -> Option<&'a str> {
    password.strip_prefix(own)?.strip_prefix(SEPARATOR)
}
