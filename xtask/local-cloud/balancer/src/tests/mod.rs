//! The balancer with real sockets on loopback.

mod bodies;
mod codes;
mod draining;
mod headers;
mod life;
mod rig;
mod routing;
