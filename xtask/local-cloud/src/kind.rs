//! What each resource type says of itself, and who makes its resources.

use std::time::{Duration, SystemTime};

use provisioner::{Operation, Progress, ResourceRequest, ResourceType};
use serde_json::Value;

use crate::cloud::Cloud;
use crate::fidelity;

/// How much of a stack's name a generated name has at least, as AWS's names of load balancers show.
const STACK_NAME_LEFT: usize = 5;

/// A resource type: what CloudFormation must know of it, and who makes it.
pub(crate) struct Kind {
    /// `AWS::ECS::Service`
    pub(crate) type_name: &'static str,
    /// Properties whose change needs a new resource, from the type's schema (`createOnlyProperties`).
    pub(crate) create_only: &'static [&'static str],
    /// What `Fn::GetAtt` gives, from the type's schema (`readOnlyProperties`).
    pub(crate) attributes: &'static [&'static str],
    /// How long an operation may take; none means CloudFormation's default.
    pub(crate) timeout: Option<Duration>,
    /// Who makes it.
    pub(crate) handler: &'static dyn Handler,
}

/// Makes the resources of one type. Each method begins its work and returns.
pub(crate) trait Handler: Sync {
    /// What is wrong with the properties beyond what the ledger refuses: values that the local cloud can't honour.
    fn check(&self, properties: &Value) -> Vec<String> {
        let _ = properties;
        Vec::new()
    }

    /// Begins to make one and gives its physical id.
    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String>;

    /// Begins to change one in place.
    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String>;

    /// Begins to delete one; it's no error when there is none.
    fn delete(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String>;

    /// How far the last operation is.
    fn progress(&self, cloud: &Cloud, physical_id: &str, operation: Operation) -> Progress {
        let _ = (cloud, physical_id, operation);
        Progress::Done
    }

    /// The properties that one has now, whoever gave it them; none where it isn't there.
    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value>;

    /// An attribute's value.
    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value>;
}

impl ResourceType for Kind {
    fn create_only(&self) -> &[&str] {
        self.create_only
    }

    fn attributes(&self) -> &[&str] {
        self.attributes
    }

    fn check(&self, properties: &Value) -> Result<(), Vec<String>> {
        let mut faults = fidelity::check(self.type_name, properties);
        faults.extend(self.handler.check(properties));
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn timeout(&self, _: Operation, _: &Value) -> Option<Duration> {
        self.timeout
    }
}

/// CloudFormation's words for a name that is taken.
pub(crate) fn already_exists(type_name: &str, physical_id: &str) -> String {
    format!("Resource of type '{type_name}' with identifier '{physical_id}' already exists.")
}

/// CloudFormation's words for a resource that isn't there.
pub(crate) fn not_found(type_name: &str, physical_id: &str) -> String {
    format!("Resource of type '{type_name}' with identifier '{physical_id}' was not found.")
}

/// A generated name cut to a type's limit. The random end stays, as it makes the name unique, and the beginning of the
/// stack's name, by which policies know what is whose; the name in the template has the room between.
pub(crate) fn cut(name: &str, limit: usize) -> String {
    let mut parts = name.rsplitn(3, '-');
    let (Some(end), Some(logical_id), Some(stack)) = (parts.next(), parts.next(), parts.next()) else {
        return name.to_owned();
    };
    if name.len() <= limit {
        return name.to_owned();
    }
    let room = limit.saturating_sub(end.len() + 2);
    let of_stack = room
        .saturating_sub(logical_id.len())
        .max(STACK_NAME_LEFT)
        .min(stack.len());
    let of_logical_id = room.saturating_sub(of_stack).min(logical_id.len());
    let of_stack = stack[..of_stack].trim_end_matches('-');
    format!("{of_stack}-{}-{end}", &logical_id[..of_logical_id])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_cut_begins_as_its_stack_and_ends_at_random() {
        let check = |name: &str, limit: usize, expected: &str| {
            assert_eq!(cut(name, limit), expected);
            assert!(expected.len() <= limit, "{expected}");
        };
        let (short, long) = ("Service-Prod-Group-0123456789AB", "MyShop-Service-Prod");
        check(short, 32, short);
        let load_balancer = format!("{long}-LoadBalancer-0123456789AB");
        check(&load_balancer, 32, "MyShop-LoadBalancer-0123456789AB");
        let target_group = format!("{long}-FleetTargetGroup-0123456789AB");
        check(&target_group, 32, "MySho-FleetTargetGr-0123456789AB");
        check(
            &format!("{long}-Balancer-0123456789AB"),
            29,
            "MyShop-Balancer-0123456789AB",
        );
    }
}
