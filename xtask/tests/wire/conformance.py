"""Drives every call of a local cloud with boto3 and holds each answer against botocore's service models.

One line a call, a summary at the end, and exit status 1 if any answer isn't as its model says.
The endpoint and the credentials come from the environment, as `cargo xtask local env` prints them; the sandbox is deployed.
"""

import datetime
import faulthandler
import json
import sys
import time
import unittest.mock
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

import delivery
import model
import planted

SERVICES = [
    "application-autoscaling", "sts", "cloudformation", "cloudwatch", "codebuild", "codecommit", "codepipeline", "ecr", "ecs", "elbv2",
    "logs",
]
APPLICATION = "OneBoxDeploymentOnECS"
CLUSTER = f"{APPLICATION}-Sandbox"
STACK = f"{APPLICATION}-Service-Sandbox"
REPOSITORY = f"{APPLICATION}-Sandbox".lower()
TRIAL = "conformance-trial"
# Answered with success only where a rollback has failed, which takes a fault that nothing here can plant; builds are
# started by pipelines alone, and services changed by their stacks.
ONLY_REFUSED = {"cloudformation ContinueUpdateRollback", "codebuild StartBuild", "ecs UpdateService"}
MISSING_DIGEST = "sha256:" + "0" * 64

LIMIT_SECONDS = 300

# Asked of botocore's waiters, so that none waits as long as on AWS.
WAITER = {"Delay": 0.1, "MaxAttempts": 600}


