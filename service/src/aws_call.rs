//! The fault `aws-call`: calls AWS with the task role, as a service does that needs a permission.
//!
//! The call is `PutMetricData` of one sample. Why this one: a policy can limit it to one namespace, and it costs and
//! changes nothing else.

mod credentials;
mod exchange;
mod signature;

use std::{fmt, time::Duration};

use constants::service::METRIC_NAMESPACE;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use self::credentials::{Credentials, Kept};
use self::exchange::{Answer, exchange};
use crate::config::AwsSettings;
use crate::log::timestamp::Timestamp;

/// What a policy calls the operation.
pub(crate) const ACTION: &str = "cloudwatch:PutMetricData";

/// CloudWatch's JSON protocol. From botocore's model of CloudWatch.
const TARGET: &str = "GraniteServiceVersion20100801.PutMetricData";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// CloudWatch in a credential scope.
const SIGNING_NAME: &str = "monitoring";

/// How long a call may take, credentials included.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Calls AWS.
#[derive(Debug)]
pub(crate) struct AwsCall {
    settings: AwsSettings,
    stage: String,
    credentials: Mutex<Option<Kept>>,
}

/// Why a call failed: AWS's code and message, or what kept AWS from answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    /// AWS's error code; `None` if there was no answer of AWS's.
    pub(crate) code: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
}

impl CallError {
    fn unanswered(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code: None, message }
    }

    /// From the answer of a JSON service: `{"__type": "…#AccessDenied", "message": "…"}`.
    fn of_answer(answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let shape = body["__type"].as_str();
        let code = shape.map(|shape| shape.rsplit('#').next().unwrap_or(shape).to_owned());
        let message = body["message"].as_str().or(body["Message"].as_str());
        Self {
            code,
            message: message.map_or_else(|| format!("status {}", answer.status.as_u16()), str::to_owned),
        }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(code) = &self.code {
            write!(formatter, "{code}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

impl AwsCall {
    /// Calls by `settings`, with `stage` as the metric's dimension.
    pub(crate) fn new(settings: AwsSettings, stage: &str) -> Self {
        Self {
            settings,
            stage: stage.to_owned(),
            credentials: Mutex::new(None),
        }
    }

    /// Makes the call once.
    ///
    /// # Errors
    ///
    /// AWS's refusal, or whatever kept AWS from answering within 5 s.
    pub(crate) async fn call(&self) -> Result<(), CallError> {
        let called = tokio::time::timeout(TIMEOUT, self.put_metric()).await;
        called.unwrap_or_else(|_| {
            Err(CallError::unanswered(format!(
                "no answer within {} s",
                TIMEOUT.as_secs()
            )))
        })
    }

    async fn put_metric(&self) -> Result<(), CallError> {
        let credentials = self.credentials().await?;
        let body = self.body();
        let headers = self.headers(&credentials, body.as_bytes())?;
        let answer = exchange(Method::POST, &self.settings.endpoint, headers, body).await;
        let answer =
            answer.map_err(|error| CallError::unanswered(format!("can't call {}: {error}", self.settings.endpoint)))?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(CallError::of_answer(&answer))
    }

    fn body(&self) -> String {
        let sample = json!({
            "MetricName": "Requests",
            "Dimensions": [{"Name": "Stage", "Value": self.stage}],
            "Unit": "Count",
            "Value": 1.0,
        });
        json!({"Namespace": METRIC_NAMESPACE, "MetricData": [sample]}).to_string()
    }

    /// The headers, signature included.
    fn headers(&self, credentials: &Credentials, body: &[u8]) -> Result<HeaderMap, CallError> {
        let timestamp = signature::timestamp(&Timestamp::of(std::time::SystemTime::now()));
        let host = self
            .settings
            .endpoint
            .authority()
            .map_or("", |authority| authority.as_str());
        // In the order of their names, as the signature has them.
        let signed = [
            ("content-type", CONTENT_TYPE),
            ("host", host),
            ("x-amz-date", &timestamp),
            ("x-amz-security-token", &credentials.token),
            ("x-amz-target", TARGET),
        ];
        let scope = signature::Scope {
            timestamp: &timestamp,
            region: &self.settings.region,
            service: SIGNING_NAME,
        };
        let authorization = signature::authorization(credentials, &scope, &signed, body);
        let fields = signed.into_iter().chain([("authorization", authorization.as_str())]);
        let fields = fields.map(|(name, value)| {
            let value = HeaderValue::from_str(value);
            let value = value.map_err(|_| CallError::unanswered(format!("{name} is not allowed in a header")))?;
            Ok((HeaderName::from_static(name), value))
        });
        fields.collect()
    }

    /// The task role's credentials, asked for anew once they are a minute old.
    async fn credentials(&self) -> Result<Credentials, CallError> {
        let mut kept = self.credentials.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_fresh()) {
            return Ok(kept.credentials.clone());
        }
        let Some(url) = &self.settings.credentials else {
            return Err(CallError::unanswered("no credentials: the task has no role"));
        };
        let credentials = self.fetch_credentials(url).await?;
        *kept = Some(Kept::new(credentials.clone()));
        Ok(credentials)
    }

    async fn fetch_credentials(&self, url: &Uri) -> Result<Credentials, CallError> {
        let host = url.authority().map_or("", |authority| authority.as_str());
        let host =
            HeaderValue::from_str(host).map_err(|_| CallError::unanswered("the credentials' host is invalid"))?;
        let mut headers = HeaderMap::from_iter([(http::header::HOST, host)]);
        if let Some(authorization) = &self.settings.authorization {
            headers.insert(http::header::AUTHORIZATION, authorization.header_value());
        }
        let answer = exchange(Method::GET, url, headers, String::new()).await;
        let answer = answer.map_err(|error| CallError::unanswered(format!("no credentials: {error}")))?;
        if !answer.status.is_success() {
            let status = answer.status.as_u16();
            return Err(CallError::unanswered(format!("no credentials: status {status}")));
        }
        let credentials = Credentials::read(&answer.body);
        credentials.ok_or_else(|| CallError::unanswered("no credentials: the answer has none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_what_aws_says() {
        let check = |status: u16, body: &str, expected: &str| {
            let answer = Answer {
                status: http::StatusCode::from_u16(status).unwrap(),
                body: body.to_owned().into(),
            };
            assert_eq!(CallError::of_answer(&answer).to_string(), expected);
        };
        check(
            403,
            r#"{"__type": "AccessDenied", "message": "no"}"#,
            "AccessDenied: no",
        );
        check(
            400,
            r#"{"__type": "com.amazon#Throttling", "Message": "slow"}"#,
            "Throttling: slow",
        );
        check(503, "<html>", "status 503");
    }
}
