//! Values that the local cloud can honour: whatever it would have to guess at or to pass over is refused, by its name.
//!
//! Each check gives one line a fault and accepts what isn't resolved yet; it is asked again once it is.

use std::ops::RangeInclusive;

use serde_json::Value;

use crate::properties::{boolean, list, number, text};

/// A whole number within a range.
pub(crate) fn range(properties: &Value, name: &str, range: RangeInclusive<u64>) -> Vec<String> {
    let fits = || matches!(number(properties, name), Ok(Some(figure)) if range.contains(&figure));
    let expected = || format!("a whole number from {} to {}", range.start(), range.end());
    refuse(properties, name, fits, expected)
}

/// True or false.
pub(crate) fn flag(properties: &Value, name: &str) -> Vec<String> {
    let fits = || boolean(properties, name).is_some();
    refuse(properties, name, fits, || "true or false".to_owned())
}

/// A text that passes a test of its own.
pub(crate) fn passes(properties: &Value, name: &str, expected: &str, test: impl Fn(&str) -> bool) -> Vec<String> {
    let fits = || text(properties, name).is_some_and(|text| test(&text));
    refuse(properties, name, fits, || expected.to_owned())
}

/// A name of ASCII letters, digits and some others: it becomes part of ARNs, which are taken apart again.
pub(crate) fn name(properties: &Value, name: &str, longest: usize, others: &str) -> Vec<String> {
    let expected = format!("1 to {longest} letters, digits and {others}");
    passes(properties, name, &expected, |text| {
        let fits = |character: char| character.is_ascii_alphanumeric() || others.contains(character);
        (1..=longest).contains(&text.len()) && text.chars().all(fits)
    })
}

/// The same faults, of what lies below a property.
pub(crate) fn below(path: &str, faults: Vec<String>) -> Vec<String> {
    faults.into_iter().map(|fault| format!("{path}/{fault}")).collect()
}

/// Faults of each element of a list, with its place.
pub(crate) fn each(properties: &Value, name: &str, check: impl Fn(&Value) -> Vec<String>) -> Vec<String> {
    let elements = list(properties, name).iter().enumerate();
    let faults = elements.filter(|(_, element)| !provisioner::is_unresolved(element));
    faults
        .flat_map(|(index, element)| below(&format!("{name}/{index}"), check(element)))
        .collect()
}

/// What an attribute of a load balancer or a target group may be.
pub(crate) enum Attribute {
    /// A whole number.
    Range(RangeInclusive<u64>),
    /// One of some words.
    Words(&'static [&'static str]),
}

/// Faults of `[{"Key": …, "Value": …}]`, where a key has its own values.
pub(crate) fn attributes(properties: &Value, name: &str, known: &[(&str, Attribute)]) -> Vec<String> {
    each(properties, name, |pair| {
        let Some((key, expected)) = known.iter().find(|(key, _)| pair["Key"] == **key) else {
            return Vec::new();
        };
        let faults = match expected {
            Attribute::Range(figures) => range(pair, "Value", figures.clone()),
            Attribute::Words(words) => passes(pair, "Value", &format!("one of {}", words.join(", ")), |word| {
                words.contains(&word)
            }),
        };
        below(key, faults)
    })
}

