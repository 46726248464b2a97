//! The Application Load Balancer's data plane, on loopback.
