//! Such resources as CloudFormation makes them.

use std::time::SystemTime;

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::{CREATED_MILLIS, ROLE, Record};
use crate::cloud::{Cloud, Effect};
use crate::iam::policy;
use crate::ids::{Ids, Place};
use crate::kind::{Handler, Kind, already_exists, cut, not_found};
use crate::moment;
use crate::properties::{required, text};

/// What a new record is made from.
struct Making<'a> {
    now: SystemTime,
    ids: &'a mut Ids,
    place: &'a Place,
    properties: &'a Value,
    generated_name: &'a str,
}

/// The physical id and the attributes of a new record.
type Made = (String, Vec<(&'static str, Value)>);

struct Plain {
    type_name: &'static str,
    make: fn(&mut Making<'_>) -> Result<Made, String>,
}

impl Handler for Plain {
    fn check(&self, properties: &Value) -> Vec<String> {
        if self.type_name == ROLE {
            policy::faults(properties)
        } else {
            Vec::new()
        }
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let mut making = Making {
            now,
            ids: &mut cloud.ids,
            place: &cloud.place,
            properties: request.properties,
            generated_name: request.generated_name,
        };
        let (physical_id, attributes) = (self.make)(&mut making)?;
        let records = cloud.plain.entry(self.type_name.to_owned()).or_default();
        if records.contains_key(&physical_id) {
            return Err(already_exists(self.type_name, &physical_id));
        }
        let attributes = attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        records.insert(
            physical_id.clone(),
            Record {
                properties: request.properties.clone(),
                attributes,
            },
        );
        Ok(physical_id)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let record = cloud
            .plain
            .get_mut(self.type_name)
            .and_then(|records| records.get_mut(physical_id));
        record.ok_or_else(|| not_found(self.type_name, physical_id))?.properties = request.properties.clone();
        Ok(())
    }

    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        _: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let records = cloud.plain.get_mut(self.type_name);
        let removed = records.and_then(|records| records.remove(physical_id));
        if removed.is_some() && self.type_name == "AWS::Logs::LogGroup" {
            cloud.effects.push(Effect::DeleteLogGroup {
                name: physical_id.to_owned(),
            });
        }
        Ok(())
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        let record = cloud.plain.get(self.type_name)?.get(physical_id);
        record.map(|record| &record.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        let record = cloud.plain.get(self.type_name)?.get(physical_id)?;
        record
            .attributes
            .get(attribute)
            .or_else(|| record.properties.get(attribute))
            .cloned()
    }
}

const fn kind(
    type_name: &'static str,
    create_only: &'static [&'static str],
    attributes: &'static [&'static str],
    handler: &'static Plain,
) -> Kind {
    Kind {
        type_name,
        create_only,
        attributes,
        timeout: None,
        handler,
    }
}

macro_rules! plain {
    ($($type_name:literal, create_only $create_only:expr, attributes $attributes:expr, $make:expr;)*) => {
        &[$(kind($type_name, &$create_only, &$attributes, &Plain { type_name: $type_name, make: $make })),*]
    };
}

/// The record types, with what their schemas say of replacement and attributes.
pub(crate) const KINDS: &[Kind] = plain![
    "AWS::EC2::VPC", create_only ["CidrBlock", "Ipv4IpamPoolId", "Ipv4NetmaskLength"],
        attributes ["VpcId", "CidrBlock", "DefaultSecurityGroup", "DefaultNetworkAcl", "CidrBlockAssociations", "Ipv6CidrBlocks"], |making| Ok(vpc(making));
    "AWS::EC2::Subnet", create_only ["AvailabilityZone", "CidrBlock", "VpcId"],
        attributes ["SubnetId", "VpcId", "AvailabilityZone", "CidrBlock", "NetworkAclAssociationId", "Ipv6CidrBlocks"], |making| Ok(subnet(making));
    "AWS::EC2::InternetGateway", create_only [], attributes ["InternetGatewayId"], |making| Ok(identified(making, "igw", "InternetGatewayId"));
    "AWS::EC2::VPCGatewayAttachment", create_only ["VpcId"], attributes ["AttachmentType"], gateway_attachment;
    "AWS::EC2::RouteTable", create_only ["VpcId"], attributes ["RouteTableId"], |making| Ok(identified(making, "rtb", "RouteTableId"));
    "AWS::EC2::Route", create_only ["RouteTableId", "DestinationCidrBlock"], attributes ["CidrBlock"], route;
    "AWS::EC2::SubnetRouteTableAssociation", create_only ["SubnetId", "RouteTableId"], attributes ["Id"], |making| Ok(identified(making, "rtbassoc", "Id"));
    "AWS::EC2::EIP", create_only ["NetworkBorderGroup"], attributes ["AllocationId", "PublicIp"], |making| Ok(elastic_ip(making));
    "AWS::EC2::NatGateway", create_only ["SubnetId", "AllocationId", "ConnectivityType"], attributes ["NatGatewayId"], |making| Ok(identified(making, "nat", "NatGatewayId"));
    "AWS::EC2::SecurityGroup", create_only ["GroupDescription", "GroupName", "VpcId"], attributes ["GroupId", "Id", "VpcId"], |making| Ok(security_group(making));
    "AWS::EC2::SecurityGroupIngress", create_only ["GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "SourceSecurityGroupId"], attributes ["Id"], |making| Ok(identified(making, "sgr", "Id"));
    "AWS::EC2::SecurityGroupEgress", create_only ["GroupId", "IpProtocol", "FromPort", "ToPort", "CidrIp", "DestinationSecurityGroupId"], attributes ["Id"], |making| Ok(identified(making, "sgr", "Id"));
    "AWS::IAM::Role", create_only ["RoleName", "Path"], attributes ["Arn", "RoleId"], |making| Ok(role(making));
    "AWS::Logs::LogGroup", create_only ["LogGroupName"], attributes ["Arn"], |making| Ok(log_group(making));
    "AWS::S3::Bucket", create_only ["BucketName"], attributes ["Arn", "DomainName", "RegionalDomainName"], |making| Ok(bucket(making));
    "AWS::S3::BucketPolicy", create_only ["Bucket"], attributes [], |making| Ok((required(making.properties, "Bucket")?, Vec::new()));
    "AWS::SNS::Topic", create_only ["FifoTopic", "TopicName"], attributes ["TopicArn", "TopicName"], |making| Ok(topic(making));
    "AWS::SNS::TopicPolicy", create_only [], attributes ["Id"], |making| Ok(identified(making, "topicpolicy", "Id"));
];

fn identified(making: &mut Making<'_>, prefix: &str, attribute: &'static str) -> Made {
    let id = format!("{prefix}-{}", making.ids.hex(17));
    (id.clone(), vec![(attribute, json!(id))])
}

fn vpc(making: &mut Making<'_>) -> Made {
    let id = format!("vpc-{}", making.ids.hex(17));
    let attributes = vec![
        ("VpcId", json!(id)),
        ("DefaultSecurityGroup", json!(format!("sg-{}", making.ids.hex(17)))),
        ("DefaultNetworkAcl", json!(format!("acl-{}", making.ids.hex(17)))),
        (
            "CidrBlockAssociations",
            json!([format!("vpc-cidr-assoc-{}", making.ids.hex(17))]),
        ),
        ("Ipv6CidrBlocks", json!([])),
    ];
    (id, attributes)
}

fn subnet(making: &mut Making<'_>) -> Made {
    let id = format!("subnet-{}", making.ids.hex(17));
    let association = format!("aclassoc-{}", making.ids.hex(17));
    (
        id.clone(),
        vec![
            ("SubnetId", json!(id)),
            ("NetworkAclAssociationId", json!(association)),
            ("Ipv6CidrBlocks", json!([])),
        ],
    )
}

fn gateway_attachment(making: &mut Making<'_>) -> Result<Made, String> {
    let id = format!("IGW|{}", required(making.properties, "VpcId")?);
    Ok((id, vec![("AttachmentType", json!("IGW"))]))
}

fn route(making: &mut Making<'_>) -> Result<Made, String> {
    let destination = required(making.properties, "DestinationCidrBlock")?;
    let id = format!("{}|{destination}", required(making.properties, "RouteTableId")?);
    Ok((id, vec![("CidrBlock", json!(destination))]))
}

/// The address is one of those kept for documentation (RFC 5737): it leads nowhere.
fn elastic_ip(making: &mut Making<'_>) -> Made {
    let address = format!("203.0.113.{}", making.ids.next() % 256);
    let allocation = format!("eipalloc-{}", making.ids.hex(17));
    let id = format!("{address}|{allocation}");
    (
        id,
        vec![("AllocationId", json!(allocation)), ("PublicIp", json!(address))],
    )
}

fn security_group(making: &mut Making<'_>) -> Made {
    let id = format!("sg-{}", making.ids.hex(17));
    (id.clone(), vec![("GroupId", json!(id)), ("Id", json!(id))])
}

fn role(making: &mut Making<'_>) -> Made {
    let name = text(making.properties, "RoleName").unwrap_or_else(|| cut(making.generated_name, 64));
    let path = text(making.properties, "Path").unwrap_or_else(|| "/".to_owned());
    let arn = making.place.global_arn("iam", &format!("role{path}{name}"));
    let id = format!("AROA{}", making.ids.hex(17).to_uppercase());
    (name, vec![("Arn", json!(arn)), ("RoleId", json!(id))])
}

fn log_group(making: &mut Making<'_>) -> Made {
    let name = text(making.properties, "LogGroupName").unwrap_or_else(|| making.generated_name.to_owned());
    let arn = making.place.arn("logs", &format!("log-group:{name}:*"));
    let created_millis = moment::millis(making.now);
    (name, vec![("Arn", json!(arn)), (CREATED_MILLIS, json!(created_millis))])
}

/// A bucket's name is the whole world's on AWS, and lower case.
fn bucket(making: &mut Making<'_>) -> Made {
    let name = text(making.properties, "BucketName");
    let name = name.unwrap_or_else(|| cut(&making.generated_name.to_lowercase(), 63));
    let domain = format!("{name}.s3.amazonaws.com");
    let regional = format!("{name}.s3.{}.amazonaws.com", making.place.region);
    let arn = format!("arn:aws:s3:::{name}");
    let attributes = vec![
        ("Arn", json!(arn)),
        ("DomainName", json!(domain)),
        ("RegionalDomainName", json!(regional)),
    ];
    (name, attributes)
}

/// `Ref` gives the ARN.
fn topic(making: &mut Making<'_>) -> Made {
    let name = text(making.properties, "TopicName").unwrap_or_else(|| cut(making.generated_name, 256));
    let arn = making.place.arn("sns", &name);
    (arn.clone(), vec![("TopicArn", json!(arn)), ("TopicName", json!(name))])
}
