//! Buildspecs, version 0.2. What is in one and isn't understood here fails the build by its name.
//!
//! <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>

use std::collections::BTreeMap;

use serde_json::Value;

use super::Phase;
use super::yaml;

/// A buildspec.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Buildspec {
    pub(super) variables: BTreeMap<String, String>,
    /// Names of the variables that later actions of a pipeline see.
    pub(super) exported: Vec<String>,
    pub(super) phases: BTreeMap<Phase, Commands>,
    pub(super) artifacts: Option<Artifacts>,
    /// By name.
    pub(super) secondary_artifacts: BTreeMap<String, Artifacts>,
    /// By the group that they go to.
    pub(super) reports: BTreeMap<String, Reports>,
    /// Folders that a later build of the project finds again.
    pub(super) cache_paths: Vec<String>,
}

/// The commands of a phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Commands {
    pub(super) usual: Vec<String>,
    /// Run at the end whether or not the others succeeded.
    pub(super) finally: Vec<String>,
    pub(super) on_failure: Option<OnFailure>,
}

/// What a failed phase means for those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnFailure {
    Abort,
    Continue,
}

/// What a build hands on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Artifacts {
    pub(super) files: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) base_directory: Option<String>,
    pub(super) discard_paths: bool,
}

/// Where a build's tests leave what they say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reports {
    pub(super) files: Vec<String>,
    pub(super) base_directory: Option<String>,
}

/// Reads a buildspec.
///
/// # Errors
/// One line: what isn't right about it.
pub(super) fn parse(text: &str) -> Result<Buildspec, String> {
    let document = yaml::parse(text)?;
    known(
        &document,
        "",
        &["version", "env", "phases", "reports", "artifacts", "cache"],
    )?;
    match document["version"].as_str() {
        Some("0.2") => {}
        other => return Err(format!("version: must be 0.2, not {}", other.unwrap_or("left out"))),
    }
    let environment = &document["env"];
    known(environment, "env", &["variables", "exported-variables", "shell"])?;
    if let Some(shell) = environment["shell"].as_str().filter(|shell| *shell != "/bin/sh") {
        return Err(format!("env/shell: commands are run by /bin/sh here, not by {shell}"));
    }
    let artifacts = &document["artifacts"];
    let mut secondary_artifacts = BTreeMap::new();
    for (name, value) in members(&artifacts["secondary-artifacts"], "artifacts/secondary-artifacts")? {
        let read = read_artifacts(value, &format!("artifacts/secondary-artifacts/{name}"), &[])?;
        secondary_artifacts.insert(name.clone(), read);
    }
    let primary = (!artifacts.is_null()).then(|| read_artifacts(artifacts, "artifacts", &["secondary-artifacts"]));
    known(&document["cache"], "cache", &["paths"])?;
    Ok(Buildspec {
        variables: read_variables(&environment["variables"])?,
        exported: texts(&environment["exported-variables"], "env/exported-variables")?,
        phases: read_phases(&document["phases"])?,
        artifacts: primary.transpose()?.filter(|artifacts| !artifacts.files.is_empty()),
        secondary_artifacts,
        reports: read_reports(&document["reports"])?,
        cache_paths: texts(&document["cache"]["paths"], "cache/paths")?,
    })
}

fn read_variables(value: &Value) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for (name, value) in members(value, "env/variables")? {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            _ => return Err(format!("env/variables/{name}: must be a text")),
        };
        variables.insert(name.clone(), text);
    }
    Ok(variables)
}

fn read_phases(value: &Value) -> Result<BTreeMap<Phase, Commands>, String> {
    let mut phases = BTreeMap::new();
    for (name, value) in members(value, "phases")? {
        let phase = match name.as_str() {
            "install" => Phase::Install,
            "pre_build" => Phase::PreBuild,
            "build" => Phase::Build,
            "post_build" => Phase::PostBuild,
            _ => return Err(format!("phases/{name}: there is no such phase")),
        };
        let path = format!("phases/{name}");
        // Runtime versions choose among what CodeBuild's image has; on one machine there is what is installed.
        known(value, &path, &["commands", "finally", "on-failure", "runtime-versions"])?;
        let on_failure = match value["on-failure"].as_str() {
            None => None,
            Some("ABORT") => Some(OnFailure::Abort),
            Some("CONTINUE") => Some(OnFailure::Continue),
            Some(other) => return Err(format!("{path}/on-failure: {other} is neither ABORT nor CONTINUE")),
        };
        let commands = Commands {
            usual: texts(&value["commands"], &format!("{path}/commands"))?,
            finally: texts(&value["finally"], &format!("{path}/finally"))?,
            on_failure,
        };
        phases.insert(phase, commands);
    }
    if phases.is_empty() {
        return Err("phases: a build has at least one".to_owned());
    }
    Ok(phases)
}

