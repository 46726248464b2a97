//! What can be wrong with a template as a whole.

/// The most resources in a template.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub(crate) const RESOURCES_MAXIMUM: usize = 500;

/// What is wrong with a template as a whole.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Error {
    /// A name is used twice for resources, parameters, conditions or outputs.
    Duplicate(String),
    /// A logical id has characters other than letters and digits, or none at all, or more than 255.
    InvalidName(String),
    /// Something refers to a resource or parameter that isn't in the template: where, and what.
    Dangling(String, String),
    /// Resources that wait for each other in a circle, in order.
    Circular(Vec<String>),
    /// More resources than CloudFormation takes.
    TooManyResources(usize),
}

impl std::error::Error for Error {}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Duplicate(name) => write!(formatter, "the name {name} is used twice: rename one"),
            Self::InvalidName(name) => {
                write!(formatter, "the name {name:?} is not 1 to 255 letters and digits")
            }
            Self::Dangling(from, to) => {
                write!(formatter, "{from} refers to {to}, which is not in the template: add it")
            }
            Self::Circular(names) => {
                write!(
                    formatter,
                    "resources wait for each other in a circle: {}",
                    names.join(" -> ")
                )
            }
            Self::TooManyResources(count) => write!(
                formatter,
                "{count} resources are more than the {RESOURCES_MAXIMUM} that CloudFormation takes: split the stack"
            ),
        }
    }
}
