//! AWS played from a script of answers, for tests.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use aws_smithy_types::body::SdkBody;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::{Aws, retries};

/// The status of an answer that never comes: the connection is lost.
pub(crate) const LOST: u16 = 599;

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

    /// AWS without the SDK's own retries, so that a script is used up answer by answer.
    pub(crate) fn aws(&self) -> Aws {
        self.aws_with(RetryConfig::disabled(), "http://127.0.0.1:1")
    }

    /// AWS with the retries that the command line has.
    pub(crate) fn aws_that_retries(&self) -> Aws {
        self.aws_with(retries(), "http://127.0.0.1:1")
    }

    /// AWS as it is reached from afar, where seconds pass between two questions.
    pub(crate) fn aws_far(&self) -> Aws {
        self.aws_with(RetryConfig::disabled(), "http://192.0.2.1")
    }

    fn aws_with(&self, retries: RetryConfig, endpoint: &str) -> Aws {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(endpoint)
            .http_client(Line(self.client.clone()))
            .region(Region::from_static("us-east-1"))
            .retry_config(retries)
            .build();
        Aws::with(config)
    }

    /// The requests' bodies, as they were sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        let body =
            |request: &HttpRequest| String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        self.client.actual_requests().map(body).collect()
    }

    /// The operations that were asked for, by their names in the query protocol.
    pub(crate) fn operations(&self) -> Vec<String> {
        let operation = |body: &String| body.split('&').next().unwrap_or_default().replace("Action=", "");
        self.requests().iter().map(operation).collect()
    }
}

/// The line to the scripted answers, which may be cut.
#[derive(Debug, Clone)]
struct Line(StaticReplayClient);

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if answer.status().as_u16() == LOST {
                return Err(ConnectorError::io("connection reset by peer".into()));
            }
            Ok(answer)
        })
    }
}

impl HttpClient for Line {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
