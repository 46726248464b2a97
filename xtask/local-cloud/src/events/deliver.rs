//! What changes are told to, and what the rules that match make of them.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::resources::rule_arn;
use super::{message, pattern};
use crate::cloud::{Cloud, Effect};
use crate::code::CodeEffect;
use crate::iam;
use crate::moment;
use crate::properties::{list, text};

/// What starts a pipeline.
const START: &[&str] = &["codepipeline:StartPipelineExecution"];

impl Cloud {
    /// Notes a change that rules may be for.
    ///
    /// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>
    pub(crate) fn publish(
        &mut self,
        now: SystemTime,
        source: &str,
        detail_type: &str,
        resources: &[String],
        detail: &Value,
    ) {
        let event = json!({
            "version": "0",
            "id": self.ids.uuid(),
            "detail-type": detail_type,
            "source": source,
            "account": self.place.account_id,
            "time": moment::iso8601(now),
            "region": self.place.region,
            "resources": resources,
            "detail": detail,
        });
        self.code.events.push(event);
    }

    /// Asks every rule about the events so far, and does what those that match say; true when there were any. What comes of
    /// that is left for the next round, so that a rule that sets itself off again takes its turns with everything else.
    pub(crate) fn deliver_events(&mut self, now: SystemTime) -> bool {
        let events = std::mem::take(&mut self.code.events);
        for event in &events {
            self.deliver(now, event);
        }
        !events.is_empty()
    }

    fn deliver(&mut self, now: SystemTime, event: &Value) {
        let matching = self.code.rules.iter().filter(|(_, rule)| {
            rule.properties["State"] != "DISABLED" && pattern::matches(&rule.properties["EventPattern"], event)
        });
        let targets = matching.flat_map(|(name, rule)| {
            let targets = list(&rule.properties, "Targets").iter();
            targets.filter_map(|target| {
                let arn = text(target, "Arn")?;
                let role = text(target, "RoleArn");
                Some((rule_arn(self, name), arn, role, message::message(target, event)))
            })
        });
        for (rule, target, role, message) in targets.collect::<Vec<_>>() {
            if let Some(pipeline) = target.strip_prefix(&self.place.arn("codepipeline", "")) {
                let judged = role.map_or(Ok(()), |role| iam::lets_service(self, now, &role, START, &target));
                match judged {
                    Ok(()) => self.start_by_rule(now, pipeline, &rule),
                    // A rule has nobody to tell.
                    Err(refusal) => tracing::warn!(rule, "{refusal}"),
                }
            } else {
                let topic = target;
                self.effects.push(Effect::Code(CodeEffect::Publish { topic, message }));
            }
        }
    }
}