fn read_artifacts(value: &Value, path: &str, others: &[&str]) -> Result<Artifacts, String> {
    let names = ["files", "exclude-paths", "base-directory", "discard-paths", "name"];
    known(value, path, &[&names[..], others].concat())?;
    Ok(Artifacts {
        files: texts(&value["files"], &format!("{path}/files"))?,
        exclude: texts(&value["exclude-paths"], &format!("{path}/exclude-paths"))?,
        base_directory: value["base-directory"].as_str().map(str::to_owned),
        discard_paths: matches!(value["discard-paths"].as_str(), Some("yes" | "true")),
    })
}

fn read_reports(value: &Value) -> Result<BTreeMap<String, Reports>, String> {
    let mut reports = BTreeMap::new();
    for (group, value) in members(value, "reports")? {
        let path = format!("reports/{group}");
        known(
            value,
            &path,
            &["files", "base-directory", "discard-paths", "file-format"],
        )?;
        let format = value["file-format"].as_str().unwrap_or("JUNITXML");
        if !format.eq_ignore_ascii_case("JUNITXML") {
            return Err(format!(
                "{path}/file-format: the local cloud reads JUNITXML, not {format}"
            ));
        }
        let found = Reports {
            files: texts(&value["files"], &format!("{path}/files"))?,
            base_directory: value["base-directory"].as_str().map(str::to_owned),
        };
        reports.insert(group.clone(), found);
    }
    Ok(reports)
}

/// Refuses what isn't understood, rather than to pass over it.
fn known(value: &Value, path: &str, names: &[&str]) -> Result<(), String> {
    for (name, _) in members(value, path)? {
        if !names.contains(&name.as_str()) {
            let place = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}/{name}")
            };
            return Err(format!("{place}: the local cloud does not support this in a buildspec"));
        }
    }
    Ok(())
}

fn members<'a>(value: &'a Value, path: &str) -> Result<Vec<(&'a String, &'a Value)>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Object(members) => Ok(members.iter().collect()),
        _ => Err(format!("{path}: must be a mapping")),
    }
}

fn texts(value: &Value, path: &str) -> Result<Vec<String>, String> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items.iter(),
        _ => return Err(format!("{path}: must be a list")),
    };
    let texts = items.map(|item| item.as_str().map(str::to_owned));
    texts
        .map(|text| text.ok_or_else(|| format!("{path}: every item must be a text")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "
version: 0.2
env:
  variables: {COLOUR: blue, LEVEL: 1}
  exported-variables: [IMAGE]
phases:
  install:
    runtime-versions: {python: 3.12}
    commands: ['echo install']
  build:
    on-failure: ABORT
    commands:
      - echo one
      - |
        echo two
    finally: [echo always]
reports:
  tests: {files: ['*.xml'], file-format: JUNITXML}
artifacts:
  base-directory: out
  files: ['**/*']
  exclude-paths: ['*.tmp']
  secondary-artifacts:
    other: {files: [a.txt], discard-paths: yes}
cache:
  paths: ['target/**/*']
";

    #[test]
    fn a_whole_buildspec_is_read() {
        let spec = parse(WHOLE).unwrap();
        assert_eq!(spec.variables["LEVEL"], "1");
        assert_eq!(spec.exported, ["IMAGE"]);
        assert_eq!(spec.phases[&Phase::Install].usual, ["echo install"]);
        let build = &spec.phases[&Phase::Build];
        assert_eq!(build.usual, ["echo one", "echo two\n"]);
        assert_eq!((build.finally.len(), build.on_failure), (1, Some(OnFailure::Abort)));
        assert_eq!(spec.artifacts.unwrap().exclude, ["*.tmp"]);
        assert!(spec.secondary_artifacts["other"].discard_paths);
        assert_eq!(spec.reports["tests"].files, ["*.xml"]);
        assert_eq!(spec.cache_paths, ["target/**/*"]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let check = |old: &str, new: &str, expected: &str| {
            let actual = parse(&WHOLE.replace(old, new)).unwrap_err();
            assert!(actual.contains(expected), "{actual}");
        };
        check("version: 0.2", "version: 0.1", "version: must be 0.2");
        check("version: 0.2", "version: 0.2\nbatch: {}", "batch");
        check("  variables:", "  parameter-store:", "env/parameter-store");
        check("  install:", "  deploy:", "phases/deploy");
        check(
            "finally: [echo always]",
            "finally: echo",
            "phases/build/finally: must be a list",
        );
        check("ABORT", "RETRY-2", "on-failure");
        check("exported-variables", "shell: bash\n  exported-variables", "env/shell");
        check("- echo one", "- echo: one", "every item must be a text");
        check("\nphases:", "\nparts:", "parts");
        check("JUNITXML", "CUCUMBERJSON", "reports/tests/file-format");
        assert!(parse("version: 0.2").unwrap_err().contains("at least one"));
    }
}
