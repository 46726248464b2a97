//! Every kind of change with its outcome: the steps, or the refusal.

use serde_json::{Value, json};

use crate::staging::tests::edits::STAGES;
use crate::staging::tests::{Case, image, outcome, plan_of};

/// A kind of change: its name, what the stack has, the edit, and the outcome.
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) before: fn(&mut Case),
    pub(super) edit: fn(&mut Case),
    pub(super) outcome: &'static str,
}

const fn kind(name: &'static str, edit: fn(&mut Case), outcome: &'static str) -> Kind {
    Kind {
        name,
        before: |_| {},
        edit,
        outcome,
    }
}

const fn from(name: &'static str, before: fn(&mut Case), edit: fn(&mut Case), outcome: &'static str) -> Kind {
    Kind {
        name,
        before,
        edit,
        outcome,
    }
}

fn each(case: &mut Case, mut edit: impl FnMut(&mut Case, &str)) {
    for stage in STAGES {
        edit(case, stage);
    }
}

pub(super) fn kinds() -> Vec<Kind> {
    let mut kinds = tasks();
    kinds.extend(targets());
    kinds.extend(shared_for_both());
    kinds.extend(parameters());
    kinds.extend(services());
    kinds.extend(alarms());
    kinds.extend(outputs_and_scaling());
    kinds.extend(balancer_and_cluster());
    kinds.extend(network());
    kinds.extend(security_groups_and_logs());
    kinds.extend(order());
    kinds
}

fn tasks() -> Vec<Kind> {
    vec![
        kind(
            "image, both stages",
            |case| {
                each(case, |case, stage| {
                    drop(case.values.insert(format!("{stage}Image"), image('b')));
                });
            },
            "2, 3",
        ),
        kind(
            "image, Onebox only",
            |case| drop(case.values.insert("OneboxImage".to_owned(), image('b'))),
            "2",
        ),
        kind(
            "variable, Onebox only",
            |case| case.variable("Onebox", "A", &json!("1")),
            "2",
        ),
        kind(
            "variable, Fleet only",
            |case| case.variable("Fleet", "A", &json!("1")),
            "3",
        ),
        kind(
            "task role dropped",
            |case| {
                each(case, |case, stage| {
                    case.remove(&format!("/Resources/{stage}TaskDefinition/Properties/TaskRoleArn"));
                    case.remove(&format!("/Resources/{stage}TaskRole"));
                });
            },
            "2, 3",
        ),
        kind(
            "execution role: rights, in place",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}ExecutionRole"), "Policies", json!([]));
                });
            },
            "2, 3",
        ),
        kind(
            "role path (replaced)",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}TaskRole"), "Path", json!("/tasks/"));
                });
            },
            "2, 3",
        ),
        kind(
            "mapping dropped",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}TaskDefinition"), "Cpu", json!("1024"));
                });
                case.remove("/Mappings");
            },
            "2, 3",
        ),
    ]
}

fn targets() -> Vec<Kind> {
    vec![
        kind(
            "health check path",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}TargetGroup"), "HealthCheckPath", json!("/h"));
                });
            },
            "2, 3",
        ),
        kind(
            "deregistration delay",
            |case| {
                each(case, |case, stage| {
                    let attributes = format!("/Resources/{stage}TargetGroup/Properties/TargetGroupAttributes/0/Value");
                    case.set(&attributes, json!("60"));
                });
            },
            "2, 3",
        ),
        kind(
            "container port, group port constant",
            |case| each(case, move_port),
            "refused PORTS",
        ),
        kind(
            "container port, security groups replaced",
            |case| {
                each(case, |case, stage| {
                    move_port(case, stage);
                    case.property(
                        &format!("{stage}TaskSecurityGroup"),
                        "GroupDescription",
                        json!("port 9090"),
                    );
                });
            },
            "2, 3",
        ),
        kind(
            "target group port",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}TargetGroup"), "Port", json!(9090));
                });
            },
            "refused TARGETS",
        ),
        kind(
            "target group protocol version, Onebox only",
            |case| case.property("OneboxTargetGroup", "ProtocolVersion", json!("HTTP2")),
            "refused TARGETS",
        ),
        kind(
            "target group, logical id renamed, Onebox only",
            |case| case.rename("OneboxTargetGroup", "OneboxTargets"),
            "refused TARGETS",
        ),
        kind(
            "listener weights",
            |case| {
                let groups = "/Resources/Listener/Properties/DefaultActions/0/ForwardConfig/TargetGroups";
                case.set(&format!("{groups}/0/Weight"), json!(5));
                case.set(&format!("{groups}/1/Weight"), json!(95));
            },
            "1",
        ),
        kind(
            "listener rule, shared, new",
            |case| rule(case, "HealthRule", "Fleet", 9),
            "1",
        ),
        kind(
            "listener rule per stage, new",
            |case| {
                rule(case, "OneboxHealthRule", "Onebox", 9);
                rule(case, "FleetHealthRule", "Fleet", 10);
            },
            "2, 3",
        ),
        kind(
            "Onebox's rule becomes shared",
            |case| {
                case.remove("/Resources/OneboxListenerRule/Metadata");
                case.property("OneboxListenerRule", "Priority", json!(11));
            },
            "2",
        ),
    ]
}

