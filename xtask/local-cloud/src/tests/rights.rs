//! What roles may do: a build's calls, and CloudFormation's in a role that it was handed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::delivery;
use super::rig::{self, Rig};
use crate::codebuild::Status;
use crate::iam::{Logins, access_key, check_caller, task_credentials};
use crate::wire::{Call, Service};

const ROLE: &str = "arn:aws:iam::000000000000:role/Deployer";

/// A stack with one role, which may do some things to anything.
fn role(name: &str, statements: &Value) -> Value {
    json!({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {
        "RoleName": name,
        "AssumeRolePolicyDocument": {},
        "Policies": [{"PolicyName": "a", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}],
    }}}})
}

fn allow(actions: &Value, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

#[test]
fn a_build_may_do_what_its_role_may_and_the_person_everything() {
    let mut rig = delivery::new("ENABLED");
    let stacks = "arn:aws:cloudformation:eu-west-1:000000000000:stack/mine/*";
    let handed = json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": ROLE, "Condition": {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"},
    }});
    let deny = json!({"Effect": "Deny", "Action": "ecr:*", "Resource": "*"});
    let list_tasks = json!({"Effect": "Allow", "Action": "ecs:ListTasks", "Resource": "*", "Condition": {
        "ArnEquals": {"ecs:cluster": "arn:aws:ecs:eu-west-1:000000000000:cluster/mine"},
    }});
    let statements = json!([
        allow(&json!(["cloudformation:*", "logs:GetLogEvents"]), stacks),
        allow(&json!("*"), "arn:aws:ecr:*"),
        handed,
        list_tasks,
        deny
    ]);
    assert_eq!(rig.create("roles", &role("a", &statements)), "CREATE_COMPLETE");
    delivery::push(&mut rig, 'a');
    let build = delivery::build_began(&mut rig);
    let (key, uuid) = (access_key(&build), build.split_once(':').unwrap().1);
    assert!(key.starts_with("ASIA") && key.len() == 20, "{key}");

    let me = rig.call_as(&key, Service::Sts, "GetCallerIdentity", json!({})).unwrap();
    let arn = format!("arn:aws:sts::000000000000:assumed-role/a/AWSCodeBuild-{uuid}");
    assert_eq!(me["Arn"], arn);

    let mut check = |service, operation: &str, input: Value, expected: Result<(), (&str, &str)>| {
        let outcome = rig.call_as(&key, service, operation, input.clone());
        let refused = outcome.err().filter(|fault| fault.code.starts_with("AccessDenied"));
        let refused = refused.map(|fault| (fault.code, fault.message));
        let expected = expected.err().map(|(code, what)| {
            (
                code.to_owned(),
                format!("User: {arn} is not authorized to perform: {what}"),
            )
        });
        assert_eq!(refused, expected, "{operation}");
        // Whatever comes of it, the person is let.
        let person = rig.call(service, operation, input);
        assert!(person.err().is_none_or(|fault| !fault.code.starts_with("AccessDenied")));
    };
    let named = |stack: &str| json!({"StackName": stack});
    check(Service::CloudFormation, "DescribeStacks", named("mine"), Ok(()));
    check(
        Service::CloudFormation,
        "DescribeStacks",
        named("other"),
        Err((
            "AccessDenied",
            "cloudformation:DescribeStacks on resource: arn:aws:cloudformation:eu-west-1:000000000000:stack/other/* because no identity-based policy allows the cloudformation:DescribeStacks action",
        )),
    );
    check(
        Service::CodePipeline,
        "GetPipeline",
        json!({"name": "delivery"}),
        Err((
            "AccessDeniedException",
            "codepipeline:GetPipeline on resource: arn:aws:codepipeline:eu-west-1:000000000000:delivery because no identity-based policy allows the codepipeline:GetPipeline action",
        )),
    );
    check(
        Service::Ecr,
        "DescribeImages",
        json!({"repositoryName": "a"}),
        Err((
            "AccessDeniedException",
            "ecr:DescribeImages on resource: arn:aws:ecr:eu-west-1:000000000000:repository/a with an explicit deny in an identity-based policy",
        )),
    );
    let list = |cluster: &str| json!({"cluster": cluster});
    check(Service::Ecs, "ListTasks", list("mine"), Ok(()));
    check(
        Service::Ecs,
        "ListTasks",
        list("other"),
        Err((
            "AccessDeniedException",
            "ecs:ListTasks on resource: * because no identity-based policy allows the ecs:ListTasks action",
        )),
    );
    check(
        Service::Ecr,
        "ListImageReferrers",
        json!({"repositoryName": "a", "subjectId": {"imageDigest": "sha256:00"}}),
        Err((
            "AccessDeniedException",
            "ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:000000000000:repository/a with an explicit deny in an identity-based policy",
        )),
    );
    let hands = |role: &str| json!({"StackName": "mine", "RoleARN": role, "TemplateBody": "{}"});
    check(Service::CloudFormation, "CreateStack", hands(ROLE), Ok(()));
    check(
        Service::CloudFormation,
        "CreateStack",
        hands("arn:aws:iam::000000000000:role/Other"),
        Err((
            "AccessDenied",
            "iam:PassRole on resource: arn:aws:iam::000000000000:role/Other because no identity-based policy allows the iam:PassRole action",
        )),
    );
}

