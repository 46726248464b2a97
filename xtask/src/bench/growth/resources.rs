//! Stacks of few and of many resources.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::ensure;
use cloudformation::generated::logs_log_group::LogGroup;
use serde_json::{Map, Value};

use crate::bench::cloud::LocalCloud;
use crate::bench::figure::Figure;
use crate::bench::process::processor_seconds;
use crate::bench::reading::{Reading, Unit};
use crate::bench::site::Site;
use crate::bench::statistics::Series;
use crate::stack::Wanted;

/// Few and many. CloudFormation takes 500:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
const FEW: u32 = 10;
const MANY: u32 = 400;

/// How many stacks of each size are made.
const ROUNDS: u32 = 5;

/// Templates with 10 and with 400 resources.
pub(in crate::bench) const FIGURE: Figure = Figure {
    name: "growth-resources",
    measures: "templates with 400 resources against templates with 10",
    means: "A template of log groups, which the local cloud makes without waiting for anything, is rendered from Rust structs and deployed \
            by change set to an empty local cloud, in turns with one of ten. A ratio of 40 is growth in proportion; less is a cost that \
            isn't the resources', more would be growth out of proportion.",
    needs: &[],
    take,
};

/// What a template of one size takes.
#[derive(Debug, Default)]
struct Taken {
    rendering_milliseconds: Series,
    seconds: Series,
    processor_seconds: Series,
}

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let cloud = LocalCloud::new(site)?;
    cloud.xtask(&["local", "start", "--runtime", "process"])?;
    let (mut few, mut many) = (Taken::default(), Taken::default());
    for round in 0..ROUNDS {
        site.go_on()?;
        few.add(&cloud, FEW, round)?;
        many.add(&cloud, MANY, round)?;
    }
    let peer = format!("{FEW} resources");
    let reading = |what: &str, unit, series: fn(&Taken) -> &Series| -> anyhow::Result<Reading> {
        let reading = Reading::of(format!("{MANY} resources, {what}"), unit, series(&many))?;
        Ok(reading.beside(&peer, series(&many), series(&few)))
    };
    Ok(vec![
        reading("rendering", Unit::Milliseconds, |taken| &taken.rendering_milliseconds)?,
        reading("creation", Unit::Seconds, |taken| &taken.seconds)?,
        reading("the local cloud's work", Unit::ProcessorSeconds, |taken| {
            &taken.processor_seconds
        })?,
    ])
}

impl Taken {
    fn add(&mut self, cloud: &LocalCloud, resources: u32, round: u32) -> anyhow::Result<()> {
        let name = format!("growth-{resources}-{round}");
        let begun = Instant::now();
        let text = render(&name, resources)?;
        self.rendering_milliseconds.push(begun.elapsed().as_secs_f64() * 1000.0);
        let wanted = Wanted {
            name,
            template: compact(&text)?,
            parameters: BTreeMap::new(),
            kept: Vec::new(),
        };
        let process_id = cloud.running()?.process_id;
        let (before, begun) = (processor_seconds(process_id)?, Instant::now());
        let status = cloud.change(&wanted, true)?;
        ensure!(status == "CREATE_COMPLETE", "{} ended as {status}", wanted.name);
        self.seconds.push(begun.elapsed().as_secs_f64());
        self.processor_seconds.push(processor_seconds(process_id)? - before);
        Ok(())
    }
}

fn render(name: &str, resources: u32) -> anyhow::Result<String> {
    let mut template = cloudformation::Template::new("Log groups.");
    for number in 0..resources {
        let group = LogGroup::new().log_group_name(format!("/{name}/{number}"));
        let _ = template.add(format!("Group{number}"), "One of many.", group);
    }
    Ok(template.render()?)
}

/// Without the spaces and reasons that are for people: a request takes 51,200 bytes.
fn compact(template: &str) -> anyhow::Result<String> {
    let mut template: Value = serde_json::from_str(template)?;
    for resource in template["Resources"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if let Some(attributes) = resource.as_object_mut() {
            attributes.remove("Metadata");
        }
    }
    Ok(template.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_as_many_resources_as_it_should() {
        let text = compact(&render("growth-400-0", MANY).unwrap()).unwrap();
        let template: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(template["Resources"].as_object().unwrap().len(), 400);
        assert!(text.len() <= 51_200, "{} bytes", text.len());
    }
}
