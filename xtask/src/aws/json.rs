//! Calls of the services that speak AWS JSON 1.0 or 1.1, without an SDK crate each.
//!
//! A generated crate costs 30 to 70 CPU-seconds of a first build. These calls run through the same orchestrator of the
//! SDK, with the same credentials, signing, retries, timeouts and endpoint overrides; only the types are JSON.
//!
//! The protocol: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

use std::fmt;

use anyhow::Context as _;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::operation;
use aws_smithy_runtime::client::retries::classifiers::TransientErrorClassifier;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthScheme};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;
use serde_json::Value;

use super::Aws;
use super::calls::Operation;
use super::error::failure;
use super::service::Service;

/// Calls an operation.
///
/// # Errors
/// When AWS refuses it or can't be reached.
pub(super) async fn call(aws: &Aws, operation: Operation, input: Value) -> anyhow::Result<Value> {
    let service = operation.service();
    let target = format!("{}.{}", service.target, operation.name());
    let body = serde_json::to_vec(&input)?;
    let request = move || request(&target, service.version, &body);
    send(aws, operation, request, response).await
}

/// Sends an operation's request, whatever its protocol, and reads the answer.
///
/// # Errors
/// When AWS refuses it or can't be reached.
pub(super) async fn send<T: fmt::Debug + Send + Sync + 'static>(
    aws: &Aws,
    operation: Operation,
    request: impl Fn() -> Result<HttpRequest, BoxError> + Send + Sync + 'static,
    response: fn(&HttpResponse) -> Result<T, OrchestratorError<ServiceError>>,
) -> anyhow::Result<T> {
    let (service, config) = (operation.service(), &aws.config);
    let mut builder = operation::Operation::builder()
        .service_name(service.name)
        .operation_name(operation.name())
        .http_client(config.http_client().context("the SDK has no HTTP client")?)
        .endpoint_url(&endpoint(config, service))
        .standard_retry(config.retry_config().unwrap_or(&RetryConfig::standard()))
        .timeout_config(config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled))
        .retry_classifier(TransientErrorClassifier::<ServiceError>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ServiceError>::new())
        .with_connection_poisoning()
        .interceptor(aws.clock.clone())
        .runtime_plugin(signing(config, service)?);
    if let Some(sleep) = config.sleep_impl() {
        builder = builder.sleep_impl(sleep);
    }
    let operation_call = builder.serializer(move |()| request()).deserializer(response).build();
    let action = format!("call {} {}", service.id, operation.name());
    operation_call
        .invoke(())
        .await
        .map_err(|error| failure(&action, &error))
}

/// The endpoint: the service's own override, the general one, or AWS's.
fn endpoint(config: &SdkConfig, service: Service) -> String {
    let key = ServiceConfigKey::builder()
        .service_id(service.id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    let region = config.region().map_or(constants::DEFAULT_REGION, AsRef::as_ref);
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    own.or_else(|| config.endpoint_url().map(ToOwned::to_owned))
        .unwrap_or_else(|| format!("https://{}.{region}.amazonaws.com{suffix}", service.name))
}

fn signing(config: &SdkConfig, service: Service) -> anyhow::Result<StaticRuntimePlugin> {
    let mut layer = Layer::new("signing");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(SigV4OperationSigningConfig {
        region: config.region().cloned().map(SigningRegion::from),
        name: Some(SigningName::from_static(service.name)),
        ..SigV4OperationSigningConfig::default()
    });
    let credentials = config
        .credentials_provider()
        .context("the SDK has no credentials provider")?;
    let cache = config.identity_cache().unwrap_or_else(|| IdentityCache::lazy().build());
    let components = RuntimeComponentsBuilder::new("signing")
        .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_identity_cache(Some(cache))
        .with_time_source(config.time_source())
        .with_identity_resolver(SCHEME_ID, credentials);
    Ok(StaticRuntimePlugin::new()
        .with_config(layer.freeze())
        .with_runtime_components(components))
}

fn request(target: &str, version: &str, body: &[u8]) -> Result<HttpRequest, BoxError> {
    let request = http::Request::post("/")
        .header("content-type", format!("application/x-amz-json-{version}"))
        .header("content-length", body.len())
        .header("x-amz-target", target)
        .body(SdkBody::from(body.to_vec()))?;
    Ok(request.try_into()?)
}

fn response(response: &HttpResponse) -> Result<Value, OrchestratorError<ServiceError>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return serde_json::from_slice(body).map_err(OrchestratorError::other);
    }
    let header = response.headers().get("x-amzn-errortype");
    Err(OrchestratorError::operation(service_error(
        response.status().as_u16(),
        header,
        body,
    )))
}

/// The items of a list in an answer; none where it isn't there.
pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

/// A text in an answer; empty where it isn't there.
pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The code is in a header or in the body, with a namespace before it or a URL after it.
///
/// Source: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization>
fn service_error(status: u16, header: Option<&str>, body: &[u8]) -> ServiceError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body[name].as_str();
    let code = header
        .or_else(|| text("__type"))
        .or_else(|| text("code"))
        .unwrap_or_default();
    let code = code
        .split(':')
        .next()
        .unwrap_or_default()
        .rsplit('#')
        .next()
        .unwrap_or_default();
    let code = if code.is_empty() {
        format!("HTTP {status}")
    } else {
        code.to_owned()
    };
    let message = text("message")
        .or_else(|| text("Message"))
        .unwrap_or("no message")
        .to_owned();
    ServiceError::new(code, message)
}

/// What a service answers when it refuses.
#[derive(Debug)]
pub(super) struct ServiceError {
    metadata: ErrorMetadata,
}

impl ServiceError {
    /// A refusal with AWS's code and message.
    pub(super) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            metadata: ErrorMetadata::builder().code(code).message(message).build(),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.metadata.fmt(formatter)
    }
}

impl std::error::Error for ServiceError {}

impl ProvideErrorMetadata for ServiceError {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_refusal_wherever_it_stands() {
        for (header, body, expected) in [
            (
                None,
                r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"m"}"#,
                "ClusterNotFoundException",
            ),
            (Some("ThrottlingException:http://internal"), "{}", "ThrottlingException"),
            (None, "<html>", "HTTP 400"),
        ] {
            assert_eq!(service_error(400, header, body.as_bytes()).code(), Some(expected));
        }
    }
}
