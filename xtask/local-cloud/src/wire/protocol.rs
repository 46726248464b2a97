//! Which service and operation a request is for, and in which protocol it is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Fault, query, signature, xml};

/// The services that the local cloud speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// AWS CloudFormation.
    CloudFormation,
    /// Amazon Elastic Container Registry.
    Ecr,
    /// Amazon Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing, version 2.
    ElasticLoadBalancing,
    /// AWS Security Token Service.
    Sts,
}

/// How a request was put, and so how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Form fields in, XML out.
    Query {
        /// The namespace of the answer's elements.
        namespace: &'static str,
    },
    /// JSON in and out, the operation in `X-Amz-Target`.
    Json,
}

/// One operation that a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// The service.
    pub(crate) service: Service,
    /// The operation's name.
    pub(crate) operation: String,
    /// The input, named as in the service's model.
    pub(crate) input: Value,
}

impl Service {
    /// The service by its name in a credential scope.
    fn from_signing_name(name: &str) -> Option<Self> {
        match name {
            "cloudformation" => Some(Self::CloudFormation),
            "ecr" => Some(Self::Ecr),
            "ecs" => Some(Self::Ecs),
            "elasticloadbalancing" => Some(Self::ElasticLoadBalancing),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }

    /// The name that messages use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CloudFormation => "CloudFormation",
            Self::Ecr => "ECR",
            Self::Ecs => "ECS",
            Self::ElasticLoadBalancing => "Elastic Load Balancing",
            Self::Sts => "STS",
        }
    }

    /// The code for an operation that isn't there: the query protocol asks for an action, the JSON protocol for a target.
    pub(crate) fn unknown_operation(self) -> &'static str {
        match self.dialect() {
            Dialect::Query(_) => "InvalidAction",
            Dialect::Json(_) => "UnknownOperationException",
        }
    }

    /// From botocore's service models: the namespace of a query service, or the target prefix of a JSON one.
    fn dialect(self) -> Dialect {
        match self {
            Self::CloudFormation => Dialect::Query("http://cloudformation.amazonaws.com/doc/2010-05-15/"),
            Self::ElasticLoadBalancing => Dialect::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
            Self::Sts => Dialect::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
            Self::Ecr => Dialect::Json("AmazonEC2ContainerRegistry_V20150921"),
            Self::Ecs => Dialect::Json("AmazonEC2ContainerServiceV20141113"),
        }
    }
}

enum Dialect {
    Query(&'static str),
    Json(&'static str),
}

/// Reads a request. The protocol is known even when the call isn't, so that the error can be put in it.
pub(crate) fn parse(headers: &HeaderMap, body: &[u8]) -> (Protocol, Result<Call, Fault>) {
    let guess = if headers.contains_key("x-amz-target") {
        Protocol::Json
    } else {
        Protocol::Query { namespace: "" }
    };
    let service = match signature::scope(headers) {
        Ok(scope) => Service::from_signing_name(&scope.service).ok_or_else(|| unknown_service(&scope.service)),
        Err(fault) => Err(fault),
    };
    match service {
        Err(fault) => (guess, Err(fault)),
        Ok(service) => match service.dialect() {
            Dialect::Query(namespace) => (Protocol::Query { namespace }, parse_query(service, body)),
            Dialect::Json(prefix) => (Protocol::Json, parse_json(service, prefix, headers, body)),
        },
    }
}

fn parse_query(service: Service, body: &[u8]) -> Result<Call, Fault> {
    let form = std::str::from_utf8(body).map_err(|_| Fault::client("MalformedQueryString", "the body is not text"))?;
    let mut input = query::decode(form)?;
    let fields = input.as_object_mut();
    let action = fields.and_then(|fields| {
        fields.remove("Version");
        fields.remove("Action")
    });
    match action {
        Some(Value::String(operation)) if is_name(&operation) => Ok(Call {
            service,
            operation,
            input,
        }),
        _ => Err(Fault::client("MissingAction", "the request names no Action")),
    }
}

fn parse_json(service: Service, prefix: &str, headers: &HeaderMap, body: &[u8]) -> Result<Call, Fault> {
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('.'))
        .filter(|name| is_name(name));
    let Some(operation) = operation else {
        return Err(Fault::client(
            service.unknown_operation(),
            format!("{} has no operation \"{target}\"", service.name()),
        ));
    };
    let input = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Fault::client("SerializationException", format!("the body is not JSON: {error}")))?
    };
    if !input.is_object() {
        return Err(Fault::client("SerializationException", "the body is not a JSON object"));
    }
    Ok(Call {
        service,
        operation: operation.to_owned(),
        input,
    })
}

/// Names go back into answers as XML elements.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.chars().all(|character| character.is_ascii_alphanumeric())
}

fn unknown_service(name: &str) -> Fault {
    Fault::client("InvalidAction", format!("the local cloud has no service \"{name}\""))
}

/// Puts an outcome in the protocol that the request came in.
pub(crate) fn respond(
    protocol: Protocol,
    operation: &str,
    outcome: &Result<Value, Fault>,
    request_id: &str,
) -> Response<Bytes> {
    let status = outcome.as_ref().map_or_else(|fault| fault.status, |_| StatusCode::OK);
    let (content_type, body) = match (protocol, outcome) {
        (Protocol::Query { namespace }, Ok(output)) => {
            ("text/xml", xml::response(operation, namespace, output, request_id))
        }
        (Protocol::Query { namespace }, Err(fault)) => (
            "text/xml",
            xml::error(
                namespace,
                status.is_client_error(),
                &fault.code,
                &fault.message,
                request_id,
            ),
        ),
        (Protocol::Json, Ok(output)) => ("application/x-amz-json-1.1", output.to_string()),
        (Protocol::Json, Err(fault)) => (
            "application/x-amz-json-1.1",
            json!({"__type": fault.code, "message": fault.message}).to_string(),
        ),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}
