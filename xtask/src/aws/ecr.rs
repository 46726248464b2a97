//! Amazon ECR's verbs.

use std::time::{Duration, SystemTime};

use aws_sdk_ecr::types::ImageIdentifier;
use base64::Engine as _;

use super::Aws;
use super::error::{failure, lacking};
use crate::code::Code;
use crate::exit::{Exit, Failure};

/// An image in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// `sha256:…`.
    pub(crate) digest: String,
    /// Its tags.
    pub(crate) tags: Vec<String>,
    /// The compressed size in bytes.
    pub(crate) size_bytes: u64,
    /// When it was pushed.
    pub(crate) pushed: Option<SystemTime>,
}

/// How to log in to a registry.
#[derive(Clone)]
pub(crate) struct Login {
    /// The registry's URL.
    pub(crate) endpoint: String,
    /// The user.
    pub(crate) user: String,
    /// The password.
    pub(crate) password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Login")
            .field("endpoint", &self.endpoint)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Aws {
    /// A login to the account's registry, good for twelve hours.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>
    pub(crate) async fn registry_login(&self) -> anyhow::Result<Login> {
        let answer = self.ecr.get_authorization_token().send().await;
        let answer = answer.map_err(|error| failure("log in to the image registry", &error))?;
        let data = answer
            .authorization_data()
            .first()
            .ok_or_else(|| lacking("ECR gives no login"))?;
        let token = data
            .authorization_token()
            .ok_or_else(|| lacking("ECR gives no token"))?;
        let (user, password) = user_and_password(token)?;
        let endpoint = data
            .proxy_endpoint()
            .ok_or_else(|| lacking("ECR names no registry"))?
            .to_owned();
        Ok(Login {
            endpoint,
            user,
            password,
        })
    }

    /// The images of a repository, the newest first; none where there is no such repository.
    pub(crate) async fn images(&self, repository: &str) -> anyhow::Result<Vec<Image>> {
        let mut images = Vec::new();
        let mut next = None;
        loop {
            let page = match self
                .ecr
                .describe_images()
                .repository_name(repository)
                .set_next_token(next)
                .send()
                .await
            {
                Ok(page) => page,
                Err(error) if error.as_service_error().is_some_and(is_no_repository) => return Ok(Vec::new()),
                Err(error) => return Err(failure(&format!("list the images of {repository}"), &error)),
            };
            images.extend(page.image_details().iter().map(image));
            next = page.next_token().map(ToOwned::to_owned);
            if next.is_none() {
                images.sort_by_key(|image: &Image| std::cmp::Reverse(image.pushed));
                return Ok(images);
            }
        }
    }

    /// Deletes images by their digests; one that is gone already is no error.
    pub(crate) async fn delete_images(&self, repository: &str, digests: &[String]) -> anyhow::Result<()> {
        self.delete(repository, digests, "delete an image", |digest| {
            ImageIdentifier::builder().image_digest(digest).build()
        })
        .await
    }

    /// Removes tags; one that is gone already is no error. An image whose last tag is removed is deleted.
    pub(crate) async fn remove_tags(&self, repository: &str, tags: &[String]) -> anyhow::Result<()> {
        self.delete(repository, tags, "remove a tag", |tag| {
            ImageIdentifier::builder().image_tag(tag).build()
        })
        .await
    }

    async fn delete(
        &self,
        repository: &str,
        names: &[String],
        what: &str,
        id: fn(&str) -> ImageIdentifier,
    ) -> anyhow::Result<()> {
        // A request takes 100: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        for some in names.chunks(100) {
            let ids = some.iter().map(|name| id(name)).collect();
            let request = self.ecr.batch_delete_image().repository_name(repository);
            let answer = request.set_image_ids(Some(ids)).send().await;
            let answer = answer.map_err(|error| failure(&format!("{what} of {repository}"), &error))?;
            let failed = answer.failures().iter().find(|failed| !is_gone(failed));
            if let Some(failed) = failed {
                let why = failed.failure_reason().unwrap_or("no reason given");
                let what = format!("cannot {what} of {repository}: {why}");
                return Err(Failure::new(Exit::Failed, what).code(Code::AwsRefused).into());
            }
        }
        Ok(())
    }
}

/// Takes a token apart: `user:password` in base64. The errors don't repeat it, because it opens the registry.
///
/// Source: <https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_AuthorizationData.html>
fn user_and_password(token: &str) -> anyhow::Result<(String, String)> {
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(token)
        .map_err(|_| lacking("ECR's token is not base64"))?;
    let decoded = String::from_utf8(decoded).map_err(|_| lacking("ECR's token is not text"))?;
    // JSON has a colon too, but its user would be no word.
    let pair = decoded.split_once(':').filter(|(user, password)| {
        let word = user
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        word && !user.is_empty() && !password.is_empty()
    });
    let (user, password) = pair.ok_or_else(|| lacking("ECR's token is not a user and a password"))?;
    Ok((user.to_owned(), password.to_owned()))
}

fn is_no_repository(error: &aws_sdk_ecr::operation::describe_images::DescribeImagesError) -> bool {
    error.is_repository_not_found_exception()
}

fn is_gone(failed: &aws_sdk_ecr::types::ImageFailure) -> bool {
    failed.failure_code() == Some(&aws_sdk_ecr::types::ImageFailureCode::ImageNotFound)
}

fn image(image: &aws_sdk_ecr::types::ImageDetail) -> Image {
    let pushed = image.image_pushed_at().and_then(|time| u64::try_from(time.secs()).ok());
    Image {
        digest: image.image_digest().unwrap_or_default().to_owned(),
        tags: image.image_tags().to_vec(),
        size_bytes: image
            .image_size_in_bytes()
            .and_then(|size| u64::try_from(size).ok())
            .unwrap_or(0),
        pushed: pushed.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;

    fn encode(text: impl AsRef<[u8]>) -> String {
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    /// What becomes of an answer with this token, in words.
    async fn check(token: &str, expected: &str) {
        let data = serde_json::json!([{"authorizationToken": token, "proxyEndpoint": "https://registry"}]);
        let answer = serde_json::json!({"authorizationData": data}).to_string();
        let login = Replay::new([(200, answer)]).aws().registry_login().await;
        let seen = login.map_or_else(
            |error| format!("{error:#}"),
            |login| format!("{} {}", login.user, login.password),
        );
        assert_eq!(seen, expected, "{token}");
    }

    #[tokio::test]
    async fn a_token_is_a_user_and_a_password() {
        check(&encode("AWS:secret"), "AWS secret").await;
        check(&encode("AWS:a:b"), "AWS a:b").await;
        let json = r#"{"auth": "QVdTOnNlY3JldA=="}"#;
        check(&encode(format!("AWS:{json}")), &format!("AWS {json}")).await;
    }

    #[tokio::test]
    async fn junk_is_named_and_not_repeated() {
        check("AWS:secret", "ECR's token is not base64").await;
        check(r#"{"auth": "QVdTOnNlY3JldA=="}"#, "ECR's token is not base64").await;
        check(&encode([0xff, b':', 0xfe]), "ECR's token is not text").await;
        for junk in [r#"{"auth": "QVdTOnNlY3JldA=="}"#, "secret", ":secret", "AWS:", ""] {
            check(&encode(junk), "ECR's token is not a user and a password").await;
        }
    }

    #[tokio::test]
    async fn an_answer_without_a_login_is_said() {
        let answer = r#"{"authorizationData": []}"#.to_owned();
        let error = Replay::new([(200, answer)]).aws().registry_login().await.unwrap_err();
        assert_eq!(error.to_string(), "ECR gives no login");
    }
}
