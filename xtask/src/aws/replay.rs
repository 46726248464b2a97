//! AWS played from a script of answers, for tests.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;

use super::Aws;

/// AWS that gives scripted answers, one a request, in their order.
pub(crate) struct Replay {
    client: StaticReplayClient,
}

impl Replay {
    /// Answers with these statuses and bodies.
    pub(crate) fn new(answers: impl IntoIterator<Item = (u16, String)>) -> Self {
        let event = |(status, body): (u16, String)| {
            let response = http::Response::builder()
                .status(status)
                .body(SdkBody::from(body))
                .unwrap();
            ReplayEvent::new(http::Request::new(SdkBody::empty()), response)
        };
        Self {
            client: StaticReplayClient::new(answers.into_iter().map(event).collect()),
        }
    }

    pub(crate) fn aws(&self) -> Aws {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url("http://127.0.0.1:1")
            .http_client(self.client.clone())
            .region(Region::from_static("us-east-1"))
            .retry_config(RetryConfig::disabled())
            .build();
        Aws::with(config)
    }

    /// The requests' bodies, as they were sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        let body = |request: &aws_smithy_runtime_api::client::orchestrator::HttpRequest| {
            String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned()
        };
        self.client.actual_requests().map(body).collect()
    }

    /// The operations that were asked for, by their names in the query protocol.
    pub(crate) fn operations(&self) -> Vec<String> {
        let operation = |body: &String| body.split('&').next().unwrap_or_default().replace("Action=", "");
        self.requests().iter().map(operation).collect()
    }
}
