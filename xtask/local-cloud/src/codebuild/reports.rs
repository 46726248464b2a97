//! Report groups, and the reports that builds add to them.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html>

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use provisioner::ResourceRequest;
use serde_json::{Value, json};

use super::junit::{TestCase, TestStatus};
use super::{ReportGroup, TestReport};
use crate::cloud::Cloud;
use crate::elb::only;
use crate::ids::Place;
use crate::kind::{Handler, already_exists, cut, not_found};
use crate::moment::epoch_seconds;
use crate::properties::{boolean, list, text};
use crate::values;

/// AWS keeps them for 30 days; here also no more than so many, each with all its tests.
const REPORTS_KEPT: usize = 20;

/// <https://docs.aws.amazon.com/codebuild/latest/userguide/test-reporting.html>
const KEPT: Duration = Duration::from_hours(30 * 24);

impl TestReport {
    /// A test that failed fails the report.
    pub(super) fn status(&self) -> &'static str {
        let bad = |case: &TestCase| matches!(case.status, TestStatus::Failed | TestStatus::Error);
        if self.cases.iter().any(bad) {
            "FAILED"
        } else {
            "SUCCEEDED"
        }
    }

    fn is_expired(&self, now: SystemTime) -> bool {
        self.created_at + KEPT <= now
    }
}

/// A group's name from its ARN, `…:report-group/<name>`.
pub(super) fn group_of(arn: &str) -> Option<&str> {
    arn.split_once(":report-group/").map(|(_, name)| name)
}

pub(super) fn group_arn(place: &Place, name: &str) -> String {
    place.arn("codebuild", &format!("report-group/{name}"))
}

impl Cloud {
    /// Takes in the tests of a build. The buildspec names an existing group by its ARN, or one of the project's own,
    /// which is made if there is none.
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/test-report-group-naming.html>
    pub(super) fn add_report(&mut self, now: SystemTime, build: &str, named: &str, cases: Vec<TestCase>) {
        let Some(project) = self.code.builds.get(build).map(|build| build.project.clone()) else {
            return;
        };
        let group = group_of(named).map_or_else(|| format!("{project}-{named}"), str::to_owned);
        self.code
            .report_groups
            .entry(group.clone())
            .or_insert_with(|| ReportGroup {
                properties: json!({"Name": group, "Type": "TEST", "ExportConfig": {"ExportConfigType": "NO_EXPORT"}}),
                created_at: now,
                modified_at: now,
            });
        let id = self.ids.uuid();
        let arn = self.place.arn("codebuild", &format!("report/{group}:{id}"));
        let report = TestReport {
            group,
            build: build.to_owned(),
            created_at: now,
            cases,
        };
        self.code.reports.insert(arn, report);
        self.forget_reports(now);
    }

    fn forget_reports(&mut self, now: SystemTime) {
        self.code.reports.retain(|_, report| !report.is_expired(now));
        let mut by_age: Vec<(SystemTime, String)> = self
            .code
            .reports
            .iter()
            .map(|(arn, report)| (report.created_at, arn.clone()))
            .collect();
        by_age.sort();
        let surplus = by_age.len().saturating_sub(REPORTS_KEPT);
        for (_, arn) in by_age.into_iter().take(surplus) {
            self.code.reports.remove(&arn);
        }
    }

