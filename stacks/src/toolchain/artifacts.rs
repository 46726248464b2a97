//! Where the pipeline keeps what its actions hand to one another.

use cloudformation::formats::BucketName;
use cloudformation::generated::s3_bucket::{
    AbortIncompleteMultipartUpload, Bucket, BucketEncryption, LifecycleConfiguration, NoncurrentVersionExpiration,
    OwnershipControls, OwnershipControlsRule, OwnershipControlsRuleObjectOwnership, PublicAccessBlockConfiguration,
    Rule, RuleStatus, ServerSideEncryptionByDefault, ServerSideEncryptionByDefaultSseAlgorithm,
    ServerSideEncryptionRule, VersioningConfiguration, VersioningConfigurationStatus,
};
use cloudformation::generated::s3_bucket_policy::{BucketPolicy, BucketPolicyRequired};
use cloudformation::{
    Action, DeletionPolicy, Effect, Handle, Integer, Options, PolicyDocument, Principal, Statement, Template, Value,
    sub,
};
use constants::pipeline::{ARTIFACT_DAYS, UNFINISHED_UPLOAD_DAYS};

const UNFINISHED_UPLOAD: Integer<0, { i64::MAX }> = Integer::constant(UNFINISHED_UPLOAD_DAYS);

/// What nobody may do in the clear: everything that the bucket is for.
const USE: &[Action] = &[
    Action::new("s3:DeleteObject"),
    Action::new("s3:DeleteObjectVersion"),
    Action::new("s3:GetObject"),
    Action::new("s3:GetObjectVersion"),
    Action::new("s3:ListBucket"),
    Action::new("s3:PutObject"),
];

/// The bucket of the artifacts.
pub(crate) struct Artifacts(Handle<Bucket>);

impl Artifacts {
    /// Adds the bucket and its policy to a template.
    pub(crate) fn add(template: &mut Template) -> Self {
        let bucket = template.add_with(
            "ArtifactBucket",
            "What a stage of the pipeline hands to the next.",
            bucket(),
            options(),
        );
        template.add(
            "ArtifactBucketPolicy",
            "Refuses whoever comes without TLS.",
            BucketPolicy::new(BucketPolicyRequired {
                bucket: bucket.reference(),
                policy_document: policy(&bucket),
            }),
        );
        Self(bucket)
    }

    /// The bucket's name.
    pub(crate) fn name(&self) -> Value<BucketName> {
        self.0.reference()
    }

    /// The bucket itself, for rights on it.
    pub(crate) fn arn(&self) -> Value<String> {
        self.0.arn()
    }

    /// All that is in it, for rights on that.
    pub(crate) fn objects_arn(&self) -> Value<String> {
        sub(&[&self.0.arn(), &"/*"])
    }
}

/// Encrypted with keys that S3 keeps: a key of its own costs a dollar a month and two roles more to get right, and would
/// guard what anyone who may read the repository can build.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingServerSideEncryption.html>
fn bucket() -> Bucket {
    let encryption = ServerSideEncryptionByDefault::new(ServerSideEncryptionByDefaultSseAlgorithm::Aes256);
    let encryption = ServerSideEncryptionRule::new().server_side_encryption_by_default(encryption);
    let ownership =
        OwnershipControlsRule::new().object_ownership(OwnershipControlsRuleObjectOwnership::BucketOwnerEnforced);
    Bucket::new()
        .bucket_encryption(BucketEncryption::new([encryption]))
        .lifecycle_configuration(LifecycleConfiguration::new([expiry()]))
        .ownership_controls(OwnershipControls::new([ownership]))
        .public_access_block_configuration(
            PublicAccessBlockConfiguration::new()
                .block_public_acls(true)
                .block_public_policy(true)
                .ignore_public_acls(true)
                .restrict_public_buckets(true),
        )
        // CodePipeline names artifacts by version.
        .versioning_configuration(VersioningConfiguration::new(VersioningConfigurationStatus::Enabled))
}

fn expiry() -> Rule {
    Rule::new(RuleStatus::Enabled)
        .id("Expire")
        .expiration_in_days(ARTIFACT_DAYS)
        .noncurrent_version_expiration(NoncurrentVersionExpiration::new(ARTIFACT_DAYS))
        .abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::new(UNFINISHED_UPLOAD))
}

/// AWS deletes no bucket that holds something, so one that stays behind is better than a stack that can't be deleted. Its
/// name is AWS's choice: it doesn't stand in the next deployment's way.
fn options() -> Options {
    Options::new()
        .deletion_policy(DeletionPolicy::RetainExceptOnCreate)
        .update_replace_policy(DeletionPolicy::Retain)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-HTTP-HTTPS>
fn policy(bucket: &Handle<Bucket>) -> PolicyDocument {
    let resources = [bucket.arn(), sub(&[&bucket.arn(), &"/*"])];
    let statement = Statement::on("RefuseWithoutTls", Effect::Deny, USE, resources);
    PolicyDocument::new([statement
        .of(Principal::Everyone)
        .condition("Bool", "aws:SecureTransport", "false")])
}
