//! What the data plane is told: listeners, rules and target groups as Elastic Load Balancing's records have them.

use std::collections::BTreeMap;
use std::time::Duration;

use balancer::{
    Action, Algorithm, Attributes, Condition, FixedResponse, HealthCheck, ListenerId, ListenerPlan, Plan, Redirect,
    TargetGroupId, TargetGroupPlan, TargetId, XForwardedFor,
};
use serde_json::{Value, json};

use super::{Elb, Listener, TargetGroup};
use crate::properties::{list, number, pairs, text, texts};
use crate::speed::Speed;
use crate::values;

/// The whole plan; every wait of AWS's is scaled, no limit of a request is.
pub(crate) fn plan(elb: &Elb, speed: Speed) -> Plan {
    let listeners = elb
        .listeners
        .iter()
        .map(|(arn, listener)| (ListenerId::from(arn), listener_plan(elb, arn, listener)));
    let groups = elb
        .target_groups
        .iter()
        .map(|(arn, group)| (TargetGroupId::from(arn), target_group_plan(group, speed)));
    Plan {
        listeners: listeners.collect(),
        target_groups: groups.collect(),
    }
}

fn listener_plan(elb: &Elb, arn: &str, listener: &Listener) -> ListenerPlan {
    let load_balancer = elb.load_balancers.get(&listener.load_balancer_arn);
    let attributes = load_balancer
        .map(|owner| pairs(&owner.properties, "LoadBalancerAttributes", "Key"))
        .unwrap_or_default();
    let rules = elb
        .rules
        .values()
        .filter(|rule| rule.listener_arn == arn)
        .map(|rule| balancer::Rule {
            priority: rule.priority,
            conditions: list(&rule.properties, "Conditions")
                .iter()
                .filter_map(condition)
                .collect(),
            action: action(&rule.properties["Actions"]),
        });
    ListenerPlan {
        attributes: listener_attributes(&attributes),
        rules: rules.collect(),
        default_action: action(&listener.properties["DefaultActions"]),
    }
}

fn listener_attributes(attributes: &BTreeMap<String, String>) -> Attributes {
    let defaults = Attributes::default();
    let seconds = |name: &str, default: Duration| {
        attributes
            .get(name)
            .and_then(|value| value.parse().ok())
            .map_or(default, Duration::from_secs)
    };
    Attributes {
        idle_timeout: seconds("idle_timeout.timeout_seconds", defaults.idle_timeout),
        client_keep_alive: seconds("client_keep_alive.seconds", defaults.client_keep_alive),
        drop_invalid_header_fields: attributes
            .get("routing.http.drop_invalid_header_fields.enabled")
            .is_some_and(|value| value == "true"),
        x_forwarded_for: match attributes
            .get("routing.http.xff_header_processing.mode")
            .map(String::as_str)
        {
            Some("preserve") => XForwardedFor::Preserve,
            Some("remove") => XForwardedFor::Remove,
            _ => XForwardedFor::Append,
        },
    }
}

fn target_group_plan(group: &TargetGroup, speed: Speed) -> TargetGroupPlan {
    let attributes = pairs(&group.properties, "TargetGroupAttributes", "Key");
    let delay = attributes
        .get("deregistration_delay.timeout_seconds")
        .and_then(|value| value.parse().ok());
    // 300 s unless the attribute is set:
    // <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
    let delay = Duration::from_secs(delay.unwrap_or(300));
    let check = health_check(&group.properties);
    let registered = group.targets.iter().filter(|(_, target)| target.registered);
    TargetGroupPlan {
        health_check: HealthCheck {
            enabled: true,
            port: check.port,
            interval: speed.scale(check.interval),
            timeout: check.timeout,
            healthy_threshold: check.healthy_threshold,
            unhealthy_threshold: check.unhealthy_threshold,
            matcher: check.matcher.parse().unwrap_or_default(),
            path: check.path,
        },
        deregistration_delay: speed.scale(delay),
        drain_limit: delay,
        algorithm: match attributes.get("load_balancing.algorithm.type").map(String::as_str) {
            Some("least_outstanding_requests") => Algorithm::LeastOutstandingRequests,
            Some("weighted_random") => Algorithm::WeightedRandom,
            _ => Algorithm::RoundRobin,
        },
        targets: registered
            .map(|(id, target)| (TargetId::from(id), target.local_address))
            .collect(),
    }
}

