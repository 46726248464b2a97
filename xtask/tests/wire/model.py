"""Holds raw answers against botocore's service models: the bodies as they came, before any parser forgives them."""

import json
import re
import xml.etree.ElementTree as ElementTree

import cbor

# What every service may answer besides what its model lists.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
COMMON_ERRORS = {
    "AccessDenied": 403,
    "AccessDeniedException": 403,
    "ExpiredToken": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignature": 403,
    "InternalFailure": 500,
    "InvalidAction": 400,
    "InvalidClientTokenId": 403,
    "InvalidParameterCombination": 400,
    "InvalidParameterValue": 400,
    "MalformedQueryString": 400,
    "MissingAction": 400,
    "MissingAuthenticationToken": 403,
    "MissingParameter": 400,
    "RequestEntityTooLargeException": 413,
    "RequestTimeoutException": 408,
    "ServiceUnavailable": 503,
    "Throttling": 400,
    "ThrottlingException": 400,
    "ValidationError": 400,
}
# What the JSON protocol has besides, where a request isn't one of its operations at all.
# https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
JSON_ERRORS = {"SerializationException": 400, "UnknownOperationException": 400}

# A request without a credential scope doesn't say which service it is for; on AWS the host does.
UNSIGNED = {"MissingAuthenticationToken", "IncompleteSignature"}
# A stack's own events carry the stack's status, and AWS sends some that its model's list of statuses leaves out.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
STACK_STATUSES = {"REVIEW_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"}

# What botocore calls the protocol.
CBOR = "smithy-rpc-v2-cbor"

QUERY_ERROR = "x-amzn-query-error"

ISO_8601 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
NUMBER = re.compile(r"^-?\d+$")


def faults(operation, status, headers, body):
    """Everything in one answer that its model doesn't say, one sentence each."""
    if not any(name.lower() == "x-amzn-requestid" for name in headers):
        yield "the header x-amzn-RequestId is missing"
    protocol = operation.service_model.resolved_protocol
    lower = {name.lower(): value for name, value in headers.items()}
    content_type = lower.get("content-type", "")
    if protocol == CBOR and status < 300 and operation.output_shape is None:
        # https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
        if content_type or body:
            yield f"an operation without output answers with nothing, not with {body!r} of type {content_type!r}"
        return
    version = operation.service_model.metadata.get("jsonVersion")
    expected = {"query": "text/xml", CBOR: "application/cbor", "json": f"application/x-amz-json-{version}"}[protocol]
    if not content_type.startswith(expected):
        yield f"Content-Type is {content_type!r}, not {expected!r}"
        return
    yield from {"query": _query, CBOR: _cbor, "json": _json}[protocol](operation, status, lower, body)


def error_code(operation, body):
    """The code of an error answer."""
    if operation.service_model.resolved_protocol == "query":
        return next((element.text for element in ElementTree.fromstring(body).iter() if _local(element) == "Code"), None)
    answer = cbor.decode(body) if operation.service_model.resolved_protocol == CBOR else json.loads(body)
    return answer.get("__type")


def _error(operation, status, code, members):
    for shape in operation.error_shapes:
        declared = shape.metadata.get("error", {})
        if code in (shape.name, declared.get("code", shape.name)):
            expected = declared.get("httpStatusCode", 500 if shape.metadata.get("fault") else 400)
            if status != expected:
                yield f"{code} came with HTTP {status}, not {expected}"
            if isinstance(members, dict):
                # Some models leave their errors without members; a message is in all of them on the wire.
                told = members if shape.members else {name: value for name, value in members.items() if name != "message"}
                yield from _json_value(shape, told, code)
            return
    common = COMMON_ERRORS | ({} if operation.service_model.resolved_protocol == "query" else JSON_ERRORS)
    if code not in common:
        yield f"{code} is neither an error of {operation.name} nor common to all services"
    elif status != common[code]:
        yield f"{code} came with HTTP {status}, not {common[code]}"


