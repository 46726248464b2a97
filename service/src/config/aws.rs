//! How the fault `aws-call` reaches AWS, from the variables that AWS's own SDKs read.

use std::fmt;

use http::{HeaderValue, Uri, uri::Scheme};

use super::Problem;

/// Environment variable: where AWS's calls go.
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL";
/// Environment variable: the region.
const REGION_VARIABLE: &str = "AWS_REGION";
/// Environment variable: the path of the task role's credentials, on ECS.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
const CREDENTIALS_PATH_VARIABLE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
/// Environment variable: the URL of the task role's credentials, where it isn't on ECS's host.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>
const CREDENTIALS_URL_VARIABLE: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// Environment variable: the value of the header `Authorization` for that URL.
const AUTHORIZATION_VARIABLE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// The host of ECS's credentials.
const CREDENTIALS_HOST: &str = "http://169.254.170.2";

/// Where AWS is, and where the task role's credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsSettings {
    /// The endpoint of every service: `http`, with a host.
    pub endpoint: Uri,
    /// The region that requests are signed for.
    pub region: String,
    /// Where the task role's credentials are: `http`, with a host. `None` for a task without a role.
    pub credentials: Option<Uri>,
    /// What authorizes a request for the credentials.
    pub authorization: Option<AuthorizationToken>,
}

/// A secret header value, which `Debug` doesn't show.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationToken(HeaderValue);

impl AuthorizationToken {
    /// The header's value, marked as sensitive.
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for AuthorizationToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AuthorizationToken")
    }
}

impl AwsSettings {
    /// Reads the settings through `lookup`, which gives a variable's value if it isn't empty.
    ///
    /// # Errors
    ///
    /// The first value that can't be used.
    pub(super) fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Problem> {
        let needed = |variable| {
            let missing = || problem(variable, "the fault aws-call needs it; the local cloud sets it");
            lookup(variable).ok_or_else(missing)
        };
        let credentials = match lookup(CREDENTIALS_PATH_VARIABLE) {
            Some(path) => Some((CREDENTIALS_PATH_VARIABLE, format!("{CREDENTIALS_HOST}{path}"))),
            None => lookup(CREDENTIALS_URL_VARIABLE).map(|url| (CREDENTIALS_URL_VARIABLE, url)),
        };
        Ok(Self {
            endpoint: http_url(ENDPOINT_VARIABLE, &needed(ENDPOINT_VARIABLE)?)?,
            region: needed(REGION_VARIABLE)?,
            credentials: credentials
                .map(|(variable, url)| http_url(variable, &url))
                .transpose()?,
            authorization: lookup(AUTHORIZATION_VARIABLE).map(authorization).transpose()?,
        })
    }
}

fn problem(variable: &'static str, problem: impl Into<String>) -> Problem {
    let problem = problem.into();
    Problem { variable, problem }
}

/// An `http` URL with a host. The service has no TLS: it would cost more than everything else in the image.
fn http_url(variable: &'static str, text: &str) -> Result<Uri, Problem> {
    let url = text.parse::<Uri>().ok();
    url.filter(|url| url.scheme() == Some(&Scheme::HTTP) && url.host().is_some())
        .ok_or_else(|| {
            problem(
                variable,
                format!("`{text}` is not an http:// URL; the service has no TLS"),
            )
        })
}

fn authorization(token: String) -> Result<AuthorizationToken, Problem> {
    // The text itself is a secret.
    let invalid = |_| problem(AUTHORIZATION_VARIABLE, "is not allowed in a header");
    let mut value = HeaderValue::try_from(token).map_err(invalid)?;
    value.set_sensitive(true);
    Ok(AuthorizationToken(value))
}
