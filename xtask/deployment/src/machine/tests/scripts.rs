//! Scripts whose templates say no more than which stage has which version.

use crate::machine::{Script, StackUpdate, StepScript};
use crate::stage::Stage;

/// Whether ECS's alarm rollback is on.
pub(super) const PROTECTED: &str = "Protected";

/// A stack with these stages on the new version.
pub(super) fn content(new: &[Stage], is_protected: bool) -> StackUpdate {
    let version = |stage: &Stage| {
        let version = if new.contains(stage) { "new" } else { "old" };
        (stage.name().to_owned(), version.to_owned())
    };
    let mut parameters: std::collections::BTreeMap<_, _> = Stage::ALL.iter().map(version).collect();
    parameters.insert(PROTECTED.to_owned(), is_protected.to_string());
    StackUpdate {
        template: "{}".to_owned(),
        parameters,
    }
}

/// Whether a stage has the new version.
pub(super) fn is_new(content: &StackUpdate, stage: Stage) -> bool {
    content
        .parameters
        .get(stage.name())
        .is_some_and(|version| version == "new")
}

/// Whether ECS reverts when an alarm fires.
pub(super) fn is_protected(content: &StackUpdate) -> bool {
    content.parameters.get(PROTECTED).is_some_and(|value| value == "true")
}

/// The two updates back to the old version.
pub(super) fn way_back() -> Vec<StackUpdate> {
    vec![content(&[], false), content(&[], true)]
}

/// A deployment with a step for each of these stages.
pub(super) fn deployment(stages: &[Stage]) -> Script {
    let steps = (1..=stages.len()).zip(stages).map(|(done, stage)| StepScript {
        stage: *stage,
        update: content(&stages[..done], true),
        summary: String::new(),
    });
    let back = (0..=stages.len()).map(|done| if done == 0 { Vec::new() } else { way_back() });
    Script {
        base: content(&[], true),
        steps: steps.collect(),
        back: back.collect(),
    }
}

/// A rollback from what the stack has. Without updates if it has the old version already.
pub(super) fn rollback(deployed: StackUpdate) -> Script {
    let is_there = deployed == content(&[], true);
    Script {
        base: deployed,
        steps: Vec::new(),
        back: vec![if is_there { Vec::new() } else { way_back() }],
    }
}
