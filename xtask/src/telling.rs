//! What a deployment shows while it goes on.
//!
//! One model of the facts at a moment, [`view::View`], and three renderings of it, which are pure: [`block`] for a terminal,
//! [`log`] for whatever keeps lines, [`records`] for programs. [`lookout`] gathers the facts, and [`teller`] hands the
//! renderings on.

pub(crate) mod block;
pub(crate) mod event_code;
pub(crate) mod log;
pub(crate) mod lookout;
pub(crate) mod note;
pub(crate) mod records;
pub(crate) mod report;
pub(crate) mod scene;
pub(crate) mod sentence;
pub(crate) mod sides;
pub(crate) mod tables;
pub(crate) mod teller;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod view;
