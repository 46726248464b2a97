//! The whole state, and how it moves on.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::engine::exports::exports_of;
use crate::plan::Environment;
use crate::provider::Provider;
use crate::stack::Stack;
use identifiers::Ids;

/// How many deleted stacks can still be described by their id; the oldest go first.
///
/// A named choice: AWS keeps them for 90 days.
const MAX_DELETED_STACKS: usize = 50;

/// Every stack of one account in one region. Write it as JSON after every change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stacks {
    pub(crate) account_id: String,
    pub(crate) region: String,
    pub(crate) ids: Ids,
    /// In the order of their creation.
    pub(crate) list: Vec<Stack>,
}

impl Stacks {
    /// No stack yet. The same seed and the same calls give the same ids.
    pub fn new(account_id: impl Into<String>, region: impl Into<String>, seed: u64) -> Self {
        Self {
            account_id: account_id.into(),
            region: region.into(),
            ids: Ids::new(seed),
            list: Vec::new(),
        }
    }

    /// The id of the stack that has a change set, by the change set's own.
    pub fn of_change_set(&self, id: &str) -> Option<&str> {
        let has = |stack: &&Stack| stack.change_sets.iter().any(|set| set.id == id);
        self.list.iter().find(has).map(|stack| stack.id.as_str())
    }

    /// Carries what is under way one step on. True when anything changed: persist, and call it again until false.
    ///
    /// A step asks at most one thing of the provider, so that a crash before the state is written can lose at most one answer;
    /// repeated from the state before, the step carries the same token
    /// ([`ResourceRequest::token`](crate::ResourceRequest::token)).
    ///
    /// Call it after every call, after every change of a resource, and at [`next_deadline`](Self::next_deadline).
    pub fn advance(&mut self, now: SystemTime, provider: &mut dyn Provider) -> bool {
        for index in 0..self.list.len() {
            let mut stack = self.list.remove(index);
            let moved = Engine {
                now,
                provider: &mut *provider,
                ids: &mut self.ids,
                others: &self.list,
            }
            .step(&mut stack);
            self.list.insert(index, stack);
            if moved {
                self.forget_deleted();
                return true;
            }
        }
        false
    }

    /// When [`advance`](Self::advance) must be called even if nothing else happens: an operation's limit.
    pub fn next_deadline(&self) -> Option<SystemTime> {
        self.list
            .iter()
            .filter_map(|stack| stack.run.as_ref()?.next_deadline())
            .min()
    }

    /// By id any stack, by name only one that isn't deleted.
    pub(crate) fn find(&self, name_or_id: &str) -> Option<usize> {
        self.list.iter().position(|stack| stack.id == name_or_id).or_else(|| {
            self.list
                .iter()
                .position(|stack| stack.name == name_or_id && stack.deleted.is_none())
        })
    }

    pub(crate) fn environment(&self, stack_name: &str, stack_id: &str) -> Environment {
        Environment {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            stack_name: stack_name.to_owned(),
            stack_id: stack_id.to_owned(),
            exports: self.exports(stack_id),
        }
    }

    /// Every export of the stacks other than this one.
    fn exports(&self, except: &str) -> BTreeMap<String, String> {
        exports_of(self.list.iter().filter(|stack| stack.id != except))
    }

    pub(crate) fn forget_deleted(&mut self) {
        let deleted = self.list.iter().filter(|stack| stack.deleted.is_some()).count();
        for _ in MAX_DELETED_STACKS..deleted {
            if let Some(oldest) = self.list.iter().position(|stack| stack.deleted.is_some()) {
                self.list.remove(oldest);
            }
        }
    }
}
