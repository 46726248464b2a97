//! The scheduler in a simulated world.

mod properties;
mod scale;
mod scenarios;
mod transcript;
mod world;
