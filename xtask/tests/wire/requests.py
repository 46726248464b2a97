"""Holds requests against botocore's service models: names, types, required members, lists, enumerations, limits.

Reads lines of JSON, each a request as it went out: `service` (that it was signed for), `target` (the header, if any),
`content_type` and `body`. Exit status 1 if any isn't as its model says.
"""

import json
import re
import sys
import urllib.parse

import botocore.session
import botocore.validate

SESSION = botocore.session.get_session()
# What each request is signed for, by the name that botocore has for the service.
SERVICES = {
    "cloudformation": "cloudformation", "codebuild": "codebuild", "codecommit": "codecommit", "codepipeline": "codepipeline",
    "ecr": "ecr", "ecs": "ecs", "elasticloadbalancing": "elbv2", "logs": "logs", "monitoring": "cloudwatch",
    "servicequotas": "service-quotas", "sts": "sts",
}
ISO_8601 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def model_of(service):
    return SESSION.get_service_model(SERVICES[service])


def faults(record):
    """Everything in one request that its model doesn't say, one sentence each."""
    if record["service"] not in SERVICES:
        yield f"signed for {record['service']}, which is no service here"
        return
    model = model_of(record["service"])
    if record["target"] is None:
        yield from _query(model, record)
    else:
        yield from _json(model, record)


def operation(record):
    """The operation that a request asks for."""
    if record["target"] is not None:
        return record["target"].rsplit(".", 1)[-1]
    return dict(urllib.parse.parse_qsl(record["body"])).get("Action")


def _operation(model, name):
    return model.operation_model(name) if name in model.operation_names else None


def _validated(shape, parameters):
    """What botocore itself would refuse, and what it leaves to the service."""
    report = botocore.validate.ParamValidator().validate(parameters, shape)
    if report.has_errors():
        yield from report.generate_report().split("\n")
    yield from _further(shape, parameters, shape.name)


