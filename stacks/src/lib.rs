//! Renders the CloudFormation templates; does no I/O.