fn move_port(case: &mut Case, stage: &str) {
    case.container(stage, "PortMappings", json!([{ "ContainerPort": 9090 }]));
    case.set(
        &format!("/Resources/{stage}Service/Properties/LoadBalancers/0/ContainerPort"),
        json!(9090),
    );
    let ingress = format!("/Resources/{stage}TaskSecurityGroup/Properties/SecurityGroupIngress/0");
    for port in ["FromPort", "ToPort"] {
        case.set(&format!("{ingress}/{port}"), json!(9090));
        case.property(&format!("{stage}LoadBalancerEgress"), port, json!(9090));
    }
}

fn rule(case: &mut Case, name: &str, stage: &str, priority: u32) {
    let actions = json!([{ "Type": "forward", "TargetGroupArn": { "Ref": format!("{stage}TargetGroup") } }]);
    case.resource(
        name,
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        &json!({ "Actions": actions, "Conditions": [], "ListenerArn": { "Ref": "Listener" }, "Priority": priority }),
    );
}

fn shared_for_both() -> Vec<Kind> {
    vec![
        kind(
            "log group, shared, new, both log there",
            |case| {
                case.resource("LogGroup", "AWS::Logs::LogGroup", &json!({ "LogGroupName": "/both" }));
                each(case, |case, stage| {
                    let options = "LogConfiguration/Options/awslogs-group";
                    case.container(stage, options, json!({ "Ref": "LogGroup" }));
                });
            },
            "1, 2, 3",
        ),
        kind(
            "role, shared, new, both take it",
            |case| {
                case.resource("TaskRole", "AWS::IAM::Role", &json!({ "AssumeRolePolicyDocument": {} }));
                each(case, |case, stage| {
                    let role = json!({ "Fn::GetAtt": ["TaskRole", "Arn"] });
                    case.property(&format!("{stage}TaskDefinition"), "TaskRoleArn", role);
                });
            },
            "1, 2, 3",
        ),
        kind(
            "security group, shared, second, both join it",
            |case| {
                let properties = json!({ "GroupDescription": "more", "VpcId": { "Ref": "Vpc" } });
                case.resource("MoreSecurityGroup", "AWS::EC2::SecurityGroup", &properties);
                each(case, |case, stage| {
                    let groups = "NetworkConfiguration/AwsvpcConfiguration/SecurityGroups";
                    let group = json!({ "Fn::GetAtt": ["MoreSecurityGroup", "GroupId"] });
                    case.push(&format!("/Resources/{stage}Service/Properties/{groups}"), group);
                });
            },
            "1, 2, 3",
        ),
        kind(
            "shared SSM parameter: value that both stages take by GetAtt",
            |case| case.property("Settings", "Value", json!("2")),
            "refused BOTH",
        ),
        kind(
            "Fleet after something new and shared",
            |case| {
                case.resource("Topic", "AWS::SNS::Topic", &json!({}));
                case.push("/Resources/FleetService/DependsOn", json!("Topic"));
            },
            "1",
        ),
    ]
}

