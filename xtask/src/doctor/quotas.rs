//! The quotas that an environment's service stack would meet in an account, by what its template says.
//!
//! What the account uses of a quota already isn't known; so this tells when an environment wouldn't fit into an account of
//! its own, and how much of the quota it takes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Finding, Verdict};
use crate::aws::Aws;

/// A quota, and how much of it a template takes.
struct Quota {
    /// What it is called here.
    name: &'static str,
    /// The service's code in Service Quotas.
    service: &'static str,
    /// The quota's code.
    code: &'static str,
    /// How much of it a template takes.
    need: fn(&Value) -> f64,
}

/// The codes are those that AWS's own pages link to, each beside the quota's name:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html> for VPCs, Elastic IPs and NAT gateways (its
/// text with the links: <https://github.com/awsdocs/amazon-vpc-user-guide/blob/main/doc_source/amazon-vpc-limits.md>),
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html> for load balancers and
/// target groups. That of Fargate is in what `aws service-quotas list-aws-default-service-quotas` gives:
/// <https://github.com/gruntwork-io/terraform-aws-utilities/blob/main/docs/quotas.md>.
const QUOTAS: [Quota; 6] = [
    // "Fargate On-Demand vCPU resource count".
    Quota {
        name: "Fargate vCPUs",
        service: "fargate",
        code: "L-3032A538",
        need: processors,
    },
    // "VPCs per Region".
    Quota {
        name: "VPCs",
        service: "vpc",
        code: "L-F678F1CE",
        need: |template| count(template, "AWS::EC2::VPC"),
    },
    // "EC2-VPC Elastic IPs".
    Quota {
        name: "Elastic IPs",
        service: "ec2",
        code: "L-0263D0A3",
        need: |template| count(template, "AWS::EC2::EIP"),
    },
    // "NAT gateways per Availability Zone".
    Quota {
        name: "NAT gateways in a zone",
        service: "vpc",
        code: "L-FE5A380F",
        need: gateways_in_a_zone,
    },
    // "Application Load Balancers per Region".
    Quota {
        name: "load balancers",
        service: "elasticloadbalancing",
        code: "L-53DA6B97",
        need: |template| count(template, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    },
    // "Target Groups per Region".
    Quota {
        name: "target groups",
        service: "elasticloadbalancing",
        code: "L-B22855CB",
        need: |template| count(template, "AWS::ElasticLoadBalancingV2::TargetGroup"),
    },
];

/// Asks for each quota and compares it with what the largest environment needs.
pub(super) async fn look(aws: &Aws) -> Vec<Finding> {
    let environments = [stacks::Environment::Sandbox, stacks::Environment::Production];
    let templates: Vec<Value> = environments
        .map(|environment| stacks::service(environment).template)
        .iter()
        .filter_map(|template| serde_json::from_str(template).ok())
        .collect();
    let mut findings = Vec::new();
    for quota in &QUOTAS {
        let need = templates.iter().map(quota.need).fold(0.0, f64::max);
        findings.push(finding(quota, need, aws.quota(quota.service, quota.code).await));
    }
    folded(findings)
}

/// Where no quota can be looked at, as there is no right to or the endpoint has none, one line says so for all.
fn folded(findings: Vec<Finding>) -> Vec<Finding> {
    match findings.first() {
        Some(first) if findings.iter().all(|finding| finding.verdict == Verdict::NotChecked) => {
            vec![Finding::not_checked("quotas", first.found.clone())]
        }
        _ => findings,
    }
}

fn finding(quota: &Quota, need: f64, allowed: anyhow::Result<f64>) -> Finding {
    let name = quota.name;
    match allowed {
        Err(error) => Finding::not_checked(name, format!("{error:#}")),
        Ok(allowed) if allowed < need => Finding::failing(
            name,
            format!("the account may have {allowed}, and an environment needs {need}"),
            format!(
                "ask for more: `aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value {}`",
                quota.service,
                quota.code,
                need.ceil()
            ),
        ),
        Ok(allowed) => Finding::fine(
            name,
            format!("an environment needs {need} of the account's {allowed}; what else uses them isn't known"),
        ),
    }
}

fn resources<'a>(template: &'a Value, resource_type: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let all = template["Resources"].as_object().into_iter().flatten();
    all.filter(move |(_, resource)| resource["Type"] == resource_type)
}

