//! An AWS endpoint on one machine.
