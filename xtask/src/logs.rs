//! `logs`: what the service's tasks wrote.

mod line;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use stacks::Stage;

use crate::aws::logs::LogLine;
use crate::aws::{Aws, rfc3339};
use crate::cloud;
use crate::context::Context;
use crate::environment::Stacks;
use crate::flags::{Logs, ServiceStage};
use crate::patience::patiently;
use crate::progress::human;
use crate::stack::absent::absent;
use crate::telling::event_code::EventCode;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_secs(5);

/// How long where asking costs nothing.
const NEAR_PAUSE: Duration = Duration::from_millis(500);

/// How far behind the newest line others may still appear: CloudWatch Logs takes each task's lines in when they come.
const OVERLAP: Duration = Duration::from_secs(30);

/// How far back to begin, unless told.
const SINCE: Duration = Duration::from_mins(10);

/// How many lines to begin with when what follows is asked for, and nobody says from when on.
const TAIL: usize = 20;

/// The lines that tell of something that went wrong: the service logs an answer with a 5xx status as an error.
const ERRORS: &str = "?ERROR ?WARN";

impl Logs {
    /// Prints what the tasks of both stages or one wrote; goes on printing what they write, if asked to.
    ///
    /// # Errors
    /// When the environment isn't deployed (exit status 4), when AWS can't be asked, or when interrupted before all is shown
    /// that there is: what follows is shown until it is interrupted, and that is no error.
    pub(crate) async fn run(self, context: &Context) -> anyhow::Result<Value> {
        let environment: stacks::Environment = self.environment.into();
        let aws = cloud::look(context, &self.cloud, &[environment]).await?;
        let stack = Stacks::of(self.environment).service.name;
        let leaving = "interrupted: nothing was changed";
        let found = patiently(context, leaving, async || aws.stack(&stack).await).await?;
        if found.is_none() {
            return Err(absent(&stack, &self.environment.deploys(&self.cloud)).into());
        }
        let since = self.since.unwrap_or(SINCE);
        let stages = stages(self.stage).iter();
        let mut groups: Vec<Group> = stages
            .map(|stage| Group::new(environment.log_group_name(*stage), aws.now() - since))
            .collect();
        let (mut count, mut tail) = (0, self.tail());
        let pause = if aws.is_near() { NEAR_PAUSE } else { PAUSE };
        loop {
            let pattern = self.pattern();
            let read = patiently(context, leaving, async || read(&aws, &groups, pattern).await).await?;
            let mut lines = take(&mut groups, read);
            // Of what was there already; what comes is shown whole.
            if let Some(tail) = tail.take() {
                lines.drain(..lines.len().saturating_sub(tail));
            }
            count += lines.len();
            for line in &lines {
                show(context, line);
            }
            if !self.follow {
                if count == 0 {
                    context.progress.line(&nothing(pattern, since));
                }
                return Ok(json!({"lines": count}));
            }
            if context.interrupt.sleep(leaving, pause).await.is_err() {
                return Ok(json!({"lines": count}));
            }
        }
    }

    /// What lines have to match.
    fn pattern(&self) -> Option<&str> {
        if self.errors {
            Some(ERRORS)
        } else {
            self.filter.as_deref()
        }
    }

    /// How many of the lines that are there already are shown; all, where none is given.
    fn tail(&self) -> Option<usize> {
        let usual = self.follow && self.since.is_none();
        self.tail.or_else(|| usual.then_some(TAIL))
    }
}

/// What is said where there is no line.
fn nothing(pattern: Option<&str>, since: Duration) -> String {
    let since = human(since);
    match pattern {
        Some(ERRORS) => format!("no line of the last {since} is an error or a warning"),
        Some(pattern) => {
            format!("no line of the last {since} matches `{pattern}`: a pattern tells capitals from small letters")
        }
        None => format!("the tasks wrote nothing in the last {since}"),
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
    context.output.line(&line::render(line));
    let fields = json!({"time": rfc3339(line.time), "stream": line.stream, "message": line.text});
    context.output.event(EventCode::Line, fields);
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

    fn logs(arguments: &[&str]) -> Logs {
        use clap::Parser as _;
        let arguments = ["xtask", "logs", "sandbox"].iter().chain(arguments);
        match crate::flags::Xtask::try_parse_from(arguments).unwrap().command {
            crate::flags::Command::Logs(logs) => logs,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn following_begins_with_the_last_lines_unless_told_when() {
        let check = |arguments: &[&str], expected| assert_eq!(logs(arguments).tail(), expected, "{arguments:?}");
        check(&[], None);
        check(&["--follow"], Some(TAIL));
        check(&["--follow", "--since", "1m"], None);
        check(&["--follow", "--tail", "0"], Some(0));
        check(&["--tail", "5"], Some(5));
    }

    #[test]
    fn nothing_found_is_said() {
        let check = |arguments: &[&str]| nothing(logs(arguments).pattern(), SINCE);
        insta::assert_snapshot!(check(&[]), @"the tasks wrote nothing in the last 10 min 0 s");
        insta::assert_snapshot!(check(&["--errors"]), @"no line of the last 10 min 0 s is an error or a warning");
        insta::assert_snapshot!(check(&["--filter", "error"]), @"no line of the last 10 min 0 s matches `error`: a pattern tells capitals from small letters");
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