class Conformance:
    """Clients whose every raw answer is looked at."""

    def __init__(self):
        # Requests that boto3 itself would refuse must reach the local cloud, and an error must not be asked for twice;
        # and operations that have a host of their own on AWS have none here.
        self.config = botocore.config.Config(
            parameter_validation=False, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30,
            inject_host_prefix=False,
        )
        self.clients = {service: boto3.client(service, config=self.config) for service in SERVICES}
        self.answered, self.implemented, self.faults, self.calls = set(), set(), 0, 0
        self.silent = False
        for client in self.clients.values():
            client.meta.events.register("before-parse", self.look)

    def speak(self, service, protocol):
        """From now on in this one of the protocols that the service has."""
        with unittest.mock.patch("botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (protocol,)):
            client = boto3.client(service, config=self.config)
            assert client.meta.service_model.resolved_protocol == protocol
        client.meta.events.register("before-parse", self.look)
        self.clients[service] = client
        print(f"ok    {service} in the protocol {protocol}")

    def look(self, operation_model, response_dict, **_):
        status, body = response_dict["status_code"], response_dict["body"]
        found = list(model.faults(operation_model, status, response_dict["headers"], body))
        name = f"{operation_model.service_model.service_name} {operation_model.name}"
        if status < 300:
            self.answered.add(name)
        self.say(name, status if status < 300 else f"{status} {model.error_code(operation_model, body)}", found)

    def say(self, name, outcome, found):
        self.calls += 1
        self.faults += len(found)
        if found or not self.silent:
            print(f"{'FAULT' if found else 'ok   '} {name}: {outcome}")
        for fault in found:
            print(f"        {fault}")

    def ask(self, service, operation, /, **parameters):
        """One call that must succeed."""
        try:
            return getattr(self.clients[service], operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            self.say(f"{service} {operation}", f"answered {error}", ["should have succeeded"])
            return {}

    def refuse(self, code, service, operation, /, **parameters):
        """One call that must be refused with this code."""
        try:
            getattr(self.clients[service], operation)(**parameters)
            self.say(f"{service} {operation}", "succeeded", [f"should have been refused with {code}"])
        except botocore.exceptions.ClientError as error:
            actual = error.response["Error"]["Code"]
            if actual != code:
                self.say(f"{service} {operation}", f"refused: {error}", [f"{actual} instead of {code}"])

    def wait(self, service, waiter, /, **parameters):
        """One of botocore's waiters, which must come to its good end."""
        try:
            self.clients[service].get_waiter(waiter).wait(WaiterConfig=WAITER, **parameters)
            print(f"ok    {service} waits for {waiter}")
        except botocore.exceptions.WaiterError as error:
            self.say(f"{service} waits for {waiter}", str(error), ["the waiter failed"])

    def probe(self):
        """Every operation that the models know, with nothing given: an answer or an error, but always as the model says.

        What isn't said to be not implemented is implemented, and must have succeeded by the end of the run.
        """
        self.silent = True
        for service, client in self.clients.items():
            for method, operation in sorted(client.meta.method_to_api_mapping.items()):
                try:
                    getattr(client, method)()
                except botocore.exceptions.ClientError as error:
                    # boto3 signs none of the calls that bring credentials of another kind.
                    unsigned = error.response["Error"]["Code"] == "MissingAuthenticationToken"
                    if unsigned or "implement" in error.response["Error"]["Message"]:
                        continue
                except botocore.exceptions.ParamValidationError:
                    # boto3 can't put this request together without its input; then it isn't one of the calls here.
                    continue
                self.implemented.add(f"{service_name(client)} {operation}")
        self.silent = False
        self.answered.clear()
        print(f"probed {self.calls} operations, {len(self.implemented)} of them implemented")


def service_name(client):
    return client.meta.service_model.service_name


def sts(run):
    run.ask("sts", "get_caller_identity")


def cluster_template(insights="disabled", name=TRIAL):
    cluster = {
        "Type": "AWS::ECS::Cluster",
        "Properties": {
            "ClusterName": name,
            "ClusterSettings": [{"Name": "containerInsights", "Value": insights}],
            "Tags": [{"Key": "purpose", "Value": "conformance"}],
        },
    }
    outputs = {"Name": {"Value": {"Ref": "Cluster"}, "Description": "its name", "Export": {"Name": f"{name}-name"}}}
    parameters = {"Unused": {"Type": "String", "Default": "a", "AllowedValues": ["a", "b"], "Description": "of no use"}}
    template = {"Description": "a cluster", "Parameters": parameters, "Resources": {"Cluster": cluster}, "Outputs": outputs}
    return json.dumps(template)


def cloudformation_reads(run):
    ask = lambda operation, **parameters: run.ask("cloudformation", operation, **parameters)
    ask("describe_stacks")
    stack = ask("describe_stacks", StackName=STACK)["Stacks"][0]
    ask("describe_stacks", StackName=stack["StackId"])
    ask("describe_stack_events", StackName=STACK)
    ask("describe_stack_resources", StackName=STACK)
    resources = ask("list_stack_resources", StackName=STACK)["StackResourceSummaries"]
    for resource in resources:
        ask("describe_stack_resource", StackName=STACK, LogicalResourceId=resource["LogicalResourceId"])
    ask("describe_stack_resources", PhysicalResourceId=resources[0]["PhysicalResourceId"])
    ask("list_stacks")
    ask("list_stacks", StackStatusFilter=["CREATE_COMPLETE"])
    ask("list_exports")
    ask("list_change_sets", StackName=STACK)
    template = ask("get_template", StackName=STACK)["TemplateBody"]
    ask("get_template_summary", StackName=STACK)
    text = template if isinstance(template, str) else json.dumps(template)
    ask("validate_template", TemplateBody=text)
    ask("get_template_summary", TemplateBody=text)


def cloudformation_drift(run):
    """Nobody changed anything; then someone does, through the door that only local clouds have."""
    ask = lambda operation, **parameters: run.ask("cloudformation", operation, **parameters)
    detect = lambda: ask("describe_stack_drift_detection_status", **ids(ask("detect_stack_drift", StackName=STACK)))
    ids = lambda answer: {"StackDriftDetectionId": answer["StackDriftDetectionId"]}
    if detect()["StackDriftStatus"] != "IN_SYNC":
        run.say("cloudformation DetectStackDrift", "of a new stack", ["it has drifted"])
    page = ask("describe_stack_resource_drifts", StackName=STACK, MaxResults=1)
    ask("describe_stack_resource_drifts", StackName=STACK, NextToken=page["NextToken"])
    resources = ask("list_stack_resources", StackName=STACK)["StackResourceSummaries"]
    alarm = next(one["LogicalResourceId"] for one in resources if one["ResourceType"] == "AWS::CloudWatch::Alarm")
    outside(run, {"stack": STACK, "resource": alarm, "property": "/Threshold", "value": 99})
    if detect()["DriftedStackResourceCount"] != 1:
        run.say("cloudformation DetectStackDrift", "after a change", ["not one resource has drifted"])
    ask("describe_stack_resource_drifts", StackName=STACK, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"])
    ask("describe_stacks", StackName=STACK)
    ask("describe_stack_resource", StackName=STACK, LogicalResourceId=alarm)
    ask("list_stack_resources", StackName=STACK)
    expected = ask("describe_stack_resource_drifts", StackName=STACK, StackResourceDriftStatusFilters=["MODIFIED"])
    threshold = json.loads(expected["StackResourceDrifts"][0]["ExpectedProperties"])["Threshold"]
    outside(run, {"stack": STACK, "resource": alarm, "property": "/Threshold", "value": threshold})
    detect()


def outside(run, change):
    url = f"{run.clients['cloudformation'].meta.endpoint_url}/_local/drift"
    request = urllib.request.Request(url, json.dumps(change).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).read()


def cloudformation_life(run):
    ask = lambda operation, **parameters: run.ask("cloudformation", operation, StackName=TRIAL, **parameters)
    wait = lambda waiter, **parameters: run.wait("cloudformation", waiter, StackName=TRIAL, **parameters)
    ask("create_change_set", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=cluster_template())
    wait("change_set_create_complete", ChangeSetName="first")
    ask("describe_change_set", ChangeSetName="first", IncludePropertyValues=True)
    ask("get_template", ChangeSetName="first")
    ask("list_change_sets")
    ask("execute_change_set", ChangeSetName="first")
    wait("stack_create_complete")
    ask("create_change_set", ChangeSetName="none", TemplateBody=cluster_template(), Description="of no change")
    ask("describe_change_set", ChangeSetName="none")
    ask("delete_change_set", ChangeSetName="none")
    ask("create_change_set", ChangeSetName="second", TemplateBody=cluster_template("enabled"), Tags=[{"Key": "a", "Value": "b"}])
    wait("change_set_create_complete", ChangeSetName="second")
    ask("describe_change_set", ChangeSetName="second", IncludePropertyValues=True)
    ask("describe_change_set", ChangeSetName="second")
    ask("execute_change_set", ChangeSetName="second")
    wait("stack_update_complete")
    ask("update_termination_protection", EnableTerminationProtection=True)
    run.refuse("ValidationError", "cloudformation", "delete_stack", StackName=TRIAL)
    ask("update_termination_protection", EnableTerminationProtection=False)
    importer = json.loads(cluster_template(name=f"{TRIAL}-importer"))
    importer["Resources"]["Cluster"]["Properties"]["Tags"][0]["Value"] = {"Fn::ImportValue": f"{TRIAL}-name"}
    run.ask("cloudformation", "create_stack", StackName=f"{TRIAL}-importer", TemplateBody=json.dumps(importer))
    run.wait("cloudformation", "stack_create_complete", StackName=f"{TRIAL}-importer")
    run.ask("cloudformation", "list_imports", ExportName=f"{TRIAL}-name")
    run.ask("cloudformation", "delete_stack", StackName=f"{TRIAL}-importer")
    run.wait("cloudformation", "stack_delete_complete", StackName=f"{TRIAL}-importer")
    ask("update_stack", TemplateBody=cluster_template("disabled"))
    wait("stack_update_complete")
    ask("describe_stack_events")
    stack_id = ask("describe_stacks")["Stacks"][0]["StackId"]
    ask("delete_stack")
    wait("stack_delete_complete")
    run.ask("cloudformation", "describe_stacks", StackName=stack_id)
    run.ask("cloudformation", "describe_stack_events", StackName=stack_id)
    run.ask("cloudformation", "list_stacks", StackStatusFilter=["DELETE_COMPLETE"])


def cloudformation_failures(run):
    """A stack that fails to be made, and is rolled back by hand."""
    name = f"{TRIAL}-failing"
    ask = lambda operation, **parameters: run.ask("cloudformation", operation, StackName=name, **parameters)
    taken = cluster_template(name=CLUSTER)
    ask("create_stack", TemplateBody=taken, DisableRollback=True)
    until(lambda: status(run, name) == "CREATE_FAILED")
    ask("describe_stack_events")
    ask("describe_stack_resources")
    ask("rollback_stack")
    until(lambda: status(run, name) == "ROLLBACK_COMPLETE")
    ask("delete_stack")
    run.wait("cloudformation", "stack_delete_complete", StackName=name)


def cloudformation_rollbacks(run):
    """A deployment that is cancelled, then one of an image that isn't there, left until its tasks have failed."""
    ask = lambda operation, **parameters: run.ask("cloudformation", operation, StackName=STACK, **parameters)
    image = f"{run.ask('ecr', 'describe_repositories')['repositories'][0]['repositoryUri']}@{MISSING_DIGEST}"
    stack = ask("describe_stacks")["Stacks"][0]
    names = [parameter["ParameterKey"] for parameter in stack["Parameters"]]
    previous = {name: {"ParameterKey": name, "UsePreviousValue": True} for name in names}
    missing = previous | {"OneboxImage": {"ParameterKey": "OneboxImage", "ParameterValue": image}}
    template = ask("get_template")["TemplateBody"]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            resource["Properties"]["ContainerDefinitions"][0]["StopTimeout"] = 29
    onebox = {"cluster": CLUSTER, "services": [f"{APPLICATION}-Onebox"]}
    update = lambda parameters, **template: ask(
        "update_stack", Capabilities=stack["Capabilities"], Parameters=list(parameters.values()), **template
    )
    update(previous, TemplateBody=json.dumps(template))
    ask("cancel_update_stack")
    run.ask("ecs", "describe_services", **onebox)
    until(lambda: status(run, STACK) == "UPDATE_ROLLBACK_COMPLETE")
    update(missing, UsePreviousTemplate=True)
    until(lambda: status(run, STACK) == "UPDATE_ROLLBACK_COMPLETE")
    run.wait("ecs", "services_stable", **onebox)
    ask("describe_stack_events")
    ask("describe_stack_resources")
    run.ask("ecs", "describe_services", **onebox)
    stopped = run.ask("ecs", "list_tasks", cluster=CLUSTER, desiredStatus="STOPPED")["taskArns"]
    tasks = run.ask("ecs", "describe_tasks", cluster=CLUSTER, tasks=stopped[:100])["tasks"]
    if not any(task["stoppedReason"].startswith("CannotPullContainerError") for task in tasks):
        run.say("ecs DescribeTasks", "after a failed deployment", ["no task tells why it failed"])
    deployments = run.ask("ecs", "list_service_deployments", cluster=CLUSTER, service=onebox["services"][0])
    arns = [deployment["serviceDeploymentArn"] for deployment in deployments["serviceDeployments"]]
    run.ask("ecs", "describe_service_deployments", serviceDeploymentArns=arns)


def ecs_stop(run):
    """A deployment that is stopped while it runs, and the rollback of its stack."""
    stack = run.ask("cloudformation", "describe_stacks", StackName=STACK)["Stacks"][0]
    template = run.ask("cloudformation", "get_template", StackName=STACK)["TemplateBody"]
    template = template if isinstance(template, dict) else json.loads(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::ECS::TaskDefinition":
            resource["Properties"]["ContainerDefinitions"][0]["StopTimeout"] = 28
    previous = [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in stack["Parameters"]]
    run.ask(
        "cloudformation", "update_stack", StackName=STACK, Capabilities=stack["Capabilities"], Parameters=previous,
        TemplateBody=json.dumps(template),
    )
    service = {"cluster": CLUSTER, "service": f"{APPLICATION}-Onebox"}
    under_way = lambda: run.ask("ecs", "list_service_deployments", status=["IN_PROGRESS"], **service)["serviceDeployments"]
    until(under_way)
    stopped = under_way()[0]["serviceDeploymentArn"]
    run.ask("ecs", "stop_service_deployment", serviceDeploymentArn=stopped, stopType="ROLLBACK")
    run.ask("ecs", "describe_service_deployments", serviceDeploymentArns=[stopped])
    until(lambda: status(run, STACK) == "UPDATE_ROLLBACK_COMPLETE")
    run.refuse("ConflictException", "ecs", "stop_service_deployment", serviceDeploymentArn=stopped)


def logs(run):
    ask = lambda operation, **parameters: run.ask("logs", operation, **parameters)
    refuse = lambda code, operation, **parameters: run.refuse(code, "logs", operation, **parameters)
    groups = ask("describe_log_groups", logGroupNamePrefix=f"/{APPLICATION}/")["logGroups"]
    for group in groups:
        ask("list_tags_for_resource", resourceArn=group["logGroupArn"])
    group = {"logGroupName": groups[0]["logGroupName"]}
    streams = ask("describe_log_streams", orderBy="LastEventTime", descending=True, **group)["logStreams"]
    stream = {"logStreamName": streams[0]["logStreamName"]}
    newest = ask("get_log_events", limit=2, **group, **stream)
    ask("get_log_events", nextToken=newest["nextBackwardToken"], **group, **stream)
    ask("get_log_events", startFromHead=True, **group, **stream)
    ask("filter_log_events", limit=1, **group)
    ask("filter_log_events", filterPattern="no such words", **group)
    refuse("ResourceNotFoundException", "describe_log_streams", logGroupName="no-such-group")
    refuse("ResourceNotFoundException", "get_log_events", logGroupName="no-such-group", **stream)
    refuse("ResourceNotFoundException", "get_log_events", logStreamName="no-such-stream", **group)
    refuse("ResourceNotFoundException", "filter_log_events", logGroupName="no-such-group")


def status(run, name):
    return run.ask("cloudformation", "describe_stacks", StackName=name)["Stacks"][0]["StackStatus"]


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise SystemExit("a condition did not come true within a minute")


def cloudformation_refusals(run):
    refuse = lambda code, operation, **parameters: run.refuse(code, "cloudformation", operation, **parameters)
    absent = {"StackName": "no-such-stack"}
    for operation in [
        "describe_stacks", "describe_stack_events", "describe_stack_resources", "list_stack_resources", "get_template",
        "list_change_sets", "cancel_update_stack", "continue_update_rollback", "rollback_stack", "detect_stack_drift",
        "describe_stack_resource_drifts",
    ]:
        refuse("ValidationError", operation, **absent)
    refuse("ValidationError", "describe_stack_resource", LogicalResourceId="None", **absent)
    refuse("ValidationError", "describe_stack_resource", StackName=STACK, LogicalResourceId="None")
    refuse("ValidationError", "describe_stack_drift_detection_status", StackDriftDetectionId="none")
    refuse("ValidationError", "update_stack", TemplateBody=cluster_template(), **absent)
    refuse("ValidationError", "update_termination_protection", EnableTerminationProtection=True, **absent)
    refuse("ValidationError", "get_template_summary", **absent)
    refuse("ValidationError", "list_imports", ExportName="no-such-export")
    refuse("ValidationError", "cancel_update_stack", StackName=STACK)
    refuse("ValidationError", "continue_update_rollback", StackName=STACK)
    refuse("ValidationError", "rollback_stack", StackName=STACK)
    refuse("AlreadyExistsException", "create_stack", StackName=STACK, TemplateBody=cluster_template())
    refuse("ValidationError", "create_stack", StackName="1 bad name", TemplateBody=cluster_template())
    refuse("ValidationError", "create_stack", StackName="a", TemplateBody="{")
    refuse("ValidationError", "create_stack", StackName="a", TemplateBody="{}")
    refuse("ValidationError", "create_stack", StackName="a")
    refuse("ValidationError", "validate_template", TemplateBody='{"Resources": {}}')
    refuse("ValidationError", "describe_stacks", StackName=STACK, NextToken="no such page")
    refuse("ValidationError", "create_change_set", ChangeSetName="a", TemplateBody=cluster_template(), **absent)
    for operation in ["describe_change_set", "execute_change_set"]:
        refuse("ChangeSetNotFound", operation, StackName=STACK, ChangeSetName="none")
        refuse("ChangeSetNotFound", operation, ChangeSetName="arn:aws:cloudformation:us-east-1:000000000000:changeSet/a/b")
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    refuse("InsufficientCapabilitiesException", "create_stack", StackName="a", TemplateBody=json.dumps({"Resources": {"Role": role}}))


def ecs(run):
    ask = lambda operation, **parameters: run.ask("ecs", operation, **parameters)
    ask("list_clusters")
    for include in [[], ["TAGS", "SETTINGS", "STATISTICS", "CONFIGURATIONS", "ATTACHMENTS"]]:
        ask("describe_clusters", clusters=[CLUSTER, "no-such-cluster"], include=include)
    services = ask("list_services", cluster=CLUSTER)["serviceArns"]
    run.wait("ecs", "services_stable", cluster=CLUSTER, services=services)
    described = ask("describe_services", cluster=CLUSTER, services=[*services, "no-such-service"], include=["TAGS"])
    for service in described["services"]:
        ask("describe_task_definition", taskDefinition=service["taskDefinition"], include=["TAGS"])
        deployments = ask("list_service_deployments", cluster=CLUSTER, service=service["serviceArn"])["serviceDeployments"]
        arns = [deployment["serviceDeploymentArn"] for deployment in deployments]
        ask("describe_service_deployments", serviceDeploymentArns=[*arns, arns[0] + "0"])
        revisions = [deployment["targetServiceRevisionArn"] for deployment in deployments]
        ask("describe_service_revisions", serviceRevisionArns=[*revisions, revisions[0] + "0"])
    ask("list_task_definitions", familyPrefix=described["services"][0]["taskDefinition"].split("/")[1].split(":")[0])
    ask("list_task_definitions")
    ask("list_tasks", cluster=CLUSTER, serviceName=services[0])
    tasks = ask("list_tasks", cluster=CLUSTER)["taskArns"]
    ask("describe_tasks", cluster=CLUSTER, tasks=[*tasks, "0" * 32], include=["TAGS"])
    ask("stop_task", cluster=CLUSTER, task=tasks[0], reason="to see it stop")
    ask("describe_tasks", cluster=CLUSTER, tasks=tasks[:1])
    run.wait("ecs", "tasks_stopped", cluster=CLUSTER, tasks=tasks[:1])
    ask("describe_tasks", cluster=CLUSTER, tasks=tasks[:1])
    ask("list_tasks", cluster=CLUSTER, desiredStatus="STOPPED")
    run.wait("ecs", "services_stable", cluster=CLUSTER, services=services)
    ask("describe_services", cluster=CLUSTER, services=services)


def ecs_refusals(run):
    refuse = lambda code, operation, **parameters: run.refuse(code, "ecs", operation, **parameters)
    for operation in ["list_services", "list_tasks"]:
        refuse("ClusterNotFoundException", operation, cluster="no-such-cluster")
    refuse("ClusterNotFoundException", "describe_services", cluster="no-such-cluster", services=["a"])
    refuse("ClusterNotFoundException", "describe_tasks", cluster="no-such-cluster", tasks=["a"])
    refuse("ClusterNotFoundException", "stop_task", cluster="no-such-cluster", task="a")
    refuse("ClusterNotFoundException", "list_service_deployments", cluster="no-such-cluster", service="a")
    refuse("InvalidParameterException", "describe_services", cluster=CLUSTER, services=[])
    refuse("InvalidParameterException", "describe_tasks", cluster=CLUSTER, tasks=[])
    refuse("InvalidParameterException", "stop_task", cluster=CLUSTER, task="0" * 32)
    refuse("ServiceNotFoundException", "list_tasks", cluster=CLUSTER, serviceName="no-such-service")
    refuse("ServiceNotFoundException", "list_service_deployments", cluster=CLUSTER, service="no-such-service")
    refuse("ClientException", "describe_task_definition", taskDefinition="no-such-family:1")
    # Types that the model doesn't allow.
    refuse("ClientException", "describe_task_definition", taskDefinition="")
    refuse("InvalidParameterException", "describe_services", cluster=CLUSTER, services=[{"a": 1}])


def ecr(run):
    ask = lambda operation, **parameters: run.ask("ecr", operation, **parameters)
    named = {"repositoryName": REPOSITORY}
    ask("get_authorization_token")
    ask("describe_repositories")
    arn = ask("describe_repositories", repositoryNames=[REPOSITORY])["repositories"][0]["repositoryArn"]
    ask("list_tags_for_resource", resourceArn=arn)
    images = ask("list_images", **named)["imageIds"]
    ask("list_images", filter={"tagStatus": "UNTAGGED"}, **named)
    details = ask("describe_images", **named)["imageDetails"]
    ask("describe_images", imageIds=images, **named)
    ask("describe_images", filter={"tagStatus": "TAGGED"}, **named)
    ask("batch_delete_image", imageIds=[{"imageDigest": MISSING_DIGEST}, {"imageTag": "none"}], **named)
    # Beside the image there are releases, whose subject it is.
    image = next(detail for detail in details if "imageTags" in detail and "subjectManifestDigest" not in detail)
    by_digest = {"imageDigest": image["imageDigest"]}
    manifest = ask("batch_get_image", imageIds=[by_digest], **named)["images"][0]["imageManifest"]
    ask("put_image", imageManifest=manifest, imageTag="conformance", **named)
    ask("list_image_referrers", subjectId=by_digest, **named)
    # Last, the image itself: its tasks run already, and nothing here needs it again.
    ask("batch_delete_image", imageIds=[{"imageTag": tag} for tag in image["imageTags"]], **named)
    ask("describe_images", **named)
    ask("batch_delete_image", imageIds=[by_digest], **named)


def ecr_refusals(run):
    refuse = lambda code, operation, **parameters: run.refuse(code, "ecr", operation, **parameters)
    refuse("RepositoryNotFoundException", "describe_repositories", repositoryNames=["none"])
    for operation in ["describe_images", "list_images"]:
        refuse("RepositoryNotFoundException", operation, repositoryName="none")
    refuse("RepositoryNotFoundException", "batch_delete_image", repositoryName="none", imageIds=[{"imageTag": "a"}])
    arn = "arn:aws:ecr:us-east-1:000000000000:repository/none"
    refuse("RepositoryNotFoundException", "list_tags_for_resource", resourceArn=arn)
    for id in [{"imageTag": "none"}, {"imageDigest": MISSING_DIGEST}]:
        refuse("ImageNotFoundException", "describe_images", repositoryName=REPOSITORY, imageIds=[id])
    refuse("InvalidParameterException", "describe_images")
    refuse("InvalidParameterException", "list_tags_for_resource")
    refuse("InvalidParameterException", "batch_delete_image", repositoryName=REPOSITORY, imageIds=[])


def elbv2(run):
    ask = lambda operation, **parameters: run.ask("elbv2", operation, **parameters)
    load_balancer = ask("describe_load_balancers")["LoadBalancers"][0]
    arn = load_balancer["LoadBalancerArn"]
    ask("describe_load_balancers", Names=[load_balancer["LoadBalancerName"]])
    ask("describe_load_balancer_attributes", LoadBalancerArn=arn)
    groups = ask("describe_target_groups", LoadBalancerArn=arn)["TargetGroups"]
    for group in groups:
        group_arn = group["TargetGroupArn"]
        ask("describe_target_group_attributes", TargetGroupArn=group_arn)
        targets = ask("describe_target_health", TargetGroupArn=group_arn)["TargetHealthDescriptions"]
        run.wait("elbv2", "target_in_service", TargetGroupArn=group_arn, Targets=[targets[0]["Target"]])
    listener = ask("describe_listeners", LoadBalancerArn=arn)["Listeners"][0]["ListenerArn"]
    ask("describe_listeners", ListenerArns=[listener])
    rules = ask("describe_rules", ListenerArn=listener)["Rules"]
    ask("describe_rules", RuleArns=[rule["RuleArn"] for rule in rules])
    ask("describe_tags", ResourceArns=[arn, listener, rules[0]["RuleArn"], *(group["TargetGroupArn"] for group in groups)])


def elbv2_refusals(run):
    refuse = lambda code, operation, **parameters: run.refuse(code, "elbv2", operation, **parameters)
    prefix = "arn:aws:elasticloadbalancing:us-east-1:000000000000:"
    load_balancer, group = f"{prefix}loadbalancer/app/a/0", f"{prefix}targetgroup/a/0"
    listener, rule = f"{prefix}listener/app/a/0/1", f"{prefix}listener-rule/app/a/0/1/2"
    refuse("LoadBalancerNotFound", "describe_load_balancers", LoadBalancerArns=[load_balancer])
    refuse("LoadBalancerNotFound", "describe_load_balancers", Names=["none"])
    refuse("LoadBalancerNotFound", "describe_load_balancer_attributes", LoadBalancerArn=load_balancer)
    refuse("LoadBalancerNotFound", "describe_listeners", LoadBalancerArn=load_balancer)
    refuse("LoadBalancerNotFound", "describe_target_groups", LoadBalancerArn=load_balancer)
    refuse("TargetGroupNotFound", "describe_target_groups", TargetGroupArns=[group])
    refuse("TargetGroupNotFound", "describe_target_groups", Names=["none"])
    refuse("TargetGroupNotFound", "describe_target_group_attributes", TargetGroupArn=group)
    refuse("TargetGroupNotFound", "describe_target_health", TargetGroupArn=group)
    refuse("ListenerNotFound", "describe_listeners", ListenerArns=[listener])
    refuse("ListenerNotFound", "describe_rules", ListenerArn=listener)
    refuse("RuleNotFound", "describe_rules", RuleArns=[rule])
    for arn, code in [
        (load_balancer, "LoadBalancerNotFound"), (group, "TargetGroupNotFound"),
        (listener, "ListenerNotFound"), (rule, "RuleNotFound"),
    ]:
        refuse(code, "describe_tags", ResourceArns=[arn])
    refuse("ValidationError", "describe_listeners")
    refuse("ValidationError", "describe_rules")


def cloudwatch(run):
    ask = lambda operation, **parameters: run.ask("cloudwatch", operation, **parameters)
    alarms = ask("describe_alarms")["MetricAlarms"]
    name = alarms[0]["AlarmName"]
    ask("describe_alarms", AlarmNames=[name])
    ask("describe_alarms", AlarmNamePrefix=name[:-3], StateValue=alarms[0]["StateValue"], AlarmTypes=["MetricAlarm"])
    pages = run.clients["cloudwatch"].get_paginator("describe_alarms").paginate(PaginationConfig={"PageSize": 2})
    if [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]] != [alarm["AlarmName"] for alarm in alarms]:
        run.say("cloudwatch DescribeAlarms", "by pages", ["other alarms than all at once"])
    ask("set_alarm_state", AlarmName=name, StateValue="ALARM", StateReason="a rehearsal", StateReasonData='{"a": 1}')
    ask("describe_alarms", AlarmNames=[name])
    history = ask("describe_alarm_history", AlarmName=name)["AlarmHistoryItems"]
    if not any(item["HistorySummary"].endswith("to ALARM") for item in history):
        run.say("cloudwatch DescribeAlarmHistory", "after a state was set", ["nothing of it"])
    since = {"StartDate": datetime.datetime(2026, 1, 1), "EndDate": datetime.datetime(2126, 1, 1)}
    ask("describe_alarm_history", HistoryItemType="StateUpdate", ScanBy="TimestampAscending", MaxRecords=1, **since)
    ask("disable_alarm_actions", AlarmNames=[name])
    ask("enable_alarm_actions", AlarmNames=[name])
    ask("describe_alarms_for_metric", Namespace="AWS/ECS", MetricName="CPUUtilization")
    cloudwatch_metrics(run)


def cloudwatch_metrics(run):
    ask = lambda operation, **parameters: run.ask("cloudwatch", operation, **parameters)
    named = {"Namespace": "AWS/ApplicationELB", "MetricName": "HealthyHostCount"}
    until(lambda: ask("list_metrics", **named)["Metrics"])
    metric = ask("list_metrics", Dimensions=[{"Name": "TargetGroup"}], RecentlyActive="PT3H", **named)["Metrics"][0]
    ask("list_metrics")
    now = datetime.datetime.now(datetime.timezone.utc)
    span = {"StartTime": now - datetime.timedelta(hours=1), "EndTime": now + datetime.timedelta(hours=1)}
    stat = lambda statistic: {"Metric": metric, "Period": 60, "Stat": statistic}
    queries = [
        {"Id": "most", "MetricStat": stat("Maximum"), "Label": "the most"},
        {"Id": "few", "MetricStat": stat("TM(0%:50%)"), "ReturnData": False},
        {"Id": "ratio", "Expression": "100 * few / most"},
    ]
    data = ask("get_metric_data", MetricDataQueries=queries, **span)
    most, ratio = data["MetricDataResults"]
    if most["Label"] != "the most" or len(most["Values"]) != len(ratio["Values"]) or not most["Values"]:
        run.say("cloudwatch GetMetricData", "of a metric and an expression", [f"not both: {data}"])
    page = ask("get_metric_data", MetricDataQueries=queries[:1], ScanBy="TimestampAscending", MaxDatapoints=1, **span)
    ask("get_metric_data", MetricDataQueries=queries[:1], NextToken=page.get("NextToken", "1"), **span)
    ask("get_metric_statistics", **metric, Period=300, Statistics=["Average", "SampleCount", "Sum", "Minimum", "Maximum"], **span)
    ask("get_metric_statistics", **metric, Period=60, ExtendedStatistics=["p99.9", "TM(10%:90%)", "IQM", "PR(0:3)"], **span)
    own = [
        {"MetricName": "Own", "Value": 1.5, "Dimensions": [{"Name": "a", "Value": "b"}]},
        {"MetricName": "Own", "Values": [1, 2.5], "Counts": [3, 4], "Timestamp": now, "Unit": "Seconds"},
    ]
    ask("put_metric_data", Namespace="Conformance", MetricData=own)
    listed = lambda: len(ask("list_metrics", Namespace="Conformance")["Metrics"])
    # Metrics are published late.
    deadline = time.monotonic() + 10
    while listed() != 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    if listed() != 2:
        run.say("cloudwatch PutMetricData", "of two metrics", ["not both are listed"])


def cloudwatch_refusals(run):
    refuse = lambda code, operation, **parameters: run.refuse(code, "cloudwatch", operation, **parameters)
    refuse("ResourceNotFound", "set_alarm_state", AlarmName="none", StateValue="OK", StateReason="a")
    name = run.ask("cloudwatch", "describe_alarms", MaxRecords=1)["MetricAlarms"][0]["AlarmName"]
    refuse("ValidationError", "set_alarm_state", AlarmName=name, StateValue="RED", StateReason="a")
    refuse("InvalidFormat", "set_alarm_state", AlarmName=name, StateValue="OK", StateReason="a", StateReasonData="{")
    refuse("ValidationError", "describe_alarms", AlarmNames=[name], AlarmNamePrefix="a")
    refuse("InvalidNextToken", "describe_alarms", NextToken="no such page")
    refuse("InvalidNextToken", "describe_alarm_history", NextToken="no such page")
    refuse("InvalidParameterValue", "list_metrics", NextToken="no such page")
    refuse("ValidationError", "describe_alarms", MaxRecords=101)
    refuse("InvalidParameterValue", "list_metrics", RecentlyActive="PT1H")
    now = datetime.datetime.now(datetime.timezone.utc)
    span = {"StartTime": now - datetime.timedelta(hours=1), "EndTime": now}
    named = {"Namespace": "a", "MetricName": "b"}
    stat = lambda **changes: {"Id": "a", "MetricStat": {"Metric": named, "Period": 60, "Stat": "Sum"} | changes}
    for query in [stat(Stat="Best"), stat(Period=61), {"Id": "a", "Expression": "SEARCH('a')"}, {"Id": "a", "Expression": "1"}, {"Id": "a"}]:
        refuse("ValidationError", "get_metric_data", MetricDataQueries=[query], **span)
    refuse("ValidationError", "get_metric_data", MetricDataQueries=[stat()], StartTime=now, EndTime=now)
    refuse("ValidationError", "get_metric_data", MetricDataQueries=[], **span)
    refuse("ValidationError", "get_metric_data", MetricDataQueries=[stat()])
    refuse("InvalidNextToken", "get_metric_data", MetricDataQueries=[stat()], NextToken="no such page", **span)
    refuse("MissingParameter", "get_metric_statistics", Period=60, Statistics=["Sum"], Namespace="a", **span)
    refuse("InvalidParameterCombination", "get_metric_statistics", **named, Period=60, **span)
    refuse("InvalidParameterValue", "get_metric_statistics", **named, Period=60, Statistics=["p99"], **span)
    refuse("InvalidParameterValue", "put_metric_data", Namespace="AWS/ECS", MetricData=[{"MetricName": "a", "Value": 1}])
    refuse("InvalidParameterCombination", "put_metric_data", Namespace="a", MetricData=[{"MetricName": "a"}])
    long_ago = now - datetime.timedelta(days=15)
    refuse("InvalidParameterValue", "put_metric_data", Namespace="a", MetricData=[{"MetricName": "a", "Value": 1, "Timestamp": long_ago}])


def autoscaling(run):
    ask = lambda operation, **parameters: run.ask("application-autoscaling", operation, ServiceNamespace="ecs", **parameters)
    targets = ask("describe_scalable_targets")["ScalableTargets"]
    named = {"ResourceId": targets[0]["ResourceId"], "ScalableDimension": "ecs:service:DesiredCount"}
    ask("describe_scalable_targets", ResourceIds=[named["ResourceId"]], MaxResults=1)
    policies = ask("describe_scaling_policies", **named)["ScalingPolicies"]
    ask("describe_scaling_policies", PolicyNames=[policies[0]["PolicyName"]])
    ask("describe_scaling_activities", **named)
    refuse = lambda code, **parameters: run.refuse(code, "application-autoscaling", "describe_scalable_targets", **parameters)
    refuse("ValidationException")
    refuse("ValidationException", ServiceNamespace="ecs", MaxResults=51)
    refuse("InvalidNextTokenException", ServiceNamespace="ecs", NextToken="no such page")


def cloudwatch_otherwise(run):
    for protocol in ["query", "json"]:
        run.speak("cloudwatch", protocol)
        cloudwatch(run)
        cloudwatch_refusals(run)


def main():
    # Whatever hangs says where, and ends.
    faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
    run = Conformance()
    run.speak("cloudwatch", model.CBOR)
    run.say("planted faults", f"{len(planted.ANSWERS)} answers", list(planted.missed(run.clients)))
    run.probe()
    for part in [
        sts, cloudformation_reads, cloudformation_drift, cloudformation_life, cloudformation_failures,
        cloudformation_refusals,
        cloudformation_rollbacks, ecs, ecs_stop, ecs_refusals, logs, elbv2, elbv2_refusals, cloudwatch, cloudwatch_refusals,
        cloudwatch_otherwise, autoscaling, delivery.delivery, delivery.delivery_refusals, ecr, ecr_refusals,
    ]:
        part(run)
    for name in sorted(run.implemented - run.answered - ONLY_REFUSED):
        run.say(name, "implemented", ["never answered with success in this run"])
    print(f"{run.calls} answers, {len(run.answered)} operations, {run.faults} faults")
    sys.exit(1 if run.faults else 0)


if __name__ == "__main__":
    main()
