//! Names of resources as rights are granted on them.

use cloudformation::{Part, Value, account_id, partition, region, sub};

/// A resource of a service in this account and region: `arn:PARTITION:SERVICE:REGION:ACCOUNT:` and the pieces.
pub(crate) fn of(service: &'static str, resource: &[&dyn Part]) -> Value<String> {
    let (partition, region, account) = (partition(), region(), account_id());
    let start: [&dyn Part; 8] = [&"arn:", &partition, &":", &service, &":", &region, &":", &account];
    sub(&[&start[..], &[&":"], resource].concat())
}

/// A resource of IAM, which knows no regions.
pub(crate) fn of_iam(resource: &[&dyn Part]) -> Value<String> {
    let (partition, account) = (partition(), account_id());
    let start: [&dyn Part; 5] = [&"arn:", &partition, &":iam::", &account, &":"];
    sub(&[&start[..], resource].concat())
}

/// A resource of S3, whose names are the whole world's.
pub(crate) fn of_s3(resource: &[&dyn Part]) -> Value<String> {
    let partition = partition();
    let start: [&dyn Part; 3] = [&"arn:", &partition, &":s3:::"];
    sub(&[&start[..], resource].concat())
}
