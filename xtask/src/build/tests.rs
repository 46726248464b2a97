//! The buildspecs, against the command line and the pipeline's template.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Parser as _;
use constants::pipeline::{
    DEPLOYMENT_ROLE_VARIABLE, DEPLOYMENT_STAGE_VARIABLE, FAULT_VARIABLE, SOURCE_REVISION_VARIABLE, TEST_REPORTS,
};
use stacks::toolchain::{DEPLOYMENT_ACTIONS, Work};

use super::*;
use crate::exit::{Exit, exit_of};
use crate::flags::{Command, Target, Xtask};

/// A buildspec's scalars, by the path of their keys; the items of a list together, in order.
/// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html>
type Buildspec = BTreeMap<String, Vec<String>>;

/// Reads the part of YAML that buildspecs are written in: maps and lists in blocks, plain and double-quoted scalars.
fn read(text: &str) -> Buildspec {
    let mut spec = Buildspec::new();
    let mut keys: Vec<(usize, String)> = Vec::new();
    for line in text.lines() {
        let content = line.trim_start();
        let indentation = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(item) = content.strip_prefix("- ") {
            keys.retain(|(at, _)| *at < indentation);
            spec.entry(path(&keys)).or_default().push(scalar(item));
            continue;
        }
        let (key, value) = content.split_once(':').unwrap_or_else(|| panic!("no key: {line}"));
        keys.retain(|(at, _)| *at < indentation);
        keys.push((indentation, key.to_owned()));
        if !value.is_empty() {
            spec.entry(path(&keys)).or_default().push(scalar(value.trim()));
        }
    }
    spec
}

fn path(keys: &[(usize, String)]) -> String {
    let keys: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
    keys.join(".")
}

/// A scalar's text. What YAML would read otherwise is refused, rather than misunderstood.
fn scalar(text: &str) -> String {
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        assert!(!inner.contains(['"', '\\']), "{text}");
        return inner.to_owned();
    }
    let special = ['"', '\'', '{', '[', '&', '*', '!', '|', '>', '%', '@', '`'];
    assert!(
        !text.starts_with(special) && !text.contains(": ") && !text.contains(" #"),
        "{text}"
    );
    text.to_owned()
}

