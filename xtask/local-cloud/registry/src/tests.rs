//! The registry over its wire.