fn parameters() -> Vec<Kind> {
    vec![
        kind(
            "parameter, shared: other value",
            |case| drop(case.values.insert("Level".to_owned(), "warn".to_owned())),
            "2, 3",
        ),
        kind(
            "parameter, shared: stricter, deployed value no longer allowed",
            |case| {
                case.set("/Parameters/Level/AllowedValues", json!(["warn", "error"]));
                case.values.insert("Level".to_owned(), "warn".to_owned());
            },
            "2, 3",
        ),
        from(
            "parameter, hidden (NoEcho): other value",
            |case| {
                case.set("/Parameters/Level/NoEcho", json!(true));
                case.values.insert("Level".to_owned(), "****".to_owned());
            },
            |case| drop(case.values.insert("Level".to_owned(), "secret".to_owned())),
            "refused NOECHO",
        ),
        kind(
            "parameters of images renamed",
            |case| {
                each(case, |case, stage| {
                    case.rename(&format!("{stage}Image"), &format!("{stage}Picture"));
                    let value = case.values.remove(&format!("{stage}Image")).expect("a value");
                    case.values.insert(format!("{stage}Picture"), value);
                });
            },
            "no step",
        ),
        kind(
            "condition, new, on a resource of each stage",
            |case| {
                case.set("/Conditions/Never", json!({ "Fn::Equals": ["a", "b"] }));
                each(case, |case, stage| {
                    case.set(&format!("/Resources/{stage}ScalingPolicy/Condition"), json!("Never"));
                });
            },
            "2, 3",
        ),
        kind(
            "condition: other meaning, used by both stages",
            |case| {
                case.set(
                    "/Conditions/Verbose",
                    json!({ "Fn::Equals": [{ "Ref": "Level" }, "info"] }),
                );
            },
            "2, 3",
        ),
        kind(
            "description, metadata and order of keys",
            |case| {
                case.set("/Description", json!("Another one."));
                case.set("/Resources/Vpc/Metadata", json!({ "Note": "another" }));
                case.set("/Parameters/Level/Description", json!("How much is logged."));
                let Value::Object(members) = case.template.take() else {
                    panic!("an object")
                };
                case.template = members.into_iter().rev().collect::<serde_json::Map<_, _>>().into();
            },
            "no step",
        ),
    ]
}

fn services() -> Vec<Kind> {
    vec![
        kind(
            "service: logical ids renamed, same ServiceName",
            |case| {
                each(case, |case, stage| {
                    case.rename(&format!("\"{stage}Service\""), &format!("\"{stage}EcsService\""));
                });
            },
            "refused SERVICE",
        ),
        kind(
            "service name, same logical id (replaced)",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}Service"), "ServiceName", json!(stage));
                });
            },
            "refused SERVICE",
        ),
        kind(
            "launch type (may replace the service)",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}Service"), "LaunchType", json!("EC2"));
                });
            },
            "refused SERVICE",
        ),
        kind(
            "bake time and circuit breaker",
            |case| {
                each(case, |case, stage| {
                    let configuration = format!("/Resources/{stage}Service/Properties/DeploymentConfiguration");
                    case.set(&format!("{configuration}/BakeTimeInMinutes"), json!(9));
                    case.set(
                        &format!("{configuration}/DeploymentCircuitBreaker/Rollback"),
                        json!(false),
                    );
                });
            },
            "2, 3",
        ),
    ]
}

fn alarms() -> Vec<Kind> {
    vec![
        kind(
            "alarm per stage, new, watched",
            |case| {
                each(case, |case, stage| {
                    case.alarm(&format!("{stage}NewAlarm"));
                    case.watch(&format!("{stage}Service"), &format!("{stage}NewAlarm"));
                });
            },
            "2, 3",
        ),
        kind(
            "alarm per stage dropped",
            |case| {
                each(case, |case, stage| {
                    let alarm = format!("{stage}ConnectionErrorAlarm");
                    case.unwatch("OneboxService", &alarm);
                    case.unwatch("FleetService", &alarm);
                    case.remove(&format!("/Resources/{alarm}"));
                });
            },
            "2, 3",
        ),
        kind(
            "alarm name, same logical id (replaced)",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}ServerErrorAlarm"), "AlarmName", json!(stage));
                });
            },
            "refused OTHER",
        ),
        kind(
            "alarm: logical id and name new",
            |case| {
                each(case, |case, stage| {
                    case.rename(&format!("{stage}ServerErrorAlarm"), &format!("{stage}FaultAlarm"));
                    case.property(&format!("{stage}FaultAlarm"), "AlarmName", json!(stage));
                });
            },
            "2, 3",
        ),
        kind(
            "shared alarm, watched by both: name (replaced)",
            |case| case.property("SharedErrorAlarm", "AlarmName", json!("other")),
            "refused BOTH",
        ),
        kind(
            "shared alarm, watched by both: threshold",
            |case| case.property("SharedErrorAlarm", "Threshold", json!(20)),
            "1",
        ),
        kind(
            "dashboard of new alarms of both stages",
            |case| {
                each(case, |case, stage| case.alarm(&format!("{stage}NewAlarm")));
                let body = json!({ "Fn::Sub": "${OneboxNewAlarm.Arn} ${FleetNewAlarm.Arn}" });
                case.property("Dashboard", "DashboardBody", body);
            },
            "2, 3",
        ),
        kind(
            "composite alarm over both stages' new alarms, watched by Onebox",
            |case| {
                each(case, |case, stage| case.alarm(&format!("{stage}NewAlarm")));
                let rule = json!({ "Fn::Sub": "ALARM(${OneboxNewAlarm}) OR ALARM(${FleetNewAlarm})" });
                case.resource(
                    "BothAlarm",
                    "AWS::CloudWatch::CompositeAlarm",
                    &json!({ "AlarmRule": rule }),
                );
                case.watch("OneboxService", "BothAlarm");
            },
            "refused CYCLE",
        ),
    ]
}

