//! Every stack update that a deployment may need, worked out before the first one.

use std::collections::BTreeMap;

use crate::stage::Stage;

/// A stack update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackUpdate {
    /// The template's text.
    pub template: String,
    /// The value of every parameter.
    pub parameters: BTreeMap<String, String>,
}

/// A step forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepScript {
    /// The stage that changes.
    pub stage: Stage,
    /// The update.
    pub update: StackUpdate,
    /// What it changes, for people.
    pub summary: String,
}

/// All updates of a deployment or a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What the stack has before.
    pub base: StackUpdate,
    /// The steps forward. Empty for a rollback.
    pub steps: Vec<StepScript>,
    /// For each number of completed steps, the updates that restore what is to be restored. For a rollback, one list.
    pub back: Vec<Vec<StackUpdate>>,
}

/// Where a stack is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// So many steps are completed.
    Step(usize),
    /// On the way back.
    Back {
        /// How many steps were completed when it began.
        from: usize,
        /// How many updates back are completed.
        done: usize,
    },
}

/// An update of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UpdateId {
    /// A step forward, counted from 0.
    Step(usize),
    /// An update back.
    Back {
        /// How many steps were completed when it began.
        from: usize,
        /// Which one, counted from 0.
        index: usize,
    },
}

impl UpdateId {
    /// Where the stack is before the update.
    pub fn from(self) -> Position {
        match self {
            Self::Step(step) => Position::Step(step),
            Self::Back { from, index: 0 } => Position::Step(from),
            Self::Back { from, index } => Position::Back { from, done: index },
        }
    }

    /// Where it is after.
    pub fn to(self) -> Position {
        match self {
            Self::Step(step) => Position::Step(step + 1),
            Self::Back { from, index } => Position::Back { from, done: index + 1 },
        }
    }
}

impl Script {
    /// The updates back after so many completed steps. Empty if nothing has to be restored.
    pub fn way_back(&self, completed: usize) -> &[StackUpdate] {
        self.back.get(completed).map_or(&[], Vec::as_slice)
    }

    /// An update. `None` if the script has none by this id.
    pub fn update(&self, id: UpdateId) -> Option<&StackUpdate> {
        match id {
            UpdateId::Step(step) => self.steps.get(step).map(|step| &step.update),
            UpdateId::Back { from, index } => self.way_back(from).get(index),
        }
    }

    /// What the stack has at a position. `None` if the script has no such position.
    pub fn at(&self, position: Position) -> Option<&StackUpdate> {
        match position {
            Position::Step(0) => Some(&self.base),
            Position::Step(done) => self.update(UpdateId::Step(done - 1)),
            Position::Back { from, done: 0 } => self.at(Position::Step(from)),
            Position::Back { from, done } => self.update(UpdateId::Back { from, index: done - 1 }),
        }
    }
}
