//! What is done with a stack, once it is asked for.

/// An operation that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation<'a> {
    /// The stack's name.
    pub(crate) stack_name: &'a str,
    /// The stack's ARN, by which it is found even when it is deleted.
    pub(crate) stack_id: &'a str,
    /// The token that its events carry.
    pub(crate) token: &'a str,
    /// How to follow it again: a command.
    pub(crate) follow: &'a str,
    /// How many resources it is about, where that is known.
    pub(crate) total: Option<usize>,
}
