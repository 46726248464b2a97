//! The rules of composition, one by one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::stage::Stage;
use crate::staging::tests::{Case, NEW, OLD, image, outcome, plan_of};
use crate::staging::{ChangeKind, Code, Plan, Refusal, Step, undo};
use crate::template::Template;

fn planned(before: &Case, after: &Case) -> Plan {
    plan_of(before, after).unwrap_or_else(|refusals| panic!("{refusals:#?}"))
}

fn parsed(step: &Step) -> Template {
    Template::parse(&step.template).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn edited(edit: impl FnOnce(&mut Case)) -> (Case, Case) {
    let before = Case::base();
    let mut after = before.clone();
    edit(&mut after);
    (before, after)
}

fn codes(result: Result<Plan, Vec<Refusal>>) -> Vec<(Code, String)> {
    let refusals = result.expect_err("a refusal");
    refusals.into_iter().map(|refusal| (refusal.code, refusal.resource)).collect()
}

#[test]
fn main_adoption() {
    println!("{:#?}", plan_of(&Case::main(), &Case::base()).map(|plan| plan.steps.iter().map(|s| (s.stage, s.template.len(), s.changes.clone())).collect::<Vec<_>>()));
}
