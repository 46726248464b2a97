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

use serde_json::Value;

use super::{Aws, retries};

/// The status of an answer that never comes: the connection is lost.
pub(crate) const LOST: u16 = 599;

/// A request as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The service that it was signed for.
    pub(crate) service: String,
    /// The operation with its service's prefix, in JSON; in the query protocol it is in the body.
    pub(crate) target: Option<String>,
    /// The type of the body.
    pub(crate) content_type: String,
    /// The body.
    pub(crate) body: String,
}

impl Sent {
    fn of(request: &HttpRequest) -> Self {
        let header = |name: &str| request.headers().get(name).map(ToOwned::to_owned);
        let authorization = header("authorization").unwrap_or_default();
        // Credential=<key>/<day>/<region>/<service>/aws4_request
        let service = authorization.split('/').nth(3).unwrap_or_default();
        Self {
            service: service.to_owned(),
            target: header("x-amz-target"),
            content_type: header("content-type").unwrap_or_default(),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
        }
    }

    /// The operation's name.
    pub(crate) fn operation(&self) -> String {
        let name = match &self.target {
            Some(target) => target.rsplit('.').next(),
            None => self
                .body
                .split('&')
                .next()
                .map(|action| action.trim_start_matches("Action=")),
        };
        name.unwrap_or_default().to_owned()
    }

    /// One line of JSON, its members in one order.
    pub(crate) fn line(&self) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        format!(
            r#"{{"service":{},"target":{},"content_type":{},"body":{}}}"#,
            quoted(&self.service),
            self.target.as_deref().map_or_else(|| "null".to_owned(), quoted),
            quoted(&self.content_type),
            quoted(&self.body)
        )
    }
}

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
        Aws::with(config, super::clock::ServerClock::new())
    }

    /// The requests' bodies, as they were sent.
    pub(crate) fn requests(&self) -> Vec<String> {
        let body =
            |request: &HttpRequest| String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        self.client.actual_requests().map(body).collect()
    }

    /// The requests, as they were sent.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.client.actual_requests().map(Sent::of).collect()
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
