//! `logs`: what the service's tasks wrote.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stacks::Stage;

use crate::aws::logs::LogLine;
use crate::aws::{Aws, rfc3339};
use crate::cloud;
use crate::code::Code;
use crate::context::Context;
use crate::environment::Stacks;
use crate::exit::Failure;
use crate::flags::{Logs, ServiceStage};
use crate::patience::patiently;
use crate::telling::event_code::EventCode;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// How far behind the newest line others may still appear: CloudWatch Logs takes each task's lines in when they come.
const OVERLAP: Duration = Duration::from_secs(30);

/// How much of a task's id tells it from the others.
const TASK_SHOWN: usize = 8;

impl Logs {
    /// Prints what the tasks of both stages or one wrote; goes on printing what they write, if asked to.
    ///
    /// # Errors
    /// When the environment isn't deployed (exit status 4), when AWS can't be asked, or when interrupted.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let environment: stacks::Environment = self.environment.into();
        let aws = cloud::connect(context, &self.cloud, &[environment]).await?;
        let stack = Stacks::of(self.environment).service.name;
        let leaving = "interrupted: nothing was changed";
        let found = patiently(context, leaving, async || aws.stack(&stack).await).await?;
        if found.is_none() {
            let next = format!(
                "deploy it with `cargo xtask deploy {}{}`",
                self.environment.name(),
                self.cloud.arguments()
            );
            let failure = Failure::preflight(format!("there is no stack {stack}")).code(Code::NoStack);
            return Err(failure.next(next).into());
        }
        let stages = stages(self.stage).iter();
        let mut groups: Vec<Group> = stages
            .map(|stage| Group::new(environment.log_group_name(*stage), SystemTime::now() - self.since))
            .collect();
        let mut count = 0;
        let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
        loop {
            let pattern = self.filter.as_deref();
            let read = patiently(context, leaving, async || read(&aws, &groups, pattern).await).await?;
            let lines = take(&mut groups, read);
            count += lines.len();
            for line in &lines {
                show(context, line);
            }
            if !self.follow {
                return Ok(json!({"lines": count}));
            }
            context.interrupt.sleep(leaving, pause).await?;
        }
    }
}

fn stages(asked: Option<ServiceStage>) -> &'static [Stage] {
    match asked {
        None => &[Stage::Onebox, Stage::Fleet],
        Some(ServiceStage::Onebox) => &[Stage::Onebox],
        Some(ServiceStage::Fleet) => &[Stage::Fleet],
    }
}

/// The lines of each group since it was read last. It may be asked for again: none counts as shown before it is taken.
async fn read(aws: &Aws, groups: &[Group], pattern: Option<&str>) -> anyhow::Result<Vec<Vec<LogLine>>> {
    let mut read = Vec::new();
    for group in groups {
        let (mut lines, mut page) = (Vec::new(), None);
        loop {
            let (more, next) = aws
                .log_lines(&group.name, group.since, pattern, page.as_deref())
                .await?;
            lines.extend(more);
            if next.is_none() {
                break;
            }
            page = next;
        }
        read.push(lines);
    }
    Ok(read)
}

/// Those lines of all groups that weren't shown yet, in the order of their times.
fn take(groups: &mut [Group], read: Vec<Vec<LogLine>>) -> Vec<LogLine> {
    let taken = groups.iter_mut().zip(read).flat_map(|(group, lines)| group.take(lines));
    let mut new: Vec<LogLine> = taken.collect();
    new.sort_by_key(|line| line.time);
    new
}

/// A log group, and how far it was read.
#[derive(Debug)]
struct Group {
    name: String,
    since: SystemTime,
    /// The lines that were shown since, by id, and when they were written.
    shown: BTreeMap<String, SystemTime>,
}

impl Group {
    fn new(name: String, since: SystemTime) -> Self {
        Self {
            name,
            since,
            shown: BTreeMap::new(),
        }
    }

