"""A pipeline from a push to its end, so that CodeCommit, CodeBuild and CodePipeline answer every call with success."""

import json
import pathlib
import subprocess
import tempfile
import time

STACK = "conformance-delivery"
NAME = "conformance-delivery"
ROLE = "arn:aws:iam::000000000000:role/conformance-delivery"
NOBODY = "00000000-0000-4000-8000-000000000000"
BUILDSPEC = """version: 0.2
env:
  exported-variables: [ANSWER]
phases:
  build:
    commands:
      - export ANSWER=42
      - mkdir reports
      - echo '<testsuite name="s"><testcase classname="c" name="good" time="0.5"/></testsuite>' > reports/a.xml
      - echo '<testsuite name="s"><testcase name="bad"><failure message="no"/></testcase></testsuite>' > reports/b.xml
      - while [ -e wait ] && [ ! -e "$GATE" ]; do sleep 0.02; done
      - test ! -e broken
reports:
  made-on-the-way: {base-directory: reports, files: ['*.xml'], file-format: JUNITXML}
artifacts:
  files: ['**/*']
"""


def project(gate):
    environment = {
        "Type": "LINUX_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "none",
        "EnvironmentVariables": [{"Name": "GATE", "Value": gate}],
    }
    return {
        "Name": NAME, "Description": "of no use", "ServiceRole": ROLE, "Artifacts": {"Type": "CODEPIPELINE"}, "Environment": environment,
        "Source": {"Type": "CODEPIPELINE", "BuildSpec": BUILDSPEC}, "Cache": {"Type": "LOCAL", "Modes": ["LOCAL_CUSTOM_CACHE"]},
        "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": NAME}}, "Tags": [{"Key": "a", "Value": "b"}],
    }


def action(name, category, provider, configuration, **artifacts):
    type_id = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
    listed = {member: [{"Name": artifact}] for member, artifact in artifacts.items()}
    return {"Name": name, "ActionTypeId": type_id, "Configuration": configuration, "Namespace": name, **listed}


def template(gate):
    source = action("Source", "Source", "CodeCommit", {"RepositoryName": NAME, "BranchName": "main"}, OutputArtifacts="Source")
    build = action("Build", "Build", "CodeBuild", {"ProjectName": NAME}, InputArtifacts="Source", OutputArtifacts="Build")
    stages = [{"Name": "Source", "Actions": [source]}, {"Name": "Build", "Actions": [build]}]
    pipeline = {
        "Name": NAME, "PipelineType": "V2", "RoleArn": ROLE, "ArtifactStore": {"Type": "S3", "Location": "none"}, "Stages": stages,
        "Variables": [{"Name": "Colour", "DefaultValue": "blue"}],
    }
    target = {"Id": "pipeline", "Arn": {"Fn::Sub": "arn:aws:codepipeline:${AWS::Region}:${AWS::AccountId}:${Pipeline}"}}
    rule = {"EventPattern": {"source": ["aws.codecommit"], "detail": {"repositoryName": [NAME]}}, "Targets": [target]}
    may = {"Effect": "Allow", "Action": ["codecommit:*", "codebuild:*"], "Resource": "*"}
    policy = {"PolicyName": "deliver", "PolicyDocument": {"Statement": [may]}}
    role = {"RoleName": NAME, "AssumeRolePolicyDocument": {}, "Policies": [policy]}
    repository = {"RepositoryName": NAME, "RepositoryDescription": "of no use"}
    return json.dumps({"Resources": {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Repository": {"Type": "AWS::CodeCommit::Repository", "Properties": repository},
        "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": NAME}},
        "Project": {"Type": "AWS::CodeBuild::Project", "DependsOn": "Group", "Properties": project(gate)},
        "Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "DependsOn": ["Repository", "Project", "Role"], "Properties": pipeline},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
    }})


