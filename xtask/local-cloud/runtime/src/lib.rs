//! Runs a task's container for real: as a process of this machine, or in Docker.
//!
//! Both runtimes stand behind [`Runtime`]. Tasks outlive it: a local cloud that was killed takes its tasks back with
//! [`Runtime::adopt`], and ends with [`Runtime::sweep`] those that it no longer wants.
//!
//! What the process runtime can't do as Fargate does, it approximates; `docs/fidelity.md` carries the same list:
//!
//! - *Network.* A task has a loopback address of its own instead of a network interface.
//!   The program is told with `BIND_ADDRESS` and `PORT` where to listen, and must listen there.
//! - *Memory.* Looked at every second, and killed when above its limit; the program's data may be twice the limit for so long.
//! - *CPU.* Measured, not limited.
//! - *User.* The program runs as the user who runs the local cloud.
//! - *Root file system.* The image's files are read-only, but the machine's are in reach, and `/` is the machine's:
//!   the program must be static, or use what the machine has.

mod docker;
mod exits;
mod home;
mod process;
mod runtime;
mod spec;
mod task;

pub use exits::Exit;
pub use runtime::Runtime;
pub use spec::{ContainerSpec, ImageOnDisk, ImageReference, Layer, RegistryLogin, TaskSpec, Ulimit};
pub use task::{Detected, Identity, RuntimeKind, StartError, Started, Usage};

#[cfg(test)]
mod tests;