# The query protocol. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html


def _query(operation, status, _, body):
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        yield f"not XML: {error}"
        return
    namespace = operation.service_model.metadata["xmlNamespace"]
    strangers = {element.tag for element in root.iter() if not element.tag.startswith(f"{{{namespace}}}")}
    if strangers and error_code(operation, body) not in UNSIGNED:
        yield f"outside of the namespace {namespace}: {sorted(strangers)}"
    if status >= 300:
        yield from _query_error(operation, status, root)
        return
    if _local(root) != f"{operation.name}Response":
        yield f"the root is {_local(root)}"
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    known = [name for name in (wrapper, "ResponseMetadata") if name]
    parts = [_local(child) for child in root]
    if sorted(parts) != sorted(known):
        yield f"the parts are {parts}, not {known}"
    for child in root:
        if _local(child) == wrapper:
            yield from _xml_value(shape, child, operation.name)
        elif _local(child) == "ResponseMetadata" and [_local(part) for part in child] != ["RequestId"]:
            yield "ResponseMetadata holds not just a RequestId"


def _query_error(operation, status, root):
    if _local(root) != "ErrorResponse" or [_local(child) for child in root] != ["Error", "RequestId"]:
        yield f"an error has Error and RequestId in an ErrorResponse: {ElementTree.tostring(root)}"
        return
    error = {_local(member): member.text for member in root[0]}
    if sorted(error) != ["Code", "Message", "Type"] or not error["Message"]:
        yield f"an error has a Type, a Code and a Message: {error}"
        return
    if error["Type"] != ("Sender" if status < 500 else "Receiver"):
        yield f"HTTP {status} is of type {error['Type']}"
    yield from _error(operation, status, error["Code"], None)


def _xml_value(shape, element, path):
    kind = shape.type_name
    if kind == "structure":
        yield from _xml_structure(shape, element, path)
    elif kind == "list":
        name = shape.member.serialization.get("name", "member")
        for position, child in enumerate(element):
            if _local(child) != name:
                yield f"{path}: an item stands in <{_local(child)}>, not <{name}>"
            yield from _xml_value(shape.member, child, f"{path}[{position}]")
        if (element.text or "").strip():
            yield f"{path}: text in a list"
    elif kind == "map":
        for child in element:
            if [_local(part) for part in child] != ["key", "value"]:
                yield f"{path}: a map's entry has a key and a value"
            else:
                yield from _xml_value(shape.value, child[1], f"{path}.{child[0].text}")
    else:
        if len(element):
            yield f"{path}: elements where a {kind} should be"
        yield from _scalar(shape, kind, element.text or "", path)


def _xml_structure(shape, element, path):
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    seen = []
    if (element.text or "").strip():
        yield f"{path}: text in a structure"
    for child in element:
        name = _local(child)
        if name in seen:
            yield f"{path}.{name} stands twice"
        seen.append(name)
        if name not in members:
            yield f"{path}.{name} is not in the model"
        else:
            yield from _xml_value(members[name][1], child, f"{path}.{name}")
    for name, (member, _) in members.items():
        if member in shape.required_members and name not in seen:
            yield f"{path}.{name} is required and missing"


def _scalar(shape, kind, text, path):
    right = {
        "boolean": lambda: text in ("true", "false"),
        "integer": lambda: NUMBER.match(text),
        "long": lambda: NUMBER.match(text),
        "timestamp": lambda: ISO_8601.match(text),
        "double": lambda: re.match(r"^-?\d+(\.\d+)?$", text),
        "float": lambda: re.match(r"^-?\d+(\.\d+)?$", text),
    }.get(kind, lambda: True)
    if not right():
        yield f"{path}: {text!r} is not a {kind}"
    elif kind == "string":
        yield from _string(shape, text, path)


def _local(element):
    return element.tag.rsplit("}", 1)[-1]