#[expect(clippy::cast_precision_loss, reason = "a template has at most 500 resources")]
fn count(template: &Value, resource_type: &str) -> f64 {
    resources(template, resource_type).count() as f64
}

/// The most NAT gateways of any zone, which is that of a gateway's subnet.
fn gateways_in_a_zone(template: &Value) -> f64 {
    let mut by_zone: BTreeMap<String, f64> = BTreeMap::new();
    for (_, gateway) in resources(template, "AWS::EC2::NatGateway") {
        let subnet = gateway["Properties"]["SubnetId"]["Ref"].as_str().unwrap_or_default();
        let zone = &template["Resources"][subnet]["Properties"]["AvailabilityZone"];
        *by_zone.entry(zone.to_string()).or_default() += 1.0;
    }
    by_zone.into_values().fold(0.0, f64::max)
}

/// The vCPUs of all tasks at their least count, and of those that a deployment starts beside them: services are deployed
/// one after the other, so that is the most of any.
fn processors(template: &Value) -> f64 {
    let (mut all, mut beside) = (0.0, 0.0_f64);
    for (logical_id, service) in resources(template, "AWS::ECS::Service") {
        let service_properties = &service["Properties"];
        let definition = service_properties["TaskDefinition"]["Ref"].as_str().unwrap_or_default();
        // 1,024 units are a vCPU.
        let units = number(&template["Resources"][definition]["Properties"]["Cpu"]).unwrap_or(0.0);
        let minimum = resources(template, "AWS::ApplicationAutoScaling::ScalableTarget")
            .find(|(_, target)| waits_for(target, logical_id))
            .and_then(|(_, target)| number(&target["Properties"]["MinCapacity"]));
        let tasks = minimum
            .or_else(|| number(&service_properties["DesiredCount"]))
            .unwrap_or(1.0);
        let percent = number(&service_properties["DeploymentConfiguration"]["MaximumPercent"]).unwrap_or(200.0);
        let processors = tasks * units / 1024.0;
        all += processors;
        beside = beside.max(processors * (percent - 100.0) / 100.0);
    }
    all + beside
}

fn waits_for(target: &Value, logical_id: &str) -> bool {
    let depends = target["DependsOn"].as_array().into_iter().flatten();
    depends.into_iter().any(|name| name == logical_id)
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_that_cannot_be_looked_at_are_one_line() {
        let unknown = |name| Finding::not_checked(name, "no right");
        let fine = Finding::fine("VPCs", "enough");
        assert_eq!(folded(vec![unknown("a"), unknown("b")]), [unknown("quotas")]);
        assert_eq!(folded(vec![unknown("a"), fine.clone()]), [unknown("a"), fine]);
    }

    #[test]
    fn what_an_environment_needs() {
        let template = stacks::service(stacks::Environment::Production).template;
        let template: Value = serde_json::from_str(&template).unwrap();
        let needs: Vec<_> = QUOTAS
            .iter()
            .map(|quota| (quota.name, (quota.need)(&template)))
            .collect();
        // 13 tasks of half a vCPU, and Fleet's 10 once more while it is deployed.
        let expected = [
            ("Fargate vCPUs", 11.5),
            ("VPCs", 1.0),
            ("Elastic IPs", 3.0),
            ("NAT gateways in a zone", 1.0),
            ("load balancers", 1.0),
            ("target groups", 2.0),
        ];
        assert_eq!(needs, expected);
    }

    #[test]
    fn a_quota_that_is_too_small_names_the_request_for_more() {
        let finding = |allowed| finding(&QUOTAS[0], 11.5, allowed);
        assert_eq!(finding(Ok(12.0)).verdict, Verdict::Fine);
        assert_eq!(finding(Err(anyhow::anyhow!("no"))).verdict, Verdict::NotChecked);
        let failing = finding(Ok(6.0));
        assert_eq!(failing.verdict, Verdict::Failing);
        insta::assert_snapshot!(failing.fix[0], @"ask for more: `aws service-quotas request-service-quota-increase --service-code fargate --quota-code L-3032A538 --desired-value 12`");
    }
}
