//! Which service and operation a request is for, and in which protocol it is answered.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{Fault, cbor, query, signature, timestamps, xml};

/// The services that the local cloud speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Application Auto Scaling.
    ApplicationAutoScaling,
    /// AWS CloudFormation.
    CloudFormation,
    /// Amazon CloudWatch.
    CloudWatch,
    /// AWS CodeBuild.
    CodeBuild,
    /// AWS CodeCommit.
    CodeCommit,
    /// AWS CodePipeline.
    CodePipeline,
    /// Amazon Elastic Container Registry.
    Ecr,
    /// Amazon Elastic Container Service.
    Ecs,
    /// Elastic Load Balancing, version 2.
    ElasticLoadBalancing,
    /// Amazon CloudWatch Logs.
    Logs,
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
    Json {
        /// The member of errors that has their message.
        message: &'static str,
    },
    /// A service that once spoke the query protocol: its errors go by the codes of that time too.
    /// <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
    QueryCompatible(Encoding),
}

/// How a query-compatible service's input and output are put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// JSON 1.0, the operation in `X-Amz-Target`.
    Json,
    /// CBOR, the operation in the path. <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>
    Cbor,
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
    /// The access key that it was signed with.
    pub(crate) access_key: String,
}

impl Service {
    /// The service by its name in a credential scope.
    fn from_signing_name(name: &str) -> Option<Self> {
        match name {
            "application-autoscaling" => Some(Self::ApplicationAutoScaling),
            "cloudformation" => Some(Self::CloudFormation),
            "monitoring" => Some(Self::CloudWatch),
            "codebuild" => Some(Self::CodeBuild),
            "codecommit" => Some(Self::CodeCommit),
            "codepipeline" => Some(Self::CodePipeline),
            "ecr" => Some(Self::Ecr),
            "ecs" => Some(Self::Ecs),
            "elasticloadbalancing" => Some(Self::ElasticLoadBalancing),
            "logs" => Some(Self::Logs),
            "sts" => Some(Self::Sts),
            _ => None,
        }
    }

    /// What stands before the operation in an action that a policy allows, `ecs:DescribeServices`.
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::CodePipeline => "codepipeline",
            Self::CodeCommit => "codecommit",
            Self::CodeBuild => "codebuild",
            Self::ApplicationAutoScaling => "application-autoscaling",
            Self::CloudFormation => "cloudformation",
            Self::CloudWatch => "cloudwatch",
            Self::Ecr => "ecr",
            Self::Ecs => "ecs",
            Self::ElasticLoadBalancing => "elasticloadbalancing",
            Self::Logs => "logs",
            Self::Sts => "sts",
        }
    }

    /// Whether it speaks JSON alone; its codes then end in `Exception`.
    pub(crate) fn speaks_json(self) -> bool {
        matches!(self.dialect(), Dialect::Json(_))
    }

    /// The name that messages use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ApplicationAutoScaling => "Application Auto Scaling",
            Self::CloudFormation => "CloudFormation",
            Self::CloudWatch => "CloudWatch",
            Self::CodeBuild => "CodeBuild",
            Self::CodeCommit => "CodeCommit",
            Self::CodePipeline => "CodePipeline",
            Self::Ecr => "ECR",
            Self::Ecs => "ECS",
            Self::ElasticLoadBalancing => "Elastic Load Balancing",
            Self::Logs => "CloudWatch Logs",
            Self::Sts => "STS",
        }
    }

    /// The code for an operation that isn't there: the query protocol asks for an action, the JSON protocol for a target.
    pub(crate) fn unknown_operation(self) -> &'static str {
        match self.dialect() {
            Dialect::Query(_) | Dialect::Several { .. } => "InvalidAction",
            Dialect::Json(_) => "UnknownOperationException",
        }
    }

    /// The member of an error's shape in a JSON service's model that has the message.
    fn error_message(self) -> &'static str {
        match self {
            Self::ApplicationAutoScaling => "Message",
            _ => "message",
        }
    }

    /// From botocore's service models: the namespace of a query service, or the target prefix of a JSON one.
    fn dialect(self) -> Dialect {
        match self {
            Self::CloudFormation => Dialect::Query("http://cloudformation.amazonaws.com/doc/2010-05-15/"),
            Self::ElasticLoadBalancing => Dialect::Query("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
            Self::Sts => Dialect::Query("https://sts.amazonaws.com/doc/2011-06-15/"),
            Self::ApplicationAutoScaling => Dialect::Json("AnyScaleFrontendService"),
            Self::CodeBuild => Dialect::Json("CodeBuild_20161006"),
            Self::CodeCommit => Dialect::Json("CodeCommit_20150413"),
            Self::CodePipeline => Dialect::Json("CodePipeline_20150709"),
            Self::Ecr => Dialect::Json("AmazonEC2ContainerRegistry_V20150921"),
            Self::Ecs => Dialect::Json("AmazonEC2ContainerServiceV20141113"),
            Self::Logs => Dialect::Json("Logs_20140328"),
            Self::CloudWatch => Dialect::Several {
                namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
                prefix: "GraniteServiceVersion20100801",
            },
        }
    }
}

