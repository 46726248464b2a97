//! What delivers: the pipeline, its builds, and what both keep.

use anyhow::Context as _;
use serde_json::Value;

use super::kinds::{BUCKET, BUILD_PROJECT, DAYS, IMAGE_REPOSITORY, PIPELINE, figure, needed, same};
use super::scene::{Line, Resource, Scene};

/// MB of an image; `cargo xtask bench image` measures it.
const IMAGE_MEGABYTES: f64 = 2.0;

/// GB that the pipeline's stages hand on at a push: source, and the folder with the command line.
const ARTIFACT_GIGABYTES_A_PUSH: f64 = 0.1;

/// The actions of the pipelines that run a project: the stage of each.
fn stages_of<'a>(scene: Scene<'a>, project: &'a str) -> impl Iterator<Item = &'a str> {
    let stages = scene
        .of(PIPELINE)
        .filter_map(|pipeline| pipeline.properties["Stages"].as_array());
    stages.flatten().flat_map(move |stage| {
        let actions = stage["Actions"].as_array().into_iter().flatten();
        let runs = actions.filter(move |action| action["Configuration"]["ProjectName"] == *project);
        runs.filter_map(move |_| stage["Name"].as_str())
    })
}

/// Minutes of an action of a stage at a push.
fn minutes(scene: Scene<'_>, stage: &str) -> f64 {
    match stage {
        "Source" => 1.0,
        "Build" => scene.usage.build_minutes,
        _ => scene.usage.stage_minutes,
    }
}

/// Minutes of each project's builds.
pub(super) fn builds(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let line = |project: Resource<'_>| {
        let compute = needed(project.properties, "/Environment/ComputeType", project.id)?;
        let known = scene.prices.build_minute.iter().find(|(name, _)| *compute == *name);
        let (name, price) = known.with_context(|| format!("{} has compute type {compute}", project.id))?;
        let name_of_project = needed(project.properties, "/Name", project.id)?
            .as_str()
            .unwrap_or_default();
        let minutes: f64 = stages_of(scene, name_of_project)
            .map(|stage| minutes(scene, stage))
            .sum();
        Ok(same(
            format!("{}: {} minutes", project.id, minutes * scene.usage.pushes),
            minutes * scene.usage.pushes * price,
            format!("{} pushes, {name}", scene.usage.pushes),
        ))
    };
    scene.of(BUILD_PROJECT).map(line).collect()
}

/// Minutes of the pipeline's actions.
pub(super) fn pipelines(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let line = |pipeline: Resource<'_>| {
        let stages = needed(pipeline.properties, "/Stages", pipeline.id)?.as_array();
        let minutes_of = |stage: &Value| {
            let count = stage["Actions"].as_array().map_or(0, Vec::len);
            let each = minutes(scene, stage["Name"].as_str().unwrap_or_default());
            std::iter::repeat_n(each, count).sum::<f64>()
        };
        let minutes: f64 = stages.into_iter().flatten().map(minutes_of).sum();
        Ok(same(
            format!("{}: {} minutes", pipeline.id, minutes * scene.usage.pushes),
            minutes * scene.usage.pushes * scene.prices.pipeline_minute,
            format!("{} pushes, type V2", scene.usage.pushes),
        ))
    };
    scene.of(PIPELINE).map(line).collect()
}

/// From one image to as many as the repository keeps.
pub(super) fn images(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let line = |repository: Resource<'_>| {
        let policy = needed(
            repository.properties,
            "/LifecyclePolicy/LifecyclePolicyText",
            repository.id,
        )?;
        let policy: Value = serde_json::from_str(policy.as_str().unwrap_or_default())?;
        // Those that never expire are few: what runs, and what a rollback needs.
        let last = policy["rules"].as_array().and_then(|rules| rules.last());
        let last = last.with_context(|| format!("{} keeps every image", repository.id))?;
        let kept = needed(last, "/selection/countNumber", repository.id)?;
        let kept = figure(kept).context("a number of images that is none")?;
        let image = IMAGE_MEGABYTES / 1e3 * scene.prices.image_gigabyte_month;
        Ok(Line {
            what: format!("{}: 1 to {kept} images", repository.id),
            least: image,
            most: kept * image,
            because: format!("{IMAGE_MEGABYTES} MB each"),
        })
    };
    scene.of(IMAGE_REPOSITORY).map(line).collect()
}

/// What stages hand on is kept twice as long as its expiration says: once as it is, once as an old version.
pub(super) fn artifacts(scene: Scene<'_>) -> anyhow::Result<Vec<Line>> {
    let line = |bucket: Resource<'_>| {
        let days = needed(
            bucket.properties,
            "/LifecycleConfiguration/Rules/0/ExpirationInDays",
            bucket.id,
        )?;
        let months = 2.0 * figure(days).context("days that are no number")? / DAYS;
        let gigabytes = scene.usage.pushes * ARTIFACT_GIGABYTES_A_PUSH * months;
        Ok(same(
            format!("{}: {gigabytes:.1} GB", bucket.id),
            gigabytes * scene.prices.object_gigabyte_month,
            format!("{} pushes", scene.usage.pushes),
        ))
    };
    scene.of(BUCKET).map(line).collect()
}
