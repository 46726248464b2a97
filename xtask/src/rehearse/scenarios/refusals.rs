//! Changes that can't be staged in one release: each refused before anything changes, with the way out.

use super::super::scenario::{Edit, Expectation, NOTHING, QUICK, Scenario, Step};

const DEPLOY: Step = Step::Run(&["deploy", "sandbox", "--templates", "{templates}"]);

const fn edited(edits: &'static [Edit<'static>]) -> Step {
    Step::Edit(edits)
}

pub(super) const SCENARIO: Scenario = Scenario {
    name: "refusals",
    change: "a replaced target group, a replaced subnet, a renamed alarm, Onebox needing Fleet's new log group",
    promise: "each refused before any change, with the way out",
    steps: &[
        edited(&[Edit {
            pointer: "/Resources/OneboxTargetGroup/Properties/Port",
            value: "8081",
        }]),
        DEPLOY,
        edited(&[Edit {
            pointer: "/Resources/PrivateSubnet1/Properties/CidrBlock",
            value: r#""10.0.200.0/24""#,
        }]),
        DEPLOY,
        edited(&[Edit {
            pointer: "/Resources/OneboxResponseTimeAlarm/Properties/AlarmName",
            value: r#""OneBoxDeploymentOnECS-Sandbox-Onebox-Slow""#,
        }]),
        DEPLOY,
        edited(&[
            Edit {
                pointer: "/Resources/+FleetAuditLogGroup",
                value: r#"{"Type": "AWS::Logs::LogGroup", "Metadata": {"Stage": "Fleet"}, "Properties": {"RetentionInDays": 7}}"#,
            },
            Edit {
                pointer: "/Resources/OneboxTaskDefinition/Properties/ContainerDefinitions/0/Environment/-",
                value: r#"{"Name": "AUDIT", "Value": {"Ref": "FleetAuditLogGroup"}}"#,
            },
        ]),
        DEPLOY,
    ],
    expected: Expectation {
        exits: &[3, 3, 3, 3],
        says: &["E-NOT-STAGEABLE", "TARGETS", "BOTH", "OTHER", "CYCLE"],
        ..NOTHING
    },
    ..QUICK
};