enum Dialect {
    Query(&'static str),
    Json(&'static str),
    /// Whichever the client prefers: CBOR, JSON 1.0 or query.
    Several {
        namespace: &'static str,
        prefix: &'static str,
    },
}

/// Reads a request. The protocol is known even when the call isn't, so that the error can be put in it.
pub(crate) fn parse(path: &str, headers: &HeaderMap, body: &[u8]) -> (Protocol, Result<Call, Fault>) {
    let is_cbor = headers.get("smithy-protocol").is_some_and(|name| name == "rpc-v2-cbor");
    let guess = if is_cbor {
        Protocol::QueryCompatible(Encoding::Cbor)
    } else if headers.contains_key("x-amz-target") {
        Protocol::Json { message: "message" }
    } else {
        Protocol::Query { namespace: "" }
    };
    let (service, access_key) = match signature::scope(headers) {
        Ok(scope) => (
            Service::from_signing_name(&scope.service).ok_or_else(|| unknown_service(&scope.service)),
            scope.access_key,
        ),
        Err(fault) => (Err(fault), String::new()),
    };
    let (protocol, call) = match service {
        Err(fault) => (guess, Err(fault)),
        Ok(service) => match service.dialect() {
            Dialect::Query(namespace) => (Protocol::Query { namespace }, parse_query(service, body)),
            Dialect::Json(prefix) => {
                let message = service.error_message();
                (Protocol::Json { message }, parse_json(service, prefix, headers, body))
            }
            Dialect::Several { prefix, .. } if is_cbor => (guess, parse_cbor(service, prefix, path, body)),
            Dialect::Several { namespace, prefix } => match guess {
                Protocol::Json { .. } => (
                    Protocol::QueryCompatible(Encoding::Json),
                    parse_json(service, prefix, headers, body),
                ),
                _ => (Protocol::Query { namespace }, parse_query(service, body)),
            },
        },
    };
    (protocol, call.map(|call| Call { access_key, ..call }))
}

/// The path is `/service/<prefix>/operation/<operation>`.
fn parse_cbor(service: Service, prefix: &str, path: &str, body: &[u8]) -> Result<Call, Fault> {
    let operation = path
        .strip_prefix("/service/")
        .and_then(|rest| rest.strip_prefix(prefix)?.strip_prefix("/operation/"))
        .filter(|name| is_name(name));
    let Some(operation) = operation else {
        return Err(Fault::client(
            service.unknown_operation(),
            format!("{} has no operation at {path}", service.name()),
        ));
    };
    let input = if body.is_empty() {
        json!({})
    } else {
        cbor::decode(body)?
    };
    if !input.is_object() {
        return Err(Fault::client("SerializationException", "the body is not a CBOR map"));
    }
    Ok(Call {
        service,
        operation: operation.to_owned(),
        input,
        access_key: String::new(),
    })
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
            access_key: String::new(),
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
        access_key: String::new(),
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
    let (content_type, body) = match protocol {
        Protocol::Query { namespace } => ("text/xml", as_query(namespace, operation, status, outcome, request_id)),
        Protocol::Json { message } => (
            "application/x-amz-json-1.1",
            as_json(outcome, |code| code, message).to_string().into_bytes(),
        ),
        Protocol::QueryCompatible(Encoding::Json) => (
            "application/x-amz-json-1.0",
            as_json(outcome, shape_of_code, "message").to_string().into_bytes(),
        ),
        // An operation without output has no body either.
        Protocol::QueryCompatible(Encoding::Cbor) if matches!(outcome, Ok(Value::Null)) => ("", Vec::new()),
        Protocol::QueryCompatible(Encoding::Cbor) => (
            "application/cbor",
            cbor::encode(&as_json(outcome, shape_of_code, "message")),
        ),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    if !content_type.is_empty() {
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    for (name, value) in query_compatible_headers(protocol, outcome) {
        response.headers_mut().insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}

fn as_query(
    namespace: &str,
    operation: &str,
    status: StatusCode,
    outcome: &Result<Value, Fault>,
    request_id: &str,
) -> Vec<u8> {
    let text = match outcome {
        Ok(output) => xml::response(operation, namespace, &timestamps::for_query(output), request_id),
        Err(fault) => {
            let is_clients = status.is_client_error();
            xml::error(namespace, is_clients, &fault.code, &fault.message, request_id)
        }
    };
    text.into_bytes()
}

fn as_json(outcome: &Result<Value, Fault>, shape: fn(&str) -> &str, message: &str) -> Value {
    match outcome {
        Ok(Value::Null) => json!({}),
        Ok(output) => output.clone(),
        Err(fault) => json!({"__type": shape(&fault.code), message: fault.message}),
    }
}

/// The name of an error's shape, where the query protocol called it by another code. From botocore's model of CloudWatch.
fn shape_of_code(code: &str) -> &str {
    match code {
        "InvalidParameterValue" => "InvalidParameterValueException",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "MissingParameter" => "MissingRequiredParameterException",
        "InternalServiceError" => "InternalServiceFault",
        "InvalidFormat" => "InvalidFormatFault",
        other => other,
    }
}

fn query_compatible_headers(protocol: Protocol, outcome: &Result<Value, Fault>) -> Vec<(&'static str, HeaderValue)> {
    let Protocol::QueryCompatible(encoding) = protocol else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    if encoding == Encoding::Cbor {
        headers.push(("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor")));
    }
    if let Err(fault) = outcome {
        let whose = if fault.status.is_client_error() {
            "Sender"
        } else {
            "Receiver"
        };
        let value = HeaderValue::from_str(&format!("{};{whose}", fault.code)).ok();
        headers.extend(value.map(|value| ("x-amzn-query-error", value)));
    }
    headers
}
