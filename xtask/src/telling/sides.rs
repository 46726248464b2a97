//! What is known of both stages beside the operation on their stack: written by whoever watches them, read by whoever
//! shows the operation.

use std::cell::RefCell;
use std::rc::Rc;

use super::view::Side;

/// The stages side by side, as last seen; empty where nobody watches them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sides(Rc<RefCell<Vec<Side>>>);

impl Sides {
    /// What was seen last.
    pub(crate) fn seen(&self) -> Vec<Side> {
        self.0.borrow().clone()
    }

    /// Puts what is seen now in the place of what was seen before.
    pub(crate) fn see(&self, sides: Vec<Side>) {
        self.0.replace(sides);
    }
}
