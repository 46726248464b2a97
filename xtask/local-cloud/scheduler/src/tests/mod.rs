//! Scenarios in a simulated world.
