//! CloudFormation's state machines: templates, change sets, stacks.