class Checkout:
    """A clone of the repository; each push is of one commit that has just these files."""

    def __init__(self, folder, url):
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("remote", "add", "origin", url)

    def git(self, *arguments):
        person = ["-c", "user.name=Trial", "-c", "user.email=trial@example.com"]
        done = subprocess.run(["git", *person, *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def push(self, *files):
        for path in self.folder.iterdir():
            if path.is_file():
                path.unlink()
        for name in ["always", *files]:
            (self.folder / name).write_text("")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "A change")
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")


def until(condition):
    for _ in range(1200):
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit("a condition of the pipeline did not come true within a minute")


def execution(run, commit, status):
    """The execution of a commit, once it stands so."""

    def look():
        listed = run.ask("codepipeline", "list_pipeline_executions", pipelineName=NAME)["pipelineExecutionSummaries"]
        of_commit = [one for one in listed if any(revision["revisionId"] == commit for revision in one["sourceRevisions"])]
        return next((one["pipelineExecutionId"] for one in of_commit if one["status"] == status), None)

    return until(look)


def delivery(run):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        gate = folder / "gate"
        run.ask("cloudformation", "create_stack", StackName=STACK, TemplateBody=template(str(gate)), Capabilities=["CAPABILITY_NAMED_IAM"])
        run.wait("cloudformation", "stack_create_complete", StackName=STACK)
        repository = run.ask("codecommit", "get_repository", repositoryName=NAME)["repositoryMetadata"]
        run.ask("codepipeline", "get_pipeline_state", name=NAME)
        (folder / "checkout").mkdir()
        checkout = Checkout(folder / "checkout", repository["cloneUrlHttp"])
        first = checkout.push()
        good = execution(run, first, "Succeeded")
        codecommit(run, first)
        waiting = checkout.push("wait")
        stop_and_retry(run, waiting, gate)
        failed = execution(run, checkout.push("broken"), "Failed")
        codepipeline(run, good, failed)
        codebuild(run)
        # The stack's deletion doesn't mind that a resource of its is gone already, nor does a second deletion.
        for _ in range(2):
            run.ask("codecommit", "delete_repository", repositoryName=NAME)
        run.ask("cloudformation", "delete_stack", StackName=STACK)
        run.wait("cloudformation", "stack_delete_complete", StackName=STACK)


def codecommit(run, commit):
    ask = lambda operation, **parameters: run.ask("codecommit", operation, **parameters)
    ask("list_repositories", sortBy="lastModifiedDate", order="descending")
    ask("list_branches", repositoryName=NAME)
    ask("get_branch", repositoryName=NAME, branchName="main")
    ask("get_commit", repositoryName=NAME, commitId=commit)
    ask("get_repository", repositoryName=NAME)


def stop_and_retry(run, commit, gate):
    ask = lambda operation, **parameters: run.ask("codepipeline", operation, pipelineName=NAME, **parameters)
    id = execution(run, commit, "InProgress")
    building = lambda: next(iter(run.ask("codebuild", "list_builds_for_project", projectName=NAME)["ids"]))
    runs = lambda: run.ask("codebuild", "batch_get_builds", ids=[building()])["builds"][0]["currentPhase"] == "BUILD"
    until(runs)
    run.ask("codepipeline", "get_pipeline_state", name=NAME)
    ask("list_action_executions", filter={"pipelineExecutionId": id})
    ask("stop_pipeline_execution", pipelineExecutionId=id, reason="to see it stop")
    run.refuse("DuplicatedStopRequestException", "codepipeline", "stop_pipeline_execution", pipelineName=NAME, pipelineExecutionId=id)
    run.ask("codebuild", "stop_build", id=building())
    execution(run, commit, "Stopped")
    gate.write_text("")
    ask("retry_stage_execution", stageName="Build", pipelineExecutionId=id, retryMode="FAILED_ACTIONS")
    execution(run, commit, "Succeeded")


def codepipeline(run, good, failed):
    named = lambda operation, **parameters: run.ask("codepipeline", operation, pipelineName=NAME, **parameters)
    run.ask("codepipeline", "list_pipelines")
    run.ask("codepipeline", "get_pipeline", name=NAME)
    run.ask("codepipeline", "get_pipeline", name=NAME, version=1)
    run.ask("codepipeline", "get_pipeline_state", name=NAME)
    for id in [good, failed]:
        named("get_pipeline_execution", pipelineExecutionId=id)
        latest = {"pipelineExecutionId": id, "startTimeRange": "Latest"}
        named("list_action_executions", filter={"latestInPipelineExecution": latest})
    named("list_action_executions", maxResults=2)
    named("list_pipeline_executions", maxResults=1)
    named("list_pipeline_executions", filter={"succeededInStage": {"stageName": "Build"}})
    back = named("rollback_stage", stageName="Build", targetPipelineExecutionId=good)["pipelineExecutionId"]
    state = lambda: named("get_pipeline_execution", pipelineExecutionId=back)["pipelineExecution"]["status"] == "Succeeded"
    until(state)
    named("disable_stage_transition", stageName="Build", transitionType="Inbound", reason="not now")
    started = run.ask("codepipeline", "start_pipeline_execution", name=NAME, variables=[{"name": "Colour", "value": "red"}])
    run.ask("codepipeline", "get_pipeline_state", name=NAME)
    named("get_pipeline_execution", pipelineExecutionId=started["pipelineExecutionId"])
    named("stop_pipeline_execution", pipelineExecutionId=started["pipelineExecutionId"], abandon=True)
    named("enable_stage_transition", stageName="Build", transitionType="Inbound")


def codebuild(run):
    ask = lambda operation, **parameters: run.ask("codebuild", operation, **parameters)
    ask("list_projects", sortBy="LAST_MODIFIED_TIME", sortOrder="DESCENDING")
    ask("batch_get_projects", names=[NAME, "none"])
    ids = ask("list_builds", sortOrder="ASCENDING")["ids"]
    builds = ask("batch_get_builds", ids=[*ids, "none:0"])["builds"]
    arn = next(build["reportArns"] for build in builds if build["reportArns"])[0]
    reports(run, ask, arn)


def reports(run, ask, arn):
    """Of a group that the first build made, and of one that is made by hand."""
    report = ask("batch_get_reports", reportArns=[arn, "none"])["reports"][0]
    if report["status"] != "FAILED" or report["testSummary"]["total"] != 2:
        run.say("codebuild BatchGetReports", "of a good test and a bad one", [f"{report}"])
    page = ask("describe_test_cases", reportArn=arn, maxResults=1)
    ask("describe_test_cases", reportArn=arn, nextToken=page["nextToken"])
    failed = ask("describe_test_cases", reportArn=arn, filter={"status": "FAILED"})["testCases"]
    if [case["name"] for case in failed] != ["bad"]:
        run.say("codebuild DescribeTestCases", "of those that failed", [f"{failed}"])
    group = ask("create_report_group", name="by-hand", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"})
    groups = ask("list_report_groups", sortBy="CREATED_TIME")["reportGroups"]
    ask("batch_get_report_groups", reportGroupArns=[*groups, "none"])
    ask("list_reports", filter={"status": "FAILED"})
    ask("list_reports_for_report_group", reportGroupArn=report["reportGroupArn"], sortOrder="ASCENDING")
    run.refuse("InvalidInputException", "codebuild", "delete_report_group", arn=report["reportGroupArn"])
    ask("delete_report", arn=arn)
    ask("delete_report_group", arn=group["reportGroup"]["arn"])
    ask("delete_report_group", arn=report["reportGroupArn"], deleteReports=True)


def delivery_refusals(run):
    refuse = run.refuse
    for operation in ["get_repository", "list_branches"]:
        refuse("RepositoryDoesNotExistException", "codecommit", operation, repositoryName="none")
    refuse("InvalidRepositoryNameException", "codecommit", "get_repository", repositoryName="a b")
    refuse("RepositoryNameRequiredException", "codecommit", "get_branch", branchName="main")
    refuse("InvalidSortByException", "codecommit", "list_repositories", sortBy="colour")
    refuse("ResourceNotFoundException", "codebuild", "list_builds_for_project", projectName="none")
    refuse("ResourceNotFoundException", "codebuild", "stop_build", id="none:0")
    refuse("ResourceNotFoundException", "codebuild", "start_build", projectName="none")
    refuse("InvalidInputException", "codebuild", "batch_get_builds", ids=[])
    refuse("ResourceNotFoundException", "codebuild", "describe_test_cases", reportArn="none")
    refuse("ResourceNotFoundException", "codebuild", "list_reports_for_report_group", reportGroupArn="none")
    pipeline = {"pipelineName": "none"}
    for operation in ["get_pipeline", "get_pipeline_state", "start_pipeline_execution"]:
        refuse("PipelineNotFoundException", "codepipeline", operation, name="none")
    for operation in ["list_pipeline_executions", "list_action_executions"]:
        refuse("PipelineNotFoundException", "codepipeline", operation, **pipeline)
    for operation in ["get_pipeline_execution", "stop_pipeline_execution"]:
        refuse("PipelineNotFoundException", "codepipeline", operation, pipelineExecutionId=NOBODY, **pipeline)
    retry = {"stageName": "Build", "pipelineExecutionId": NOBODY, "retryMode": "FAILED_ACTIONS"}
    refuse("PipelineNotFoundException", "codepipeline", "retry_stage_execution", **pipeline, **retry)
    refuse("ValidationException", "codepipeline", "retry_stage_execution", **pipeline, **retry | {"retryMode": "SOME"})
