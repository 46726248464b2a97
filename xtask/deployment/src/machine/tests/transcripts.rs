//! A few deployments in full.

use super::drive::Run;
use super::scripts::deployment;
use super::world::{Conditions, Fault, World};
use crate::stage::Stage::{Fleet, Onebox};

fn transcript(conditions: Conditions) -> String {
    let mut run = Run::new(World::new(conditions), deployment(&[Onebox, Fleet]));
    run.finish();
    run.transcript
}