/// A target group's health check as its properties have it, defaults filled in.
pub(super) struct Check {
    pub(super) path: String,
    pub(super) port: Option<u16>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) healthy_threshold: u32,
    pub(super) unhealthy_threshold: u32,
    pub(super) matcher: String,
}

/// The defaults are those of HTTP target groups with targets by address:
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
pub(super) fn health_check(properties: &Value) -> Check {
    let figure = |name: &str, default: u32| {
        let figure = number(properties, name)
            .ok()
            .flatten()
            .and_then(|figure| u32::try_from(figure).ok());
        figure.unwrap_or(default)
    };
    let matcher = properties.get("Matcher").and_then(|matcher| text(matcher, "HttpCode"));
    Check {
        path: text(properties, "HealthCheckPath").unwrap_or_else(|| "/".to_owned()),
        port: text(properties, "HealthCheckPort").and_then(|port| port.parse().ok()),
        interval: Duration::from_secs(figure("HealthCheckIntervalSeconds", 30).into()),
        timeout: Duration::from_secs(figure("HealthCheckTimeoutSeconds", 5).into()),
        healthy_threshold: figure("HealthyThresholdCount", 5),
        unhealthy_threshold: figure("UnhealthyThresholdCount", 2),
        matcher: matcher.unwrap_or_else(|| "200".to_owned()),
    }
}

/// The target groups that a list of actions forwards to, with their weights.
pub(super) fn forwarded_groups(actions: &Value) -> Vec<(String, u16)> {
    let actions = actions.as_array().map_or(&[][..], Vec::as_slice);
    actions
        .iter()
        .filter(|action| action["Type"] == "forward")
        .flat_map(groups_of)
        .collect()
}

fn groups_of(action: &Value) -> Vec<(String, u16)> {
    let weighted = list(&action["ForwardConfig"], "TargetGroups")
        .iter()
        .filter_map(|group| {
            let weight = number(group, "Weight")
                .ok()
                .flatten()
                .map_or(Some(1), |weight| u16::try_from(weight).ok());
            Some((text(group, "TargetGroupArn")?, weight?))
        });
    let weighted = weighted.collect::<Vec<_>>();
    let single = text(action, "TargetGroupArn").filter(|_| weighted.is_empty());
    weighted.into_iter().chain(single.map(|arn| (arn, 1))).collect()
}

fn action(actions: &Value) -> Action {
    let Some(action) = actions.as_array().and_then(|actions| actions.last()) else {
        return Action::Forward(Vec::new());
    };
    match action["Type"].as_str() {
        Some("fixed-response") => fixed_response(&action["FixedResponseConfig"]),
        Some("redirect") => redirect(&action["RedirectConfig"]),
        _ => Action::Forward(
            forwarded_groups(&json!([action]))
                .into_iter()
                .map(|(arn, weight)| (TargetGroupId::from(arn), weight))
                .collect(),
        ),
    }
}

fn fixed_response(config: &Value) -> Action {
    Action::FixedResponse(FixedResponse {
        status_code: text(config, "StatusCode")
            .and_then(|code| code.parse().ok())
            .unwrap_or(503),
        content_type: text(config, "ContentType"),
        message_body: text(config, "MessageBody"),
    })
}

fn redirect(config: &Value) -> Action {
    let defaults = Redirect::default();
    Action::Redirect(Redirect {
        status_code: if config["StatusCode"] == "HTTP_301" { 301 } else { 302 },
        protocol: text(config, "Protocol").unwrap_or(defaults.protocol),
        host: text(config, "Host").unwrap_or(defaults.host),
        port: text(config, "Port").unwrap_or(defaults.port),
        path: text(config, "Path").unwrap_or(defaults.path),
        query: text(config, "Query").unwrap_or(defaults.query),
    })
}

