//! The core, on small templates.

use crate::generated::ec2_vpc::Vpc;
use crate::generated::ecs_cluster::Cluster;
use crate::generated::elastic_load_balancing_v2_load_balancer::LoadBalancer;
use crate::generated::logs_log_group::{LogGroup, RetentionInDays};
use crate::{
    ConditionExpression, DeletionPolicy, Error, Integer, Literal, Node, Object, Options, Output, Parameter, Template,
    ToNode, Value, availability_zones, choose, import_value, join, region, select, split, sub,
};

/// Compares a value with its JSON.
fn check<T>(value: &Value<T>, expected: &str) {
    assert_eq!(value.to_node().to_compact_json(), expected);
}

#[test]
fn functions() {
    let mut template = Template::new("");
    let balancer = template.add("Balancer", "", LoadBalancer::new());
    let vpc = template.add("Vpc", "", Vpc::new());
    let parameter = template.parameter("Name", Parameter::<String>::new(""));
    let list = template.parameter("Zones", Parameter::<Vec<String>>::new(""));
    let count = template.parameter("Count", Parameter::<i64>::new(""));
    let is_large = template.condition("IsLarge", ConditionExpression::equals(count.reference(), 10));
    check(&vpc.reference(), r#"{"Ref":"Vpc"}"#);
    check(&balancer.dns_name(), r#"{"Fn::GetAtt":["Balancer","DNSName"]}"#);
    check(
        &sub(&[&"http://", &balancer.dns_name()]),
        r#"{"Fn::Sub":"http://${Balancer.DNSName}"}"#,
    );
    check(
        &sub(&[&"a", &String::from("b"), &Value::<String>::from("c")]),
        r#""abc""#,
    );
    check(&sub(&[]), r#""""#);
    check(
        &sub(&[&"${x} ", &parameter.reference()]),
        r#"{"Fn::Sub":"${!x} ${Name}"}"#,
    );
    check(
        &sub(&[&"<", &sub(&[&"[", &region()]), &">"]),
        r#"{"Fn::Sub":"<[${AWS::Region}>"}"#,
    );
    check(
        &sub(&[&"-", &import_value("Other")]),
        r#"{"Fn::Sub":["-${Variable1}",{"Variable1":{"Fn::ImportValue":"Other"}}]}"#,
    );
    check(
        &select(2, availability_zones()),
        r#"{"Fn::Select":[2,{"Fn::GetAZs":""}]}"#,
    );
    check(&join(",", list.reference()), r#"{"Fn::Join":[",",{"Ref":"Zones"}]}"#);
    check(
        &split(",", parameter.reference()),
        r#"{"Fn::Split":[",",{"Ref":"Name"}]}"#,
    );
    check(
        &choose::<i64>(&is_large, 3, count.reference()),
        r#"{"Fn::If":["IsLarge",3,{"Ref":"Count"}]}"#,
    );
}

#[test]
fn numbers() {
    check(&Value::<f64>::from(75.0), "75");
    check(&Value::<f64>::from(0.1), "0.1");
    check(&Value::from(Integer::<1, 10>::of::<10>()), "10");
    check(&Value::from(RetentionInDays::of::<7>()), "7");
    assert_eq!(Integer::<1, 10>::new(11), None);
    assert_eq!(Integer::<1, 10>::new(0), None);
    assert_eq!(Integer::<1, 10>::new(1).map(Integer::get), Some(1));
    assert_eq!(RetentionInDays::new(8), None);
    assert_eq!(RetentionInDays::new(30).unwrap().literal(), Node::Integer(30));
}

#[test]
fn a_whole_template() {
    let mut template = Template::new("Everything in its place.");
    template.metadata("Owner", "us");
    let name = template.parameter(
        "Name",
        Parameter::<String>::new("A name.")
            .default_value("z")
            .allowed_pattern("^[a-z]$")
            .constraint_description("one letter"),
    );
    let count = template.parameter("Count", Parameter::<i64>::new("How many.").default_value(1).range(1, 3));
    let small = template.condition("Small", ConditionExpression::equals(count.reference(), 1));
    let large = template.condition("Large", ConditionExpression::negate(&small));
    let either = ConditionExpression::or(&small, &ConditionExpression::and(&large, &small));
    template.condition("Either", either);
    let cluster = template.add(
        "Zebra",
        "first added, first written",
        Cluster::new().cluster_name(name.reference()),
    );
    let options = Options::new()
        .condition(&large)
        .depends_on(&cluster)
        .deletion_policy(DeletionPolicy::RetainExceptOnCreate)
        .update_replace_policy(DeletionPolicy::Snapshot);
    let group = template.add_with(
        "Ape",
        "second",
        LogGroup::new().retention_in_days(RetentionInDays::of::<7>()),
        options,
    );
    template.output(
        "Group",
        Output::new("Where logs are.", group.arn())
            .condition(&large)
            .export(sub(&[&"x-", &region()])),
    );
    insta::assert_snapshot!(template.render().unwrap());
}

fn with_clusters(names: &[&str]) -> Template {
    let mut template = Template::new("");
    for name in names {
        template.add(*name, "", Cluster::new());
    }
    template
}

#[test]
fn mistakes_on_the_whole() {
    let check = |template: Template, expected: &str| {
        assert_eq!(template.render().unwrap_err().to_string(), expected);
    };
    check(with_clusters(&["A", "B", "A"]), "the name A is used twice: rename one");
    check(
        with_clusters(&["a-b"]),
        "the name \"a-b\" is not 1 to 255 letters and digits",
    );
    let mut clash = with_clusters(&["A"]);
    clash.parameter("A", Parameter::<String>::new(""));
    check(clash, "the name A is used twice: rename one");

    let stranger = with_clusters(&[]).add("Elsewhere", "", Vpc::new());
    let mut dangling = with_clusters(&["A"]);
    dangling.output("Out", Output::new("", stranger.reference()));
    check(
        dangling,
        "Out refers to Elsewhere, which is not in the template: add it",
    );

    let names: Vec<String> = (0..501).map(|number| format!("Cluster{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(with_clusters(&names).render(), Err(Error::TooManyResources(501)));
    assert!(with_clusters(&names[..500]).render().is_ok());
}

#[test]
fn a_circle_is_named() {
    let handle = |name: &str| with_clusters(&[]).add(name, "", Cluster::new());
    let mut template = Template::new("");
    for (name, waits_for) in [("A", "B"), ("B", "C"), ("C", "B")] {
        template.add_with(name, "", Cluster::new(), Options::new().depends_on(&handle(waits_for)));
    }
    assert_eq!(
        template.render().unwrap_err().to_string(),
        "resources wait for each other in a circle: B -> C -> B"
    );
}

#[test]
fn a_reference_inside_text_counts_as_one() {
    let mut template = Template::new("");
    let stranger = with_clusters(&[]).add("Elsewhere", "", LoadBalancer::new());
    template.add("A", "", Cluster::new().cluster_name(sub(&[&"x", &stranger.dns_name()])));
    assert_eq!(template.render(), Err(Error::Dangling("A".into(), "Elsewhere".into())));
}

#[test]
fn order_is_the_order_of_adding() {
    let object = Object::new()
        .with("b", 1)
        .with("a", Object::new().with("z", true).with("y", "x"));
    assert_eq!(
        Node::from(object).to_compact_json(),
        r#"{"b":1,"a":{"z":true,"y":"x"}}"#
    );
}
