//! Whole stories: calls in, events and the provider's resources out.

mod calls;
mod changes;
mod cloud;
mod drift;

mod life;
mod random;
mod recorded;
mod refusals;
mod update;
mod updates;

pub(crate) use cloud::World;
use cloud::{Behaviour, Cloud, check_error};
