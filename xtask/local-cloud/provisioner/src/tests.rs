//! Whole stories: calls in, events and the provider's resources out.

mod calls;
mod changes;
mod cloud;
mod faults;
mod life;
mod random;
mod update;

use cloud::{Behaviour, Cloud, check_error};