/// Creates a stack with a cluster and a topic in the role; its status, and why.
fn create_in_role(rig: &mut Rig, stack: &str) -> (String, String) {
    let template = json!({"Resources": {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "mine"}},
        "Topic": {"Type": "AWS::SNS::Topic", "DependsOn": "Cluster"},
    }});
    let input = json!({"StackName": stack, "TemplateBody": template.to_string(), "RoleARN": ROLE});
    rig.cloudformation("CreateStack", input);
    (rig.finish(stack), rig.reasons(stack))
}

#[test]
fn cloudformation_may_do_what_the_role_may_that_it_was_handed() {
    let mut rig = Rig::new();
    let clusters = allow(
        &json!(["ecs:CreateCluster", "ecs:DeleteCluster"]),
        "arn:aws:ecs:*:*:cluster/mine",
    );
    rig.create("roles", &role("Deployer", &json!([clusters])));
    let (status, reasons) = create_in_role(&mut rig, "first");
    assert_eq!(status, "ROLLBACK_COMPLETE");
    let why = reasons.lines().find(|line| line.contains("Resource handler")).unwrap();
    let (said, token) = why.split_once(" (RequestToken: ").unwrap();
    let name = rig.world.cloud.place.arn("sns", "first-Topic-");
    assert!(token.ends_with(", HandlerErrorCode: AccessDenied)"), "{token}");
    assert!(
        said.starts_with(&format!("Resource handler returned message: \"User: arn:aws:sts::000000000000:assumed-role/Deployer/AWSCloudFormation is not authorized to perform: sns:CreateTopic on resource: {name}")),
        "{said}"
    );
    assert!(
        said.ends_with("because no identity-based policy allows the sns:CreateTopic action\""),
        "{said}"
    );
    rig.delete("first");

    let topics = allow(&json!("sns:*"), "arn:aws:sns:*:*:second-*");
    rig.update("roles", &role("Deployer", &json!([clusters, topics])));
    let (status, reasons) = create_in_role(&mut rig, "second");
    assert_eq!(status, "CREATE_COMPLETE", "{reasons}");
    // The role stays with the stack, whoever deletes it.
    rig.update("roles", &role("Deployer", &json!([clusters])));
    rig.cloudformation("DeleteStack", json!({"StackName": "second"}));
    assert_eq!(rig.finish("second"), "DELETE_FAILED");
    assert!(rig.reasons("second").contains("sns:DeleteTopic"));
}