fn condition(condition: &Value) -> Option<Condition> {
    let values = |config: &str| {
        let nested = texts(&condition[config], "Values");
        if nested.is_empty() {
            texts(condition, "Values")
        } else {
            nested
        }
    };
    match condition["Field"].as_str()? {
        "http-header" => {
            let name = text(&condition["HttpHeaderConfig"], "HttpHeaderName")?;
            Some(Condition::HttpHeader {
                name,
                values: texts(&condition["HttpHeaderConfig"], "Values"),
            })
        }
        "path-pattern" => Some(Condition::PathPattern(values("PathPatternConfig"))),
        "host-header" => Some(Condition::HostHeader(values("HostHeaderConfig"))),
        "http-request-method" => Some(Condition::HttpRequestMethod(values("HttpRequestMethodConfig"))),
        "source-ip" => Some(Condition::SourceIp(
            values("SourceIpConfig")
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
        )),
        "query-string" => {
            let pairs = list(&condition["QueryStringConfig"], "Values").iter();
            Some(Condition::QueryString(
                pairs
                    .filter_map(|pair| Some((text(pair, "Key"), text(pair, "Value")?)))
                    .collect(),
            ))
        }
        _ => None,
    }
}

/// Actions that the data plane can't do.
pub(super) fn check_actions(properties: &Value, name: &str) -> Vec<String> {
    let several = list(properties, name).len() > 1;
    let several = several.then(|| format!("{name}: the local cloud supports one action, which answers the request"));
    let actions = list(properties, name)
        .iter()
        .enumerate()
        .filter(|(_, action)| !provisioner::is_unresolved(action) && !provisioner::is_unresolved(&action["Type"]));
    let unknown = actions
        .filter(|(_, action)| !matches!(action["Type"].as_str(), Some("forward" | "fixed-response" | "redirect")));
    unknown
        .map(|(index, action)| {
            format!(
                "{name}/{index}/Type: the local cloud supports only forward, fixed-response and redirect, not {}",
                action["Type"]
            )
        })
        .chain(several)
        .chain(values::each(properties, name, check_action))
        .collect()
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html>
fn check_action(action: &Value) -> Vec<String> {
    let weights = values::each(&action["ForwardConfig"], "TargetGroups", |group| {
        values::range(group, "Weight", 0..=999)
    });
    let mut faults = values::below("ForwardConfig", weights);
    let fixed = values::passes(
        &action["FixedResponseConfig"],
        "StatusCode",
        "a code 2XX, 4XX or 5XX",
        |code| code.parse().is_ok_and(|code: u16| matches!(code / 100, 2 | 4 | 5)),
    );
    faults.extend(values::below("FixedResponseConfig", fixed));
    let redirect = values::passes(
        &action["RedirectConfig"],
        "StatusCode",
        "HTTP_301 or HTTP_302",
        |code| matches!(code, "HTTP_301" | "HTTP_302"),
    );
    faults.extend(values::below("RedirectConfig", redirect));
    faults
}

/// Conditions that the data plane can't test.
pub(super) fn check_conditions(properties: &Value) -> Vec<String> {
    let conditions = list(properties, "Conditions").iter().enumerate();
    let unknown = conditions.filter(|(_, given)| !provisioner::is_unresolved(given) && condition(given).is_none());
    unknown
        .map(|(index, given)| {
            format!(
                "Conditions/{index}/Field: not a condition of listener rules: {}",
                given["Field"]
            )
        })
        .chain(values::each(properties, "Conditions", check_source))
        .collect()
}

fn check_source(condition: &Value) -> Vec<String> {
    if condition["Field"] != "source-ip" {
        return Vec::new();
    }
    let networks = texts(&condition["SourceIpConfig"], "Values").into_iter();
    let networks = networks.chain(texts(condition, "Values"));
    // `condition` passes over what it can't read, so each is looked at here.
    let unread = networks.filter(|network| network.parse::<balancer::Cidr>().is_err());
    unread
        .map(|network| format!("SourceIpConfig/Values: must be networks such as 10.0.0.0/8, not {network}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_group_or_several_weighted_ones() {
        let several = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": "onebox", "Weight": 1}, {"TargetGroupArn": "fleet", "Weight": "99"}]}}]);
        assert_eq!(
            forwarded_groups(&several),
            [("onebox".to_owned(), 1), ("fleet".to_owned(), 99)]
        );
        assert_eq!(
            forwarded_groups(&json!([{"Type": "forward", "TargetGroupArn": "only"}])),
            [("only".to_owned(), 1)]
        );
        assert_eq!(forwarded_groups(&json!([{"Type": "fixed-response"}])), []);
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        let properties =
            json!({"DefaultActions": [{"Type": "authenticate-oidc"}], "Conditions": [{"Field": "phase-of-moon"}]});
        assert_eq!(check_actions(&properties, "DefaultActions").len(), 1);
        assert_eq!(check_conditions(&properties).len(), 1);
    }
}
