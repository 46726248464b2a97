//! No step changes a resource of a later stage, nor one of an earlier stage.

use std::collections::BTreeSet;

use crate::stage::Stage;
use crate::staging::checks::Update;
use crate::staging::{ChangeKind, Code, Refusal};

/// `refused` are the resources that another check refuses; what follows from them isn't reported.
pub(super) fn check(update: &Update<'_>, refused: &BTreeSet<String>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (name, kind) in &update.comparison.changes {
        let stage = update.stage_of(name);
        let late = stage != Stage::Shared && stage < update.stage && *kind != ChangeKind::Remove;
        if stage <= update.stage && !late {
            continue;
        }
        let step = update.stage;
        for root in roots(update, name).difference(refused) {
            let (code, reason) = if late {
                let reason = format!("it only changes in step {step}, and {name} of {stage} changes with it");
                (Code::Late, reason)
            } else {
                let reason = format!("it changes in step {step}, and {name} of {stage} would change with it");
                let shared = update.stage_of(root) == Stage::Shared;
                (if shared { Code::Both } else { Code::Other }, reason)
            };
            refusals.push(Refusal::new(code, root, reason));
        }
    }
    refusals.extend(used_while_waiting(update, refused));
    refusals
}

/// The changed resources at the beginning of the chain that makes a resource change.
fn roots(update: &Update<'_>, name: &str) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut pending = vec![name.to_owned()];
    while let Some(next) = pending.pop() {
        if !seen.insert(next.clone()) {
            continue;
        }
        let causes = update.comparison.causes(&next);
        if causes.is_empty() {
            roots.insert(next);
        } else {
            pending.extend(causes);
        }
    }
    roots
}

/// Onebox's new definitions would run with a shared resource as deployed, because its new definition waits for Fleet.
fn used_while_waiting(update: &Update<'_>, refused: &BTreeSet<String>) -> Vec<Refusal> {
    if update.stage != Stage::Onebox {
        return Vec::new();
    }
    let changed = (update.comparison.changes.keys()).filter(|name| update.stage_of(name) == Stage::Onebox);
    let mut refusals = Vec::new();
    for name in changed {
        let Some(resource) = update.after.resources.get(name) else {
            continue;
        };
        let used = resource.references().names;
        for used in used
            .intersection(update.waiting)
            .filter(|used| !refused.contains(*used))
        {
            let reason = format!("its new definition needs something of Fleet, and {name} of Onebox uses it before");
            refusals.push(Refusal::new(Code::Late, used, reason));
        }
    }
    refusals
}