fn buildspec(work: Work) -> Buildspec {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(work.buildspec());
    read(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// The commands of all phases but the one that prepares the environment.
fn work_lines(spec: &Buildspec) -> Vec<&str> {
    let phases = spec
        .iter()
        .filter(|(path, _)| path.starts_with("phases.") && !path.starts_with("phases.install."));
    for (path, _) in phases.clone() {
        assert!(path.ends_with(".commands"), "{path}");
    }
    phases.flat_map(|(_, lines)| lines.iter().map(String::as_str)).collect()
}

/// A line as a shell would split it: words at white space, and variables in double quotes.
fn words(line: &str, variables: &[(&str, &str)]) -> Vec<String> {
    line.split_whitespace()
        .map(|word| {
            let Some(name) = word.strip_prefix("\"$").and_then(|rest| rest.strip_suffix('"')) else {
                assert!(
                    !word.contains(['"', '\'', '$', '`', '\\', '&', '|', ';', '<', '>', '*']),
                    "{word}"
                );
                return word.to_owned();
            };
            let known = variables.iter().find(|(known, _)| *known == name);
            let (_, value) = known.unwrap_or_else(|| panic!("nothing sets {name}"));
            (*value).to_owned()
        })
        .collect()
}

/// The command that a line of work runs.
///
/// # Errors
/// When it runs something else than this command line, or with flags that it doesn't know.
fn parse(line: &str, variables: &[(&str, &str)]) -> Result<Command, String> {
    let words = words(line, variables);
    let arguments = match words.as_slice() {
        [cargo, xtask, arguments @ ..] if cargo == "cargo" && xtask == "xtask" => arguments,
        [program, arguments @ ..] if *program == format!("./{COMMAND_LINE}") => arguments,
        _ => return Err(format!("not an xtask: {line}")),
    };
    let arguments = std::iter::once("xtask").chain(arguments.iter().map(String::as_str));
    let parsed = Xtask::try_parse_from(arguments).map_err(|error| error.to_string())?;
    Ok(parsed.command)
}

/// What the template gives the builds of a kind of work, a build each.
fn variables(work: Work) -> Vec<Vec<(&'static str, &'static str)>> {
    const ROLE: (&str, &str) = (DEPLOYMENT_ROLE_VARIABLE, "arn:aws:iam::123456789012:role/Deployment");
    match work {
        Work::Build => ["none", "delay=6s"]
            .map(|fault| vec![(SOURCE_REVISION_VARIABLE, "0123abc"), (FAULT_VARIABLE, fault)])
            .to_vec(),
        Work::UpdatePipeline => vec![vec![ROLE]],
        Work::Deploy => DEPLOYMENT_ACTIONS
            .map(|(stage, _)| vec![ROLE, (DEPLOYMENT_STAGE_VARIABLE, stage)])
            .to_vec(),
    }
}

#[test]
fn every_line_of_work_is_an_xtask_with_flags_that_it_knows() {
    for work in Work::ALL {
        let spec = buildspec(work);
        assert_eq!(spec["version"], ["0.2"]);
        assert_eq!(spec["env.variables.INSTA_UPDATE"], ["no"]);
        let lines = work_lines(&spec);
        assert_eq!(lines.len(), 1, "{work:?}");
        for variables in variables(work) {
            for line in &lines {
                if let Err(error) = parse(line, &variables) {
                    panic!("{work:?}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_xtask_or_has_other_flags_is_found() {
    for (line, expected) in [
        ("cargo build --release", "not an xtask"),
        (
            "cargo xtask deploy prod --stages onebox",
            "unexpected argument '--stages'",
        ),
        ("./xtask deploy staging", "invalid value 'staging'"),
    ] {
        let error = parse(line, &[]).unwrap_err();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn each_stage_deploys_itself_without_asking_and_in_its_role() {
    let line = &buildspec(Work::Deploy)["phases.build.commands"][0];
    for variables in variables(Work::Deploy) {
        let Ok(Command::Deploy(deploy)) = parse(line, &variables) else {
            panic!("{line}");
        };
        let stage = deploy.stage.unwrap().name();
        assert!(variables.contains(&(DEPLOYMENT_STAGE_VARIABLE, stage)));
        assert_eq!(deploy.target, Target::Prod);
        assert_eq!(deploy.templates.as_deref(), Some(Path::new(TEMPLATES)));
        assert_eq!(deploy.image.as_deref(), Some(IMAGES));
        assert!(deploy.yes && deploy.role.is_some());
        // The cloud is the one that the build runs in.
        assert!(!deploy.cloud.local && deploy.cloud.region.is_none());
    }
}

#[test]
fn what_the_build_writes_is_what_codebuild_takes() {
    let spec = buildspec(Work::Build);
    let Ok(Command::Build(build)) = parse(&spec["phases.build.commands"][0], &variables(Work::Build)[0]) else {
        panic!("{spec:?}");
    };
    let folder = |path: &str| Path::new(&spec[path][0]).to_owned();
    assert_eq!(build.out, folder("artifacts.base-directory"));
    assert_eq!(spec["artifacts.files"], ["**/*"]);
    let reports = format!("reports.{TEST_REPORTS}");
    assert_eq!(build.reports, Some(folder(&format!("{reports}.base-directory"))));
    assert_eq!(spec[&format!("{reports}.file-format")], ["JUNITXML"]);
}

#[test]
fn the_folder_holds_what_the_stages_after_it_begin_with() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("old"), "").unwrap();
    let images = Images {
        source: Some("0123abc".to_owned()),
        service: "repository@sha256:1".to_owned(),
        bootstrap: "repository@sha256:2".to_owned(),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    hand_on(&root, &out, &images).unwrap();
    assert!(!out.join("old").exists());
    assert_eq!(Images::read(&out.join(IMAGES)).unwrap(), images);
    for stack in stacks::all() {
        let path = out.join(TEMPLATES).join(format!("{}.template.json", stack.name));
        assert_eq!(fs::read_to_string(path).unwrap(), stack.template);
    }
    for file in ["ci/deploy.yml", "ci/update-pipeline.yml", COMMAND_LINE] {
        assert!(out.join(file).is_file(), "{file}");
    }
}

#[test]
fn a_file_that_names_no_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(IMAGES);
    assert_eq!(exit_of(&Images::read(&path).unwrap_err()), Exit::Refused);
    fs::write(&path, "{\"service\": \"repository@sha256:1\"}").unwrap();
    let error = Images::read(&path).unwrap_err();
    assert!(error.to_string().contains("missing field `bootstrap`"), "{error}");
}
