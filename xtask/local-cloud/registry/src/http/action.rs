//! What a call of the protocol is to IAM: ECR allows it by the names of its own API.
//!
//! <https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html>

use super::path::Target;

/// IAM's action, and the repository that it is on; none for what names no repository, or is no call.
pub(super) fn of<'a>(method: &str, target: &'a Target) -> Option<(&'static str, &'a str)> {
    Some(match (method, target) {
        ("HEAD", Target::Blob { repository, .. }) => ("ecr:BatchCheckLayerAvailability", repository),
        ("GET", Target::Blob { repository, .. }) => ("ecr:GetDownloadUrlForLayer", repository),
        ("POST", Target::Uploads { repository }) => ("ecr:InitiateLayerUpload", repository),
        ("GET" | "PATCH" | "DELETE", Target::Upload { repository, .. }) => ("ecr:UploadLayerPart", repository),
        ("PUT", Target::Upload { repository, .. }) => ("ecr:CompleteLayerUpload", repository),
        // ListImageReferrers needs the right to read images, by its own page:
        // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
        ("GET" | "HEAD", Target::Manifest { repository, .. }) | ("GET", Target::Referrers { repository, .. }) => {
            ("ecr:BatchGetImage", repository)
        }
        ("PUT", Target::Manifest { repository, .. }) => ("ecr:PutImage", repository),
        ("GET", Target::Tags { repository }) => ("ecr:ListImages", repository),
        _ => return None,
    })
}