#[test]
fn cloudformation_passes_on_only_the_roles_that_it_may() {
    let mut rig = Rig::new();
    let tasks = allow(&json!("ecs:RegisterTaskDefinition"), "*");
    let mut pass = allow(&json!("iam:PassRole"), "arn:aws:iam::000000000000:role/tasks/*");
    pass["Condition"] = json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}});
    rig.create("roles", &role("Deployer", &json!([tasks, pass])));
    for (name, expected) in [("tasks/a", "CREATE_COMPLETE"), ("a", "ROLLBACK_COMPLETE")] {
        let definition = json!({"Family": "a", "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512",
            "TaskRoleArn": format!("arn:aws:iam::000000000000:role/{name}"), "ContainerDefinitions": [{"Name": "a", "Image": "a"}]});
        let template = json!({"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": definition}}});
        let stack = name.replace('/', "-");
        let input = json!({"StackName": stack, "TemplateBody": template.to_string(), "RoleARN": ROLE});
        rig.cloudformation("CreateStack", input);
        assert_eq!(rig.finish(&stack), expected, "{}", rig.reasons(&stack));
    }
}

#[test]
fn a_role_whose_conditions_are_not_known_is_refused_before_anything_is_created() {
    let mut rig = Rig::new();
    let mut statement = allow(&json!("*"), "*");
    statement["Condition"] = json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}});
    let template = role("a", &json!([statement]));
    let input =
        json!({"StackName": "roles", "TemplateBody": template.to_string(), "Capabilities": ["CAPABILITY_NAMED_IAM"]});
    let refused = rig.call(Service::CloudFormation, "CreateStack", input).unwrap_err();
    assert!(
        refused
            .message
            .contains("doesn't know the condition operator IpAddress"),
        "{}",
        refused.message
    );
}

#[test]
fn a_builds_login_is_good_for_what_its_role_may_while_it_runs() {
    let mut rig = delivery::new("ENABLED");
    let sign_in = allow(&json!("ecr:GetAuthorizationToken"), "*");
    let push = allow(&json!("ecr:PutImage"), "arn:aws:ecr:*:*:repository/mine");
    rig.create("roles", &role("a", &json!([sign_in, push])));
    delivery::push(&mut rig, 'a');
    let build = delivery::build_began(&mut rig);
    let key = access_key(&build);
    let mut login = |key: &str| {
        let answer = rig.call_as(key, Service::Ecr, "GetAuthorizationToken", json!({}));
        let token = answer.unwrap()["authorizationData"][0]["authorizationToken"].clone();
        let token = String::from_utf8(STANDARD.decode(token.as_str().unwrap()).unwrap()).unwrap();
        token.strip_prefix("AWS:").unwrap().to_owned()
    };
    let (of_build, of_person) = (login(&key), login("local"));
    assert_ne!(of_build, of_person);

    let logins = Logins::default();
    logins.publish(&rig.world.cloud);
    let opens = |password: &str| logins.open(&of_person, password);
    assert!(opens(&of_person) && opens(&of_build));
    assert!(!opens(&format!("{of_build}A")) && !opens("") && !opens(&key));
    let refusal =
        |password: &str, action: &str, repository: &str| logins.refusal(&of_person, password, action, repository);
    assert_eq!(refusal(&of_build, "ecr:PutImage", "mine"), None);
    assert_eq!(refusal(&of_person, "ecr:PutImage", "other"), None);
    let refused = refusal(&of_build, "ecr:PutImage", "other").unwrap();
    assert!(
        refused.ends_with("is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:eu-west-1:000000000000:repository/other because no identity-based policy allows the ecr:PutImage action"),
        "{refused}"
    );

    rig.end_build(&build, Status::Succeeded);
    rig.run_until(|rig| rig.waiting.is_empty());
    logins.publish(&rig.world.cloud);
    assert!(!logins.open(&of_person, &of_build), "the build is over");
}