    /// Those of these lines that weren't seen before.
    fn take(&mut self, lines: Vec<LogLine>) -> Vec<LogLine> {
        let mut new = lines;
        new.retain(|line| self.shown.insert(line.id.clone(), line.time).is_none());
        let newest = self.shown.values().max();
        let since = newest.and_then(|newest| newest.checked_sub(OVERLAP));
        self.since = since.map_or(self.since, |since| since.max(self.since));
        // Nothing older is asked for again.
        let since = self.since;
        self.shown.retain(|_, time| *time >= since);
        new
    }
}

fn show(context: &Context, line: &LogLine) {
    context.output.line(&render(line));
    let fields = json!({"time": rfc3339(line.time), "stream": line.stream, "message": line.text});
    context.output.event(EventCode::Line, fields);
}

/// The time, the stage, the task and the text: the stream is `stage/container/task`.
fn render(line: &LogLine) -> String {
    let stage = line.stream.split('/').next().unwrap_or_default();
    let task = line.stream.rsplit('/').next().unwrap_or_default();
    let task: String = task.chars().take(TASK_SHOWN).collect();
    format!("{} {stage} {task} {}", rfc3339(line.time), line.text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::replay::Replay;
    use crate::stack::script::lost;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn line(id: &str, seconds: u64) -> LogLine {
        LogLine {
            id: id.to_owned(),
            stream: "Onebox/service/0123456789abcdef".to_owned(),
            time: at(seconds),
            text: "ready".to_owned(),
        }
    }

    #[test]
    fn a_line_is_shown_once_and_one_that_comes_late_too() {
        let mut group = Group::new("group".to_owned(), at(0));
        assert_eq!(group.take(vec![line("a", 100)]), [line("a", 100)]);
        assert_eq!(group.since, at(70));
        let late = vec![line("late", 80), line("a", 100), line("b", 101)];
        assert_eq!(group.take(late), [line("late", 80), line("b", 101)]);
        assert_eq!(group.take(vec![line("late", 80), line("a", 100)]), []);
        group.take(vec![line("c", 200)]);
        assert_eq!(group.shown.keys().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_line_tells_when_and_where_it_was_written() {
        assert_eq!(render(&line("a", 1)), "1970-01-01T00:00:01Z Onebox 01234567 ready");
    }

    #[tokio::test]
    async fn all_pages_of_both_groups_are_put_in_order() {
        let answer = |id: &str, milliseconds: u64, next: Option<&str>| {
            let event = json!({"eventId": id, "logStreamName": "s", "timestamp": milliseconds, "message": id});
            (200, json!({"events": [event], "nextToken": next}).to_string())
        };
        let replay = Replay::new([answer("b", 2, Some("more")), answer("c", 3, None), answer("a", 1, None)]);
        let mut groups = ["onebox", "fleet"].map(|name| Group::new(name.to_owned(), at(0)));
        let lines = read(&replay.aws(), &groups, None).await.unwrap();
        let lines = take(&mut groups, lines);
        let ids: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert!(replay.requests()[1].contains(r#""nextToken":"more""#));
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_a_lost_network_hid_are_shown_once_it_is_back() {
        let answer = |id: &str, next: Option<&str>| {
            let event = json!({"eventId": id, "logStreamName": "s", "timestamp": 1, "message": id});
            (200, json!({"events": [event], "nextToken": next}).to_string())
        };
        let answers = [
            answer("a", Some("more")),
            lost(),
            lost(),
            answer("a", None),
            answer("b", None),
        ];
        let replay = Replay::new(answers);
        let mut groups = ["onebox", "fleet"].map(|name| Group::new(name.to_owned(), at(0)));
        let (aws, context) = (replay.aws(), Context::hidden());
        let asked = patiently(&context, "interrupted", async || read(&aws, &groups, None).await).await;
        let shown = take(&mut groups, asked.unwrap());
        assert_eq!(
            shown.iter().map(|line| line.id.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        let said = context.progress.said();
        assert!(
            said.contains("connection reset by peer; asking again for up to 10 min 0 s"),
            "{said}"
        );
        assert!(said.contains("AWS answers again"), "{said}");
    }
}
