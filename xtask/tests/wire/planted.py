"""Answers that are wrong in one way each: what `model` must find, so that its silence means something."""

import cbor
import model

REQUEST_ID = {"x-amzn-requestid": "1"}
XML, JSON = REQUEST_ID | {"Content-Type": "text/xml"}, REQUEST_ID | {"Content-Type": "application/x-amz-json-1.1"}


CBOR = REQUEST_ID | {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
SENDER = {"x-amzn-query-error": "InvalidParameterValue;Sender"}


def alarm(**members):
    return cbor.encode({"MetricAlarms": [{"AlarmName": "a"} | members]})


def refusal(code, **members):
    return cbor.encode({"__type": code} | members)


def stacks(inner, part="DescribeStacksResult"):
    namespace = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
    metadata = "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>"
    return f'<DescribeStacksResponse xmlns="{namespace}"><{part}>{inner}</{part}>{metadata}</DescribeStacksResponse>'


def stack(members):
    required = "<StackName>a</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>"
    return stacks(f"<Stacks><member>{required}{members}</member></Stacks>")


GOOD = "<StackStatus>CREATE_COMPLETE</StackStatus>"
ANSWERS = [
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD), None),
    ("cloudformation", "DescribeStacks", XML, 200, stack(""), "StackStatus is required and missing"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD * 2), "StackStatus stands twice"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD + "<Stranger>a</Stranger>"), "Stranger is not in the model"),
    ("cloudformation", "DescribeStacks", XML, 200, stack("<StackStatus>DONE</StackStatus>"), "'DONE' is none of"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD + "<DisableRollback>yes</DisableRollback>"), "not a boolean"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD + "<LastUpdatedTime>now</LastUpdatedTime>"), "not a timestamp"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD + "<Tags><item/></Tags>"), "not <member>"),
    ("cloudformation", "DescribeStacks", XML, 200, stacks("", "Result"), "the parts are"),
    ("cloudformation", "DescribeStacks", XML, 200, stack(GOOD).replace("2010-05-15", "2011"), "outside of the namespace"),
    ("cloudformation", "DescribeStacks", XML, 200, "<", "not XML"),
    ("cloudformation", "DescribeStacks", REQUEST_ID, 200, stack(GOOD), "Content-Type"),
    ("cloudformation", "DescribeStacks", {"Content-Type": "text/xml"}, 200, stack(GOOD), "RequestId is missing"),
    ("ecs", "ListTasks", JSON, 200, '{"taskArns": ["a"]}', None),
    ("ecs", "ListTasks", JSON, 200, '{"taskArns": "a"}', "not a list"),
    ("ecs", "ListTasks", JSON, 200, '{"taskArns": [null]}', "not a string"),
    ("ecs", "ListTasks", JSON, 200, '{"tasks": []}', "tasks is not in the model"),
    ("ecs", "DescribeTasks", JSON, 200, '{"tasks": [{"createdAt": "2026"}]}', "not a timestamp"),
    ("ecs", "DescribeTasks", JSON, 200, '{"tasks": [{"createdAt": 1790000000000}]}', "are not the seconds"),
    ("ecs", "ListTasks", JSON, 400, '{"__type": "ClusterNotFoundException", "message": "a"}', None),
    ("ecs", "ListTasks", JSON, 404, '{"__type": "ClusterNotFoundException", "message": "a"}', "came with HTTP 404"),
    ("ecs", "ListTasks", JSON, 400, '{"__type": "ImageNotFoundException", "message": "a"}', "is neither an error of"),
    ("ecs", "ListTasks", JSON, 400, '{"__type": "ClusterNotFoundException"}', "an error has a message"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm(StateUpdatedTimestamp=cbor.Moment(1790000000.5)), None),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm(StateUpdatedTimestamp=1790000000.5), "not a timestamp"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm(StateValue="RED"), "'RED' is none of"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm(Threshold="3"), "not a double"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm(Stranger=1), "Stranger is not in the model"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, alarm() + b"\x00", "bytes follow"),
    ("cloudwatch", "DescribeAlarms", CBOR, 200, b"\xa1", "not CBOR"),
    ("cloudwatch", "DescribeAlarms", JSON, 200, "{}", "Content-Type"),
    ("cloudwatch", "DescribeAlarms", CBOR | {"smithy-protocol": "json"}, 200, alarm(), "smithy-protocol"),
    ("cloudwatch", "SetAlarmState", REQUEST_ID, 200, b"", None),
    ("cloudwatch", "SetAlarmState", CBOR, 200, b"\xa0", "answers with nothing"),
    ("cloudwatch", "ListMetrics", CBOR | SENDER, 400, refusal("InvalidParameterValueException", message="a"), None),
    ("cloudwatch", "ListMetrics", CBOR, 400, refusal("InvalidParameterValueException", message="a"), "x-amzn-query-error"),
    ("cloudwatch", "ListMetrics", CBOR | SENDER, 400, refusal("InvalidParameterValueException"), "has a message"),
    ("cloudwatch", "ListMetrics", CBOR, 400, refusal("Unheard", message="a"), "is neither an error of"),
]


def missed(clients):
    """What `model` says of these answers where it should say something else."""
    for service, name, headers, status, body, expected in ANSWERS:
        operation = clients[service].meta.service_model.operation_model(name)
        found = list(model.faults(operation, status, headers, body if isinstance(body, bytes) else body.encode()))
        if (expected is None and found) or (expected and not any(expected in fault for fault in found)):
            yield f"{service} {name} {body}: {found} instead of {expected}"