#[test]
fn a_pipeline_and_a_rule_do_what_their_roles_may() {
    let mut rig = delivery::new("ENABLED");
    let mut template = delivery::template("ENABLED");
    let allowed = "/Resources/Role/Properties/Policies/0/PolicyDocument/Statement/Action";
    let mut check = |rig: &mut Rig, commit: char, actions: Value, expected: &str| {
        *template.pointer_mut(allowed).unwrap() = actions;
        rig.update("stack", &template);
        delivery::push(rig, commit);
        let listed = rig.call(
            Service::CodePipeline,
            "ListActionExecutions",
            json!({"pipelineName": "delivery"}),
        );
        let newest = listed.unwrap()["actionExecutionDetails"][0].clone();
        let details = &newest["output"]["executionResult"]["errorDetails"];
        let said = format!("{} {}", details["code"], details["message"]);
        let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what}: {newest}"));
        assert!(expected.split('…').map(at).is_sorted());
    };
    check(
        &mut rig,
        'a',
        json!("codebuild:*"),
        "PermissionError…named code. Update the IAM role…:assumed-role/…is not authorized to perform: codecommit:GetBranch on resource: arn:aws:codecommit:eu-west-1:000000000000:code because",
    );
    check(
        &mut rig,
        'b',
        json!("codecommit:*"),
        "JobFailed…Error calling startBuild: User: …is not authorized to perform: codebuild:StartBuild on resource: arn:aws:codebuild:eu-west-1:000000000000:project/build because",
    );

    let executions = delivery::statuses(&mut rig).len();
    template["Resources"]["Pushed"]["Properties"]["Targets"][0]["RoleArn"] =
        json!("arn:aws:iam::000000000000:role/none");
    rig.update("stack", &template);
    delivery::push(&mut rig, 'c');
    assert_eq!(
        delivery::statuses(&mut rig).len(),
        executions,
        "the rule may not start it"
    );
}

/// A service of one task in the role `Service`, which may do what the statements say; and the task.
fn task_in_role(statements: &Value) -> (Rig, String) {
    let mut rig = Rig::new();
    rig.create("roles", &role("Service", statements));
    let mut template = rig::template("image", 1);
    template["Resources"]["Definition"]["Properties"]["TaskRoleArn"] = json!("arn:aws:iam::000000000000:role/Service");
    assert_eq!(rig.create("stack", &template), "CREATE_COMPLETE");
    let task = rig.running.first().unwrap().clone();
    (rig, task)
}

/// The variables that a task of the rig gets for its role.
fn task_variables(rig: &Rig, task: &str) -> std::collections::BTreeMap<&'static str, String> {
    let ecs = &rig.world.cloud.ecs;
    let definition = &ecs.task_definitions[&ecs.tasks[task].task_definition_arn];
    let variables = task_credentials::variables(&rig.world.cloud, &definition.properties, task);
    variables.into_iter().collect()
}

/// What a task of the rig is given for `authorization`: its credentials, or the code of the refusal.
fn ask_for_credentials(rig: &Rig, task: &str, authorization: Option<&str>) -> Result<Value, String> {
    let given = task_credentials::credentials(&rig.world.cloud, rig.now, task, authorization);
    given.map_err(|fault| fault.code)
}

fn put_metric(namespace: &str) -> Value {
    json!({"Namespace": namespace, "MetricData": [{"MetricName": "Requests", "Value": 1.0}]})
}