    /// The ARNs of a build's reports.
    pub(super) fn reports_of(&self, build: &str) -> Vec<&String> {
        let of_it = self.code.reports.iter().filter(|(_, report)| report.build == build);
        of_it.map(|(arn, _)| arn).collect()
    }
}

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_ReportGroup.html>
pub(super) fn show_group(cloud: &Cloud, name: &str, group: &ReportGroup) -> Value {
    let tags = list(&group.properties, "Tags").iter();
    let tags = tags.map(|tag| json!({"key": text(tag, "Key"), "value": text(tag, "Value")}));
    json!({
        "arn": group_arn(&cloud.place, name),
        "name": name,
        "type": text(&group.properties, "Type"),
        "exportConfig": {"exportConfigType": "NO_EXPORT"},
        "created": epoch_seconds(group.created_at),
        "lastModified": epoch_seconds(group.modified_at),
        "tags": tags.collect::<Vec<_>>(),
        "status": "ACTIVE",
    })
}

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_Report.html>
pub(super) fn show(cloud: &Cloud, arn: &str, report: &TestReport) -> Value {
    let count = |status: TestStatus| report.cases.iter().filter(|case| case.status == status).count();
    let counts: BTreeMap<&str, usize> = TestStatus::ALL.map(|status| (status.as_str(), count(status))).into();
    let took: Duration = report.cases.iter().map(|case| case.took).sum();
    json!({
        "arn": arn,
        "type": "TEST",
        "name": report.group,
        "reportGroupArn": group_arn(&cloud.place, &report.group),
        "executionId": cloud.place.arn("codebuild", &format!("build/{}", report.build)),
        "status": report.status(),
        "created": epoch_seconds(report.created_at),
        "expired": epoch_seconds(report.created_at + KEPT),
        "exportConfig": {"exportConfigType": "NO_EXPORT"},
        "truncated": false,
        "testSummary": {
            "total": report.cases.len(),
            "statusCounts": counts,
            "durationInNanoSeconds": nanoseconds(took),
        },
    })
}

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_TestCase.html>
pub(super) fn show_case(arn: &str, report: &TestReport, case: &TestCase) -> Value {
    json!({
        "reportArn": arn,
        "testRawDataPath": case.file,
        "prefix": case.prefix,
        "name": case.name,
        "status": case.status.as_str(),
        "durationInNanoSeconds": nanoseconds(case.took),
        "message": case.message,
        "expired": epoch_seconds(report.created_at + KEPT),
        "testSuiteName": case.suite,
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Report groups as CloudFormation makes them.
pub(super) struct ReportGroups;

impl Handler for ReportGroups {
    fn check(&self, properties: &Value) -> Vec<String> {
        let mut faults = values::name(properties, "Name", 128, "_-");
        faults.extend(only(properties, "Type", &["TEST"]));
        let export = only(&properties["ExportConfig"], "ExportConfigType", &["NO_EXPORT"]);
        faults.extend(values::below("ExportConfig", export));
        faults
    }

    fn create(&self, cloud: &mut Cloud, now: SystemTime, request: &ResourceRequest<'_>) -> Result<String, String> {
        let name = text(request.properties, "Name").unwrap_or_else(|| cut(request.generated_name, 128));
        let arn = group_arn(&cloud.place, &name);
        if cloud.code.report_groups.contains_key(&name) {
            return Err(already_exists(request.type_name, &arn));
        }
        let group = ReportGroup {
            properties: request.properties.clone(),
            created_at: now,
            modified_at: now,
        };
        cloud.code.report_groups.insert(name, group);
        Ok(arn)
    }

    fn update(
        &self,
        cloud: &mut Cloud,
        now: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let group = group_of(physical_id).and_then(|name| cloud.code.report_groups.get_mut(name));
        let group = group.ok_or_else(|| not_found(request.type_name, physical_id))?;
        group.properties = request.properties.clone();
        group.modified_at = now;
        Ok(())
    }

    /// A group that has reports goes only if the template says that they go with it.
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-codebuild-reportgroup.html>
    fn delete(
        &self,
        cloud: &mut Cloud,
        _: SystemTime,
        request: &ResourceRequest<'_>,
        physical_id: &str,
    ) -> Result<(), String> {
        let Some(name) = group_of(physical_id) else {
            return Ok(());
        };
        let deletes = boolean(request.properties, "DeleteReports").unwrap_or(false);
        delete_group(cloud, name, deletes)
    }

    fn properties<'a>(&self, cloud: &'a Cloud, physical_id: &str) -> Option<&'a Value> {
        let group = cloud.code.report_groups.get(group_of(physical_id)?);
        group.map(|group| &group.properties)
    }

    fn attribute(&self, cloud: &Cloud, physical_id: &str, attribute: &str) -> Option<Value> {
        cloud.code.report_groups.get(group_of(physical_id)?)?;
        (attribute == "Arn").then(|| json!(physical_id))
    }
}

/// Removes a group, and its reports if that was asked for.
///
/// # Errors
/// One line: when it has reports and nobody asked for their end.
pub(super) fn delete_group(cloud: &mut Cloud, name: &str, with_reports: bool) -> Result<(), String> {
    let has_reports = cloud.code.reports.values().any(|report| report.group == name);
    if has_reports && !with_reports {
        return Err(format!(
            "Report group {name} has reports; delete them first, or with the group"
        ));
    }
    cloud.code.report_groups.remove(name);
    cloud.code.reports.retain(|_, report| report.group != name);
    Ok(())
}