fn outputs_and_scaling() -> Vec<Kind> {
    vec![
        kind(
            "output of both stages' new resources, exported",
            |case| {
                each(case, |case, stage| {
                    let name = format!("{stage}Topic");
                    case.resource(&name, "AWS::SNS::Topic", &json!({}));
                });
                let value = json!({ "Fn::Sub": "${OneboxTopic} ${FleetTopic}" });
                case.set(
                    "/Outputs/Topics",
                    json!({ "Value": value, "Export": { "Name": "Topics" } }),
                );
            },
            "2, 3",
        ),
        kind("output dropped", |case| case.remove("/Outputs/ClusterName"), "3"),
        kind(
            "scaling bounds",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}ScalableTarget"), "MaxCapacity", json!(50));
                });
            },
            "2, 3",
        ),
        kind(
            "scaling policy: second one",
            |case| {
                each(case, |case, stage| {
                    let target = json!({ "Ref": format!("{stage}ScalableTarget") });
                    let properties = json!({ "PolicyName": "memory", "ScalingTargetId": target });
                    let name = format!("{stage}MemoryPolicy");
                    case.resource(&name, "AWS::ApplicationAutoScaling::ScalingPolicy", &properties);
                });
            },
            "2, 3",
        ),
    ]
}

fn balancer_and_cluster() -> Vec<Kind> {
    vec![
        kind(
            "load balancer idle timeout",
            |case| {
                case.set(
                    "/Resources/LoadBalancer/Properties/LoadBalancerAttributes/0/Value",
                    json!("90"),
                );
            },
            "1",
        ),
        kind(
            "load balancer: logical id new (with listener)",
            |case| {
                case.rename("\"LoadBalancer\":{", "\"NewBalancer\":{");
                case.rename("{\"Ref\":\"LoadBalancer\"}", "{\"Ref\":\"NewBalancer\"}");
                case.rename("[\"LoadBalancer\",", "[\"NewBalancer\",");
                case.rename("${LoadBalancer.", "${NewBalancer.");
                case.rename("\"Listener\"", "\"NewListener\"");
            },
            "refused TARGETS",
        ),
        kind(
            "cluster name (replaced)",
            |case| case.property("Cluster", "ClusterName", json!("other")),
            "refused BOTH",
        ),
        kind(
            "cluster settings",
            |case| {
                let settings = json!([{ "Name": "containerInsights", "Value": "disabled" }]);
                case.property("Cluster", "ClusterSettings", settings);
            },
            "1",
        ),
    ]
}

