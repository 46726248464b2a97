//! Typed CloudFormation templates.
