//! A listener's plan, made ready for requests.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use http::request::Parts;

use crate::{
    condition::Condition,
    group::Group,
    id::TargetGroupId,
    plan::{Action, Attributes, FixedResponse, ListenerPlan, Redirect},
    split::Split,
};

#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) attributes: Attributes,
    /// By rising priority number.
    rules: Vec<(Vec<Condition>, Step)>,
    default: Step,
}

/// What is done with a request.
#[derive(Debug)]
pub(crate) enum Step {
    Forward(Forward),
    FixedResponse(FixedResponse),
    Redirect(Redirect),
    /// Bound, but no plan says what to do: 503.
    Nothing,
}

/// Groups with weights. A group that the plan doesn't define counts by its weight and has no targets.
#[derive(Debug)]
pub(crate) struct Forward {
    split: Split,
    groups: Vec<Option<Arc<Group>>>,
}

impl Forward {
    /// The group for the next request; none where all weights are 0 or the group isn't known.
    pub(crate) fn choose(&self) -> Option<&Arc<Group>> {
        self.groups.get(self.split.choose()?)?.as_ref()
    }
}

impl Route {
    pub(crate) fn nothing() -> Self {
        Self {
            attributes: Attributes::default(),
            rules: Vec::new(),
            default: Step::Nothing,
        }
    }

    pub(crate) fn new(plan: &ListenerPlan, groups: &BTreeMap<TargetGroupId, Arc<Group>>) -> Self {
        let mut by_priority: Vec<_> = plan.rules.iter().collect();
        by_priority.sort_by_key(|rule| rule.priority);
        let rules = by_priority
            .into_iter()
            .map(|rule| (rule.conditions.clone(), step(&rule.action, groups)));
        Self {
            attributes: plan.attributes.clone(),
            rules: rules.collect(),
            default: step(&plan.default_action, groups),
        }
    }

    pub(crate) fn choose(&self, request: &Parts, client: IpAddr) -> &Step {
        let matching = self
            .rules
            .iter()
            .find(|(conditions, _)| conditions.iter().all(|condition| condition.holds(request, client)));
        matching.map_or(&self.default, |(_, step)| step)
    }
}

fn step(action: &Action, groups: &BTreeMap<TargetGroupId, Arc<Group>>) -> Step {
    match action {
        Action::Forward(weighted) => Step::Forward(Forward {
            split: Split::new(weighted.iter().map(|&(_, weight)| weight)),
            groups: weighted.iter().map(|(group, _)| groups.get(group).cloned()).collect(),
        }),
        Action::FixedResponse(fixed) => Step::FixedResponse(fixed.clone()),
        Action::Redirect(redirect) => Step::Redirect(redirect.clone()),
    }
}
