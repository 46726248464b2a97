//! The whole of deciding, driven without sockets, processes or a clock: [`rig`] plays runtime and load balancer.

mod alarms;
mod balancing;
mod clock;
mod delivery;
mod deployments;
mod images;
mod life;
mod logs;
mod random;
mod restart;
mod rig;
mod rights;
mod scaling;