#[test]
fn a_task_may_do_what_its_role_may() {
    let mut put = allow(&json!("cloudwatch:PutMetricData"), "*");
    put["Condition"] = json!({"StringEquals": {"cloudwatch:namespace": "Mine"}});
    let (mut rig, task) = task_in_role(&json!([put]));
    let authorization = task_variables(&rig, &task)["AWS_CONTAINER_AUTHORIZATION_TOKEN"].clone();
    let given = ask_for_credentials(&rig, &task, Some(&authorization)).unwrap();
    assert_eq!(given["RoleArn"], "arn:aws:iam::000000000000:role/Service");
    let key = given["AccessKeyId"].as_str().unwrap();

    let me = rig.call_as(key, Service::Sts, "GetCallerIdentity", json!({})).unwrap();
    let arn = format!("arn:aws:sts::000000000000:assumed-role/Service/{task}");
    assert_eq!(me["Arn"], arn);
    let put = |rig: &mut Rig, namespace: &str| {
        let outcome = rig.call_as(key, Service::CloudWatch, "PutMetricData", put_metric(namespace));
        outcome.map_err(|fault| (fault.code, fault.message))
    };
    let why = "because no identity-based policy allows the cloudwatch:PutMetricData action";
    let refused = Err((
        "AccessDenied".to_owned(),
        format!("User: {arn} is not authorized to perform: cloudwatch:PutMetricData {why}"),
    ));
    assert_eq!(put(&mut rig, "Mine"), Ok(Value::Null));
    assert_eq!(put(&mut rig, "Other"), refused);
    let listed = rig.call_as(key, Service::Ecs, "ListClusters", json!({}));
    assert_eq!(listed.unwrap_err().code, "AccessDeniedException");

    // A permission that is gone is gone for tasks that run.
    rig.update("roles", &role("Service", &json!([])));
    assert_eq!(put(&mut rig, "Mine"), refused);
    assert!(
        rig.call(Service::CloudWatch, "PutMetricData", put_metric("Mine"))
            .is_ok()
    );
}

#[test]
fn a_tasks_credentials_are_its_own_while_it_runs() {
    let (mut rig, task) = task_in_role(&json!([]));
    let variables = task_variables(&rig, &task);
    let url = format!("http://127.0.0.1:4566/_local/credentials/{task}");
    assert_eq!(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"], url);
    assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:4566");
    let authorization = variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"].as_str();
    let state = serde_json::to_string(&rig.world).unwrap();
    assert!(!state.contains(authorization), "the state holds no secret");

    let unknown = Err("InvalidIdInRequest".to_owned());
    assert_eq!(ask_for_credentials(&rig, &task, None), unknown);
    assert_eq!(ask_for_credentials(&rig, &task, Some("")), unknown);
    assert_eq!(ask_for_credentials(&rig, "other", Some(authorization)), unknown);
    let given = ask_for_credentials(&rig, &task, Some(authorization)).unwrap();
    let secret = given["SecretAccessKey"].as_str().unwrap();
    assert_eq!(secret.len(), 40);
    assert!(!authorization.contains(secret));

    rig.restart(false);
    let again = ask_for_credentials(&rig, &task, Some(authorization)).unwrap();
    assert_eq!(again["SecretAccessKey"], given["SecretAccessKey"]);
    rig.exit(&task, Some(1));
    rig.run_until(|rig| rig.waiting.is_empty());
    assert_eq!(ask_for_credentials(&rig, &task, Some(authorization)), unknown);
}

#[test]
fn tasks_elsewhere_reach_nothing_but_what_their_credentials_open() {
    let (mut rig, task) = task_in_role(&json!([]));
    rig.world.cloud.tasks_reach = Some(([172, 17, 0, 1], 4566).into());
    let variables = task_variables(&rig, &task);
    let url = format!("http://172.17.0.1:4566/_local/credentials/{task}");
    assert_eq!(variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"], url);
    assert_eq!(variables["AWS_ENDPOINT_URL"], "http://172.17.0.1:4566");
    let check = |key: &str, of_task: bool, expected: Option<&str>| {
        let call = Call {
            service: Service::Sts,
            operation: "GetCallerIdentity".to_owned(),
            input: json!({}),
            access_key: key.to_owned(),
        };
        let refused = check_caller(&rig.world.cloud, &call, of_task).err();
        assert_eq!(refused.map(|fault| fault.code).as_deref(), expected, "{key}");
    };
    check(&access_key(&task), true, None);
    for key in ["local", "", "ASIA0000000000000000"] {
        check(key, true, Some("InvalidClientTokenId"));
        check(key, false, None);
    }
}

#[test]
fn a_task_without_a_role_gets_no_credentials() {
    let mut rig = Rig::new();
    rig.create("stack", &rig::template("image", 1));
    let task = rig.running.first().unwrap().clone();
    assert!(task_variables(&rig, &task).is_empty());
}