fn network() -> Vec<Kind> {
    vec![
        kind(
            "private subnet range (replaced)",
            |case| case.property("PrivateSubnet1", "CidrBlock", json!("10.0.64.0/20")),
            "refused BOTH",
        ),
        kind(
            "private subnets under new logical ids, new ranges",
            |case| {
                for number in 1..=3 {
                    case.rename(&format!("PrivateSubnet{number}"), &format!("InnerSubnet{number}"));
                    case.rename(
                        &format!("PrivateSubnetRouting{number}"),
                        &format!("InnerSubnetRouting{number}"),
                    );
                    let range = json!(format!("10.0.{}.0/20", 48 + 16 * number));
                    case.property(&format!("InnerSubnet{number}"), "CidrBlock", range);
                }
            },
            "1, 2, 3",
        ),
        kind(
            "subnet for tasks dropped",
            |case| {
                each(case, |case, stage| {
                    let subnets = "NetworkConfiguration/AwsvpcConfiguration/Subnets";
                    let left = json!([{ "Ref": "PrivateSubnet1" }, { "Ref": "PrivateSubnet2" }]);
                    case.set(&format!("/Resources/{stage}Service/Properties/{subnets}"), left);
                    let after = case.at(&format!("/Resources/{stage}Service/DependsOn"));
                    after
                        .as_array_mut()
                        .expect("a list")
                        .retain(|name| name != "PrivateSubnetRouting3");
                });
                case.remove("/Resources/PrivateSubnet3");
                case.remove("/Resources/PrivateSubnetRouting3");
            },
            "2, 3",
        ),
        kind(
            "endpoint of the network dropped that nothing names",
            |case| case.remove("/Resources/LogsEndpoint"),
            "3",
        ),
        kind(
            NAT_GATEWAYS,
            |case| {
                for number in 2..=3 {
                    case.remove(&format!("/Resources/NatGateway{number}"));
                    case.remove(&format!("/Resources/NatAddress{number}"));
                    case.property(
                        &format!("PrivateRoute{number}"),
                        "NatGatewayId",
                        json!({ "Ref": "NatGateway1" }),
                    );
                }
            },
            "1, 3",
        ),
    ]
}

fn security_groups_and_logs() -> Vec<Kind> {
    vec![
        kind(
            "task security group: rule more, in place",
            |case| {
                each(case, |case, stage| {
                    let rules = format!("/Resources/{stage}TaskSecurityGroup/Properties/SecurityGroupEgress");
                    let rule = json!({ "CidrIp": "10.0.0.0/16", "FromPort": 53, "IpProtocol": "udp", "ToPort": 53 });
                    case.push(&rules, rule);
                });
            },
            "2, 3",
        ),
        kind(
            "task security group under a new logical id",
            |case| {
                each(case, |case, stage| {
                    case.rename(&format!("{stage}TaskSecurityGroup"), &format!("{stage}TasksGroup"));
                });
            },
            "2, 3",
        ),
        kind(
            "log groups under new logical ids and names",
            |case| {
                each(case, |case, stage| {
                    case.rename(&format!("{stage}LogGroup"), &format!("{stage}Logs"));
                    case.property(&format!("{stage}Logs"), "LogGroupName", json!(format!("/new/{stage}")));
                });
            },
            "2, 3",
        ),
        kind(
            "log retention",
            |case| {
                each(case, |case, stage| {
                    case.property(&format!("{stage}LogGroup"), "RetentionInDays", json!(30));
                });
            },
            "2, 3",
        ),
    ]
}

fn order() -> Vec<Kind> {
    vec![
        kind(
            "new shared thing that needs Fleet's new one, and Onebox needs it",
            |case| {
                case.resource("FleetTopic", "AWS::SNS::Topic", &json!({}));
                let name = json!({ "Fn::Sub": "${FleetTopic.TopicName}-copy" });
                case.resource("CopyTopic", "AWS::SNS::Topic", &json!({ "TopicName": name }));
                case.variable("Onebox", "TOPIC", &json!({ "Ref": "CopyTopic" }));
            },
            "refused CYCLE",
        ),
        kind(
            "Onebox names Fleet's new resource",
            |case| {
                case.resource("FleetTopic", "AWS::SNS::Topic", &json!({}));
                case.variable("Onebox", "TOPIC", &json!({ "Ref": "FleetTopic" }));
            },
            "refused CYCLE",
        ),
    ]
}

const NAT_GATEWAYS: &str = "NAT gateways and their addresses: one instead of three";

#[test]
fn every_kind_has_its_outcome_in_production() {
    check(&Case::base(), &kinds());
}

#[test]
fn every_kind_has_its_outcome_in_the_sandbox() {
    let mut kinds = kinds();
    kinds.retain(|kind| kind.name != NAT_GATEWAYS);
    check(&Case::sandbox(), &kinds);
}

fn check(base: &Case, kinds: &[Kind]) {
    let mut wrong = Vec::new();
    for kind in kinds {
        let mut before = base.clone();
        (kind.before)(&mut before);
        let mut after = before.clone();
        (kind.edit)(&mut after);
        let result = plan_of(&before, &after);
        let got = outcome(&result);
        if got != kind.outcome {
            let why = result.map_or_else(
                |refusals| {
                    refusals
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("\n    ")
                },
                |plan| format!("{:?}", plan.steps.iter().map(|step| &step.changes).collect::<Vec<_>>()),
            );
            wrong.push(format!("{}: {got}, not {}\n    {why}", kind.name, kind.outcome));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
