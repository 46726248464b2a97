//! The rules of composition.
