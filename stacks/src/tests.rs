//! What every template must be.

use serde_json::Value;

use crate::{Stack, all};

/// What fits into a call to CloudFormation without a detour through S3, in bytes.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const INLINE_LIMIT: usize = 51_200;

fn parse(stack: &Stack) -> Value {
    serde_json::from_str(&stack.template).unwrap()
}

#[test]
fn snapshots() {
    for stack in all() {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "snapshots", omit_expression => true }, {
            insta::assert_snapshot!(stack.name.clone(), stack.template);
        });
    }
}

#[test]
fn templates_fit_inline() {
    for stack in all() {
        assert!(
            stack.template.len() < INLINE_LIMIT,
            "{}: {} bytes",
            stack.name,
            stack.template.len()
        );
        assert_eq!(parse(&stack)["AWSTemplateFormatVersion"], "2010-09-09");
    }
}
