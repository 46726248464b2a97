//! The ledger of what the local cloud does with each property of a template.

/// What the local cloud does with a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// It behaves as on AWS.
    Exercised,
    /// It behaves nearly as on AWS; the reason says in what it differs.
    Approximated,
    /// It is kept and shown but changes nothing; the reason says why that is right on one machine.
    Inert,
}

/// One line of the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The resource type, `AWS::ECS::Service`.
    pub resource_type: &'static str,
    /// The property's path: `*` stands for every element of a list, a last `**` for everything below.
    pub property: &'static str,
    /// What the local cloud does with it.
    pub fidelity: Fidelity,
    /// Why, or in what it differs; empty when exercised.
    pub reason: &'static str,
}

/// Every property that a template may have here, by resource type and property.
pub fn ledger() -> &'static [Entry] {
    &[]
}
