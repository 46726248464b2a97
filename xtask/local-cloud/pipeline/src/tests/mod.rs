//! A pipeline whose actions end when the test says so.

mod properties;
mod refusals;
mod rig;
mod scenarios;
mod structure;