# The JSON protocol. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html


def _json(operation, status, headers, body):
    try:
        answer = json.loads(body)
    except ValueError as error:
        yield f"not JSON: {error}"
        return
    if not isinstance(answer, dict):
        yield "the answer is not an object"
    elif status < 300 and operation.output_shape is None:
        if answer:
            yield f"an operation without output answers with {answer}"
    elif status < 300:
        yield from _json_value(operation.output_shape, answer, operation.name)
    else:
        yield from _json_error(operation, status, headers, answer)


def _json_error(operation, status, headers, answer):
    code = answer.pop("__type", None)
    if not answer.get("message", answer.get("Message")):
        yield f"an error has a message: {answer}"
    yield from _error(operation, status, code, answer)
    # Clients of before know an error by the code that the query protocol had for it. Common errors have no shape to know it by.
    # https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait
    declared = {shape.name: shape.metadata.get("error", {}).get("code", shape.name) for shape in operation.error_shapes}
    expected = f"{declared.get(code)};{'Sender' if status < 500 else 'Receiver'}"
    if code in declared and "awsQueryCompatible" in operation.service_model.metadata and headers.get(QUERY_ERROR) != expected:
        yield f"the header {QUERY_ERROR} is {headers.get(QUERY_ERROR)!r}, not {expected!r}"


def _json_value(shape, value, path, moment=(int, float)):
    kind = shape.type_name
    types = {
        "structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int, "long": int,
        "timestamp": moment, "double": (int, float), "float": (int, float), "blob": str,
    }[kind]
    if not isinstance(value, types) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {value!r} is not a {kind}"
    elif kind == "structure":
        members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
        for name, part in value.items():
            if name in members:
                yield from _json_value(members[name][1], part, f"{path}.{name}", moment)
            else:
                yield f"{path}.{name} is not in the model"
        for name, (member, _) in members.items():
            if member in shape.required_members and name not in value:
                yield f"{path}.{name} is required and missing"
    elif kind == "list":
        for position, item in enumerate(value):
            yield from _json_value(shape.member, item, f"{path}[{position}]", moment)
    elif kind == "map":
        for name, item in value.items():
            yield from _json_value(shape.key, name, f"{path}.{name}", moment)
            yield from _json_value(shape.value, item, f"{path}.{name}", moment)
    elif kind == "timestamp" and not 1_500_000_000 < value < 5_000_000_000:
        yield f"{path}: {value} are not the seconds of any time near ours"
    elif kind == "string":
        yield from _string(shape, value, path)


# The CBOR protocol. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html


def _cbor(operation, status, headers, body):
    if headers.get("smithy-protocol") != "rpc-v2-cbor":
        yield "the header smithy-protocol is not rpc-v2-cbor"
    try:
        answer = cbor.decode(body)
    except (ValueError, KeyError, IndexError) as error:
        yield f"not CBOR: {error!r}"
        return
    if not isinstance(answer, dict):
        yield "the answer is not a map"
    elif status < 300:
        yield from _json_value(operation.output_shape, answer, operation.name, cbor.Moment)
    else:
        yield from _json_error(operation, status, headers, answer)


def _string(shape, text, path):
    if shape.name == "ResourceStatus" and text in STACK_STATUSES:
        return
    if shape.enum and text not in shape.enum:
        yield f"{path}: {text!r} is none of {shape.enum}"
    limits = shape.metadata
    if not limits.get("min", 0) <= len(text) <= limits.get("max", 1 << 30):
        yield f"{path}: {len(text)} characters, not {limits.get('min', 0)} to {limits.get('max')}"
    if "pattern" in limits and not shape.enum:
        # The models' patterns are Java's; those that Python can't read are few and say little.
        try:
            pattern = re.compile(limits["pattern"])
        except re.error:
            return
        if not pattern.search(text):
            yield f"{path}: {text!r} doesn't match {limits['pattern']}"
