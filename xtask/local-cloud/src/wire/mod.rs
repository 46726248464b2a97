//! AWS's protocols: a signed HTTP request in, an operation with JSON-shaped input out, and back.
//!
//! Handlers see neither XML nor HTTP: input and output are JSON values named as in AWS's service models.

mod cbor;
mod fault;
mod protocol;
mod query;
mod signature;
mod timestamps;
mod xml;

pub(crate) use fault::Fault;
pub(crate) use protocol::{Call, Service, parse, respond};
