//! `CodeBuild`'s calls for test reports.
//! <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Operations.html>

use std::time::SystemTime;

use serde_json::{Value, json};

use super::request::{ascending, invalid, names, not_found, wanted};
use super::{ReportGroup, TestReport, reports};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::properties::{list, text};
use crate::wire::{Fault, Service};

/// Answers one call.
pub(super) fn call(cloud: &mut Cloud, now: SystemTime, operation: &str, input: &Value) -> Result<Value, Fault> {
    match operation {
        "BatchGetReportGroups" => batch_get_report_groups(cloud, input),
        "BatchGetReports" => batch_get_reports(cloud, input),
        "CreateReportGroup" => create_report_group(cloud, input, now),
        "DeleteReport" => {
            let arn = wanted(input, "arn")?;
            cloud.code.reports.remove(&arn);
            Ok(json!({}))
        }
        "DeleteReportGroup" => {
            let arn = wanted(input, "arn")?;
            let name = reports::group_of(&arn).ok_or_else(|| invalid(&format!("{arn} is no ARN of a report group")))?;
            let with_reports = input["deleteReports"].as_bool().unwrap_or(false);
            reports::delete_group(cloud, name, with_reports).map_err(|reason| invalid(&reason))?;
            Ok(json!({}))
        }
        "DescribeTestCases" => describe_test_cases(cloud, input),
        "ListReportGroups" => list_report_groups(cloud, input),
        "ListReports" => list_reports(cloud, input, |_| true),
        "ListReportsForReportGroup" => {
            let name = group(cloud, input)?;
            list_reports(cloud, input, |report| report.group == name)
        }
        _ => Err(Fault::unsupported(Service::CodeBuild, operation)),
    }
}

fn batch_get_report_groups(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for arn in names(input, "reportGroupArns")? {
        let name = reports::group_of(&arn).unwrap_or_default();
        match cloud.code.report_groups.get(name) {
            Some(group) => found.push(reports::show_group(cloud, name, group)),
            None => missing.push(arn),
        }
    }
    Ok(json!({"reportGroups": found, "reportGroupsNotFound": missing}))
}

fn batch_get_reports(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for arn in names(input, "reportArns")? {
        match cloud.code.reports.get(&arn) {
            Some(report) => found.push(reports::show(cloud, &arn, report)),
            None => missing.push(arn),
        }
    }
    Ok(json!({"reports": found, "reportsNotFound": missing}))
}

fn create_report_group(cloud: &mut Cloud, input: &Value, now: SystemTime) -> Result<Value, Fault> {
    let name = wanted(input, "name")?;
    let faults = [
        only(input, "type", &["TEST"]),
        only(&input["exportConfig"], "exportConfigType", &["NO_EXPORT"]),
    ]
    .concat();
    if let Some(fault) = faults.first() {
        return Err(invalid(fault));
    }
    if cloud.code.report_groups.contains_key(&name) {
        let message = format!("Report group {name} already exists");
        return Err(Fault::client("ResourceAlreadyExistsException", message));
    }
    let tags = list(input, "tags").iter();
    let tags = tags.map(|tag| json!({"Key": text(tag, "key"), "Value": text(tag, "value")}));
    let group = ReportGroup {
        properties: json!({"Name": name, "Type": "TEST", "Tags": tags.collect::<Vec<_>>()}),
        created_at: now,
        modified_at: now,
    };
    let shown = reports::show_group(cloud, &name, &group);
    cloud.code.report_groups.insert(name, group);
    Ok(json!({"reportGroup": shown}))
}

/// In the order of the report's files; by a status, or a word of the name.
fn describe_test_cases(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let arn = wanted(input, "reportArn")?;
    let report = cloud.code.reports.get(&arn);
    let report = report.ok_or_else(|| not_found(&format!("Report {arn}")))?;
    let (status, keyword) = (text(&input["filter"], "status"), text(&input["filter"], "keyword"));
    let fits = report.cases.iter().filter(|case| {
        let by_status = status.as_deref().is_none_or(|status| status == case.status.as_str());
        by_status && keyword.as_deref().is_none_or(|word| case.name.contains(word))
    });
    let shown = fits.map(|case| reports::show_case(&arn, report, case));
    let shown = shown.collect::<Vec<_>>();
    Ok(json!({"testCases": shown}))
}

fn list_report_groups(cloud: &Cloud, input: &Value) -> Result<Value, Fault> {
    let mut groups = cloud.code.report_groups.iter().collect::<Vec<_>>();
    match text(input, "sortBy").as_deref() {
        None | Some("NAME") => {}
        Some("CREATED_TIME") => groups.sort_by_key(|(_, group)| group.created_at),
        Some("LAST_MODIFIED_TIME") => groups.sort_by_key(|(_, group)| group.modified_at),
        Some(other) => return Err(invalid(&format!("sortBy: {other} is no order"))),
    }
    if !ascending(input, true)? {
        groups.reverse();
    }
    let arns = groups
        .into_iter()
        .map(|(name, _)| json!(reports::group_arn(&cloud.place, name)));
    Ok(json!({"reportGroups": arns.collect::<Vec<_>>()}))
}

/// The newest first unless asked for otherwise.
fn list_reports(cloud: &Cloud, input: &Value, of: impl Fn(&TestReport) -> bool) -> Result<Value, Fault> {
    let status = text(&input["filter"], "status");
    let reports = cloud
        .code
        .reports
        .iter()
        .filter(|(_, report)| of(report) && status.as_deref().is_none_or(|status| status == report.status()));
    let mut reports = reports.collect::<Vec<_>>();
    reports.sort_by_key(|(_, report)| report.created_at);
    if !ascending(input, false)? {
        reports.reverse();
    }
    Ok(json!({"reports": reports.into_iter().map(|(arn, _)| arn).collect::<Vec<_>>()}))
}

/// The name of the group that is asked for by its ARN.
fn group(cloud: &Cloud, input: &Value) -> Result<String, Fault> {
    let arn = wanted(input, "reportGroupArn")?;
    let name = reports::group_of(&arn).filter(|name| cloud.code.report_groups.contains_key(*name));
    name.map(str::to_owned)
        .ok_or_else(|| not_found(&format!("Report group {arn}")))
}