def _further(shape, value, path):
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in value.items():
            if name in shape.members:
                yield from _further(shape.members[name], member, f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for position, member in enumerate(value):
            yield from _further(shape.member, member, f"{path}[{position}]")
    elif shape.type_name == "map" and isinstance(value, dict):
        for name, member in value.items():
            yield from _further(shape.value, member, f"{path}.{name}")
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{path}: {value!r} is none of {shape.enum}"
    limit = shape.metadata.get("max")
    if limit is not None:
        size = len(value) if isinstance(value, (str, list, dict)) else value
        if isinstance(size, (int, float)) and size > limit:
            yield f"{path}: {size} is more than {limit}"


# The JSON protocol. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html


def _json(model, record):
    prefix, _, name = record["target"].rpartition(".")
    if prefix != model.metadata["targetPrefix"]:
        yield f"the target begins with {prefix}, not {model.metadata['targetPrefix']}"
    expected = f"application/x-amz-json-{model.metadata['jsonVersion']}"
    if record["content_type"] != expected:
        yield f"Content-Type is {record['content_type']!r}, not {expected!r}"
    found = _operation(model, name)
    if found is None:
        yield f"{name} is no operation of {model.service_name}"
        return
    parameters = json.loads(record["body"])
    if not isinstance(parameters, dict):
        yield "the body is no object"
        return
    yield from _times(found.input_shape, parameters, name)
    yield from _validated(found.input_shape, parameters)


def _times(shape, value, path):
    """A time is a number of seconds; botocore's validator would take a text as well, and write the number itself."""
    if shape.type_name == "timestamp":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            yield f"{path}: {value!r} is not the seconds since 1970"
    elif shape.type_name == "structure" and isinstance(value, dict):
        for name in value.keys() & shape.members.keys():
            yield from _times(shape.members[name], value[name], f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for member in value:
            yield from _times(shape.member, member, path)


# The query protocol. https://smithy.io/2.0/aws/protocols/aws-query-protocol.html


def _query(model, record):
    if record["content_type"] != "application/x-www-form-urlencoded":
        yield f"Content-Type is {record['content_type']!r}"
    pairs = urllib.parse.parse_qsl(record["body"], keep_blank_values=True, strict_parsing=True)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        yield "a parameter stands twice"
    name, version = fields.pop("Action", None), fields.pop("Version", None)
    if version != model.api_version:
        yield f"Version is {version!r}, not {model.api_version!r}"
    found = _operation(model, name)
    if found is None:
        yield f"{name} is no operation of {model.service_name}"
        return
    if found.input_shape is None:
        yield from (f"{field} is a parameter of nothing" for field in fields)
        return
    read = []
    parameters = _value(found.input_shape, _tree(fields), name, read)
    yield from read
    if not read:
        yield from _validated(found.input_shape, parameters)


def _tree(fields):
    """`A.member.1.B` as trees of dictionaries."""
    root = {}
    for name, value in fields.items():
        node = root
        *parents, last = name.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return root


def _value(shape, node, path, faults):
    """The value that a part of the tree is by its shape; what it isn't goes to the faults."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, node, path, faults)
    if kind == "list":
        return _list(shape, node, path, faults)
    if not isinstance(node, str):
        faults.append(f"{path}: parts where a {kind} should be")
        return None
    return _scalar(kind, node, path, faults)


def _structure(shape, node, path, faults):
    if not isinstance(node, dict):
        faults.append(f"{path}: a text where parts should be")
        return {}
    members = {member.serialization.get("name", name): (name, member) for name, member in shape.members.items()}
    faults.extend(f"{path}.{name} is not in the model" for name in node.keys() - members.keys())
    known = ((members[name], part) for name, part in node.items() if name in members)
    return {name: _value(member, part, f"{path}.{name}", faults) for (name, member), part in known}


def _list(shape, node, path, faults):
    item = shape.member.serialization.get("name", "member")
    if node == "":
        # That is how the protocol writes an empty list.
        return []
    if not isinstance(node, dict) or set(node) != {item} or not isinstance(node[item], dict):
        faults.append(f"{path}: not a list of {item}")
        return []
    items = node[item]
    if sorted(items) != sorted(str(number) for number in range(1, len(items) + 1)):
        faults.append(f"{path}: the items are numbered {sorted(items)}")
        return []
    return [_value(shape.member, items[str(number)], f"{path}[{number}]", faults) for number in range(1, len(items) + 1)]


def _scalar(kind, text, path, faults):
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    if kind in ("integer", "long") and re.match(r"^-?\d+$", text):
        return int(text)
    if kind in ("string", "blob") or (kind == "timestamp" and ISO_8601.match(text)):
        return text
    faults.append(f"{path}: {text!r} is not a {kind}")
    return None


def request(service, target, body, content_type=None):
    """A request for the planted faults."""
    default = "application/x-amz-json-1.1" if target else "application/x-www-form-urlencoded"
    text = body if isinstance(body, str) else json.dumps(body)
    return {"service": service, "target": target, "content_type": content_type or default, "body": text}


ECS = "AmazonEC2ContainerServiceV20141113."
FORM = "Version=2010-05-15&Action="
CREATE = f"{FORM}CreateChangeSet&StackName=a&ChangeSetName=b"
TASKS = {"cluster": "a", "tasks": ["b"]}
EVENTS = "Logs_20140328.FilterLogEvents"
HISTORY = "GraniteServiceVersion20100801.DescribeAlarmHistory"
# What is right, and what is wrong in one way each with what must be said of it: so that silence means something.
PLANTED = [
    (request("ecs", f"{ECS}DescribeTasks", TASKS), None),
    (request("ecs", f"{ECS}DescribeTasks", {"cluster": "a"}), "Missing required parameter"),
    (request("ecs", f"{ECS}DescribeTasks", TASKS | {"task": "b"}), "Unknown parameter"),
    (request("ecs", f"{ECS}DescribeTasks", TASKS | {"tasks": "b"}), "Invalid type"),
    (request("ecs", f"{ECS}DescribeTasks", TASKS | {"include": ["ALL"]}), "is none of"),
    (request("ecs", f"{ECS}DescribeTaskz", TASKS), "no operation of"),
    (request("ecs", "Ecs.DescribeTasks", TASKS), "the target begins with"),
    (request("ecs", f"{ECS}DescribeTasks", TASKS, "application/x-amz-json-1.0"), "Content-Type"),
    (request("logs", EVENTS, {"logGroupName": "a", "limit": 10_001}), "is more than"),
    (request("monitoring", HISTORY, {"StartDate": 5.5}, "application/x-amz-json-1.0"), None),
    (request("monitoring", HISTORY, {"StartDate": "2026-01-01T00:00:00Z"}, "application/x-amz-json-1.0"), "seconds since 1970"),
    (request("cloudformation", None, f"{CREATE}&Capabilities.member.1=CAPABILITY_IAM"), None),
    (request("cloudformation", None, f"{CREATE}&Parameters="), None),
    (request("cloudformation", None, f"{CREATE}&Capabilities.member.1=CAPABILITY_ANY"), "is none of"),
    (request("cloudformation", None, f"{CREATE}&Capabilities.member.2=CAPABILITY_IAM"), "are numbered"),
    (request("cloudformation", None, f"{CREATE}&Capabilities=CAPABILITY_IAM"), "not a list of member"),
    (request("cloudformation", None, f"{CREATE}&UsePreviousTemplate=yes"), "is not a boolean"),
    (request("cloudformation", None, f"{CREATE}&Stranger=a"), "is not in the model"),
    (request("cloudformation", None, f"{CREATE}&StackName=c"), "stands twice"),
    (request("cloudformation", None, f"{FORM}CreateChangeSet&StackName=a"), "Missing required parameter"),
    (request("cloudformation", None, f"{FORM}CreateChange"), "no operation of"),
    (request("cloudformation", None, CREATE.replace("2010-05-15", "2011")), "Version is"),
    (request("route53", None, CREATE), "no service here"),
]


def missed():
    """What is said of the planted requests where something else should be."""
    for record, expected in PLANTED:
        found = list(faults(record))
        if (expected is None and found) or (expected and not any(expected in fault for fault in found)):
            yield f"{record}: {found} instead of {expected}"


def main():
    found = list(missed())
    for fault in found:
        print(f"FAULT planted: {fault}")
    seen, count = set(), 0
    with open(sys.argv[1]) as lines:
        records = [json.loads(line) for line in lines if line.startswith("{")]
    for record in records:
        seen.add((record["service"], operation(record)))
        for fault in faults(record):
            found.append(fault)
            print(f"FAULT {record['service']} {operation(record)}: {fault}\n        {record['body']}")
    print(f"{len(records)} requests, {len(seen)} operations, {len(found)} faults")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