fn refuse(properties: &Value, name: &str, fits: impl Fn() -> bool, expected: impl Fn() -> String) -> Vec<String> {
    match properties.get(name) {
        Some(value) if !provisioner::is_unresolved(value) && !fits() => {
            vec![format!("{name}: must be {}, not {value}", expected())]
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::provider::kind;
    use provisioner::ResourceType;

    /// The properties are refused in one line that begins so; with `good` in place of `bad` they are not.
    fn check(type_name: &str, properties: &str, bad: &str, good: &str, expected: &str) {
        let faults = |value: &str| {
            let properties = properties.replace('?', value).replace('\'', "\"");
            let properties = serde_json::from_str(&properties).unwrap();
            kind(type_name).unwrap().check(&properties).err().unwrap_or_default()
        };
        assert_eq!(faults(good), [""; 0], "{type_name} {properties} {good}");
        assert_eq!(
            faults("{'Ref': 'Later'}"),
            [""; 0],
            "{type_name} {properties} unresolved"
        );
        let found = faults(bad);
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{type_name} {bad}: {found:?}"
        );
    }

    #[test]
    fn values_that_could_only_be_passed_over_are_refused() {
        let group = "AWS::ElasticLoadBalancingV2::TargetGroup";
        check(
            group,
            "{'HealthCheckIntervalSeconds': ?}",
            "301",
            "300",
            "HealthCheckIntervalSeconds: must be a whole",
        );
        check(
            group,
            "{'HealthyThresholdCount': ?}",
            "'two'",
            "'2'",
            "HealthyThresholdCount",
        );
        check(
            group,
            "{'HealthCheckPort': ?}",
            "'http'",
            "'traffic-port'",
            "HealthCheckPort",
        );
        check(
            group,
            "{'Matcher': {'HttpCode': ?}}",
            "'ok'",
            "'200-299'",
            "Matcher/HttpCode",
        );
        let delay = "{'TargetGroupAttributes': [{'Key': 'deregistration_delay.timeout_seconds', 'Value': ?}]}";
        check(
            group,
            delay,
            "'18446744073709551615'",
            "'5'",
            "TargetGroupAttributes/0/deregistration_delay",
        );
        let algorithm = "{'TargetGroupAttributes': [{'Key': 'load_balancing.algorithm.type', 'Value': ?}]}";
        check(
            group,
            algorithm,
            "'best'",
            "'round_robin'",
            "TargetGroupAttributes/0/load_balancing",
        );

        let balancer = "AWS::ElasticLoadBalancingV2::LoadBalancer";
        let idle = "{'LoadBalancerAttributes': [{'Key': 'idle_timeout.timeout_seconds', 'Value': ?}]}";
        check(
            balancer,
            idle,
            "'long'",
            "'60'",
            "LoadBalancerAttributes/0/idle_timeout",
        );

        check(balancer, "{'Name': ?}", "'a/b'", "'a-b'", "Name");

        let listener = "AWS::ElasticLoadBalancingV2::Listener";
        let weight = "{'DefaultActions': [{'Type': 'forward', 'ForwardConfig': {'TargetGroups': [{'TargetGroupArn': 'a', 'Weight': ?}]}}]}";
        check(
            listener,
            weight,
            "1000",
            "999",
            "DefaultActions/0/ForwardConfig/TargetGroups/0/Weight",
        );
        let fixed = "{'DefaultActions': [{'Type': 'fixed-response', 'FixedResponseConfig': {'StatusCode': ?}}]}";
        check(
            listener,
            fixed,
            "'302'",
            "'503'",
            "DefaultActions/0/FixedResponseConfig/StatusCode",
        );
        let redirect = "{'DefaultActions': [{'Type': 'redirect', 'RedirectConfig': {'StatusCode': ?}}]}";
        check(
            listener,
            redirect,
            "'HTTP_307'",
            "'HTTP_301'",
            "DefaultActions/0/RedirectConfig/StatusCode",
        );
        let rule = "AWS::ElasticLoadBalancingV2::ListenerRule";
        let source = "{'Conditions': [{'Field': 'source-ip', 'SourceIpConfig': {'Values': [?]}}]}";
        check(rule, source, "'here'", "'10.0.0.0/8'", "Conditions/0/SourceIpConfig");
    }

    #[test]
    fn values_of_tasks_that_could_only_be_passed_over_are_refused() {
        let service = "AWS::ECS::Service";
        check(service, "{'DesiredCount': ?}", "5001", "'5000'", "DesiredCount");
        check(
            service,
            "{'HealthCheckGracePeriodSeconds': ?}",
            "2147483648",
            "60",
            "HealthCheckGrace",
        );
        let bake = "{'DeploymentConfiguration': {'BakeTimeInMinutes': ?}}";
        check(
            service,
            bake,
            "999999999999999999",
            "1440",
            "DeploymentConfiguration/BakeTimeInMinutes",
        );
        let enable = "{'DeploymentConfiguration': {'DeploymentCircuitBreaker': {'Enable': ?}}}";
        check(
            service,
            enable,
            "'yes'",
            "'true'",
            "DeploymentConfiguration/DeploymentCircuitBreaker/Enable",
        );

        let definition = "AWS::ECS::TaskDefinition";
        check(definition, "{'Memory': ?}", "'2 GB'", "'2048'", "Memory");
        let stop = "{'ContainerDefinitions': [{'StopTimeout': ?}]}";
        check(definition, stop, "121", "120", "ContainerDefinitions/0/StopTimeout");
        let essential = "{'ContainerDefinitions': [{'Essential': ?}]}";
        check(
            definition,
            essential,
            "false",
            "true",
            "ContainerDefinitions/0/Essential",
        );
        let protocol = "{'ContainerDefinitions': [{'PortMappings': [{'Protocol': ?}]}]}";
        check(
            definition,
            protocol,
            "'udp'",
            "'tcp'",
            "ContainerDefinitions/0/PortMappings/0/Protocol",
        );

        check(
            "AWS::ECR::Repository",
            "{'ImageTagMutability': ?}",
            "'SOMETIMES'",
            "'IMMUTABLE'",
            "ImageTagMutability",
        );
        check(
            "AWS::ECR::Repository",
            "{'RepositoryName': ?}",
            "'My Images'",
            "'team/images'",
            "RepositoryName",
        );
        let target = "AWS::ApplicationAutoScaling::ScalableTarget";
        check(target, "{'MinCapacity': ?}", "5001", "3", "MinCapacity");
    }

    #[test]
    fn what_would_be_passed_over_is_refused() {
        let faults = |type_name: &str, properties| kind(type_name).unwrap().check(&properties).unwrap_err().len();
        let mappings = json!([{"ContainerPort": 1}, {"ContainerPort": 2}]);
        let two_ports = json!({"ContainerDefinitions": [{"PortMappings": mappings}]});
        assert_eq!(faults("AWS::ECS::TaskDefinition", two_ports), 1);
        let action = json!({"Type": "forward", "TargetGroupArn": "a"});
        assert_eq!(
            faults(
                "AWS::ElasticLoadBalancingV2::Listener",
                json!({"DefaultActions": [action, action]})
            ),
            1
        );
    }
}
