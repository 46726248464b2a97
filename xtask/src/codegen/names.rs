//! AWS's names as Rust's.

/// The words of a name: `TargetGroupARNs` is target, group, arns; `X86_64` is x86, 64.
fn words(name: &str) -> Vec<String> {
    let characters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            words.push(std::mem::take(&mut word));
            continue;
        }
        if starts_word(&characters, index) {
            words.push(std::mem::take(&mut word));
        }
        word.push(character.to_ascii_lowercase());
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

fn starts_word(characters: &[char], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|index| characters[index]) else {
        return false;
    };
    let at = characters[index];
    let plural = at.is_ascii_uppercase()
        && characters.get(index + 1) == Some(&'s')
        && !characters.get(index + 2).is_some_and(char::is_ascii_lowercase);
    let lower_follows = characters.get(index + 1).is_some_and(char::is_ascii_lowercase) && !plural;
    at.is_ascii_uppercase() && (!before.is_ascii_uppercase() || lower_follows)
}

/// A module, field or method.
pub(super) fn snake(name: &str) -> String {
    let name = words(name).join("_");
    match name.as_str() {
        "type" | "match" | "ref" | "enum" | "static" | "use" => format!("r#{name}"),
        _ => name,
    }
}

/// A type or variant.
pub(super) fn camel(name: &str) -> String {
    let mut camel = String::new();
    for word in words(name) {
        let digits_meet = camel.ends_with(|last: char| last.is_ascii_digit())
            && word.starts_with(|first: char| first.is_ascii_digit());
        if digits_meet {
            camel.push('_');
        }
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    if camel.starts_with(|first: char| first.is_ascii_digit()) {
        format!("N{camel}")
    } else {
        camel
    }
}

/// A resource type's module: `AWS::ECS::TaskDefinition` is `ecs_task_definition`.
pub(super) fn module(type_name: &str) -> String {
    let parts: Vec<String> = type_name.split("::").skip(1).map(snake).collect();
    parts.join("_")
}

/// A text format's marker: `AWS::EC2::VPC.Id` is `VpcId`.
pub(super) fn format(format: &str) -> String {
    let last = format.rsplit("::").next().unwrap_or(format);
    last.split('.').map(camel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases = [
            ("TargetGroupARNs", "target_group_arns", "TargetGroupArns"),
            ("DNSName", "dns_name", "DnsName"),
            ("AWSVpcId", "aws_vpc_id", "AwsVpcId"),
            ("OKActions", "ok_actions", "OkActions"),
            ("Ipv6CidrBlock", "ipv6_cidr_block", "Ipv6CidrBlock"),
            ("CPUUtilization", "cpu_utilization", "CpuUtilization"),
            ("X86_64", "x86_64", "X86_64"),
            ("HTTP_301", "http_301", "Http301"),
            ("internet-facing", "internet_facing", "InternetFacing"),
            (
                "ecs:service:DesiredCount",
                "ecs_service_desired_count",
                "EcsServiceDesiredCount",
            ),
            ("Type", "r#type", "Type"),
        ];
        for (name, field, r#type) in cases {
            assert_eq!((snake(name).as_str(), camel(name).as_str()), (field, r#type));
        }
        assert_eq!(
            module("AWS::ElasticLoadBalancingV2::LoadBalancer"),
            "elastic_load_balancing_v2_load_balancer"
        );
        assert_eq!(module("AWS::EC2::VPCGatewayAttachment"), "ec2_vpc_gateway_attachment");
        assert_eq!(format("AWS::EC2::SecurityGroup.Id"), "SecurityGroupId");
    }
}
