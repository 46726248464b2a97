//! Figures as a table, as records, and as a page.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::figure::Figure;
use super::machine::Machine;
use super::reading::{Reading, Target};
use crate::table;

/// What came of a figure.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It was taken.
    Taken(Vec<Reading>),
    /// Something that it needs is missing.
    Skipped(String),
    /// It could not be taken.
    Failed(String),
}

/// A figure with what came of it.
#[derive(Debug)]
pub(super) struct Measured {
    /// Which one.
    pub(super) figure: &'static Figure,
    /// What came of it.
    pub(super) outcome: Outcome,
}

impl Measured {
    /// What was read, if it was taken.
    pub(super) fn readings(&self) -> &[Reading] {
        match &self.outcome {
            Outcome::Taken(readings) => readings,
            Outcome::Skipped(_) | Outcome::Failed(_) => &[],
        }
    }
}

const HEADER: &[&str] = &["FIGURE", "OF", "MEDIAN", "RANGE", "PEER", "RATIO", "TARGET", "MET"];

/// For people.
pub(super) fn table(all: &[Measured]) -> String {
    table::render(HEADER, &rows(all))
}

fn rows(all: &[Measured]) -> Vec<Vec<String>> {
    all.iter().flat_map(rows_of).collect()
}

fn rows_of(measured: &Measured) -> Vec<Vec<String>> {
    let name = measured.figure.name;
    match &measured.outcome {
        Outcome::Taken(readings) => readings
            .iter()
            .flat_map(|reading| rows_of_reading(name, reading))
            .collect(),
        Outcome::Skipped(why) => vec![vec![name.to_owned(), format!("skipped: {why}")]],
        Outcome::Failed(why) => {
            let why = why.lines().next().unwrap_or_default();
            vec![vec![name.to_owned(), format!("FAILED: {why}")]]
        }
    }
}

/// A line for the reading and its first peer, and one for each further peer.
fn rows_of_reading(figure: &str, reading: &Reading) -> Vec<Vec<String>> {
    let peers = reading.peers.iter().map(|peer| {
        let value = format!("{} {}", peer.name, number(peer.value));
        (value, format!("{:.2}", peer.ratio))
    });
    let mut peers = peers.collect::<Vec<_>>().into_iter();
    let (peer, ratio) = peers.next().unwrap_or_default();
    let symbol = reading.unit.symbol();
    let first = vec![
        figure.to_owned(),
        reading.what.clone(),
        format!("{} {symbol}", number(reading.value)).trim_end().to_owned(),
        reading
            .range
            .map(|(least, most)| format!("{} to {}", number(least), number(most)))
            .unwrap_or_default(),
        peer,
        ratio,
        reading.target.map(|target| aim(target, symbol)).unwrap_or_default(),
        reading.met().map(|met| verdict(met).to_owned()).unwrap_or_default(),
    ];
    let further = peers.map(|(peer, ratio)| {
        let mut row = vec![String::new(); 4];
        row.extend([peer, ratio]);
        row
    });
    std::iter::once(first).chain(further).collect()
}

fn aim(target: Target, symbol: &str) -> String {
    match target {
        Target::AtMost(most) => format!("at most {} {symbol}", number(most)).trim_end().to_owned(),
        Target::TimesPeer(least) => format!("at least {least} × the peer"),
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "yes" } else { "NO" }
}

/// Three significant digits, or all of a whole number's.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        magnitude if magnitude == 0.0 || magnitude >= 100.0 => 0,
        magnitude if magnitude >= 10.0 => 1,
        magnitude if magnitude >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    let Some((whole, fraction)) = text.split_once('.') else {
        return text;
    };
    if fraction.bytes().all(|digit| digit == b'0') {
        return whole.to_owned();
    }
    text
}

/// A reading for programs.
pub(super) fn record(figure: &str, reading: &Reading) -> Value {
    let peers = reading
        .peers
        .iter()
        .map(|peer| json!({"name": peer.name, "value": peer.value, "ratio": peer.ratio}));
    let target = match reading.target {
        Some(Target::AtMost(most)) => json!({"at_most": most}),
        Some(Target::TimesPeer(least)) => json!({"times_peer": least}),
        None => Value::Null,
    };
    json!({
        "figure": figure,
        "of": reading.what,
        "unit": reading.unit.symbol(),
        "value": reading.value,
        "least": reading.range.map_or(reading.value, |(least, _)| least),
        "most": reading.range.map_or(reading.value, |(_, most)| most),
        "peers": peers.collect::<Vec<_>>(),
        "target": target,
        "met": reading.met(),
    })
}

/// What the `result` object holds: each figure by its name, with its readings or the reason that there are none.
pub(super) fn summary(all: &[Measured]) -> Value {
    let entries = all.iter().map(|measured| {
        let name = measured.figure.name;
        let value = match &measured.outcome {
            Outcome::Taken(readings) => readings.iter().map(|reading| record(name, reading)).collect(),
            Outcome::Skipped(why) => json!({"skipped": why}),
            Outcome::Failed(why) => json!({"failed": why}),
        };
        (name.to_owned(), value)
    });
    Value::Object(entries.collect())
}

/// The page `docs/benchmarks.md`.
pub(super) fn markdown(machine: &Machine, all: &[Measured]) -> String {
    let mut page = String::from(INTRODUCTION);
    let _ = write!(page, "\n## The figures\n\n{}.\n\n", machine.describe());
    markdown_table(&mut page, all);
    page.push_str("\n## What the figures mean\n");
    for measured in all {
        let figure = measured.figure;
        let _ = write!(page, "\n### {}\n\n{}.\n", figure.name, capitalised(figure.measures));
        for sentence in sentences(figure.means) {
            let _ = writeln!(page, "{sentence}");
        }
    }
    page
}

const INTRODUCTION: &str = "# Benchmarks

Written by `cargo xtask bench --markdown > docs/benchmarks.md`; `cargo xtask bench` prints the same figures as a table, `--json` for programs, \
`--list` says what there is, and a name takes one figure alone.
Each figure stands beside a peer that did the same in the same run, in turns, and the ratio is the median of the turns' ratios: it holds on a busy \
machine too, where the absolute numbers don't.
A figure that misses its target fails nothing.
";

fn markdown_table(page: &mut String, all: &[Measured]) {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header: Vec<String> = HEADER.iter().map(|name| name.to_lowercase()).collect();
    page.push_str(&line(&header));
    page.push_str(&line(&vec!["---".to_owned(); HEADER.len()]));
    for mut row in rows(all) {
        row.resize(HEADER.len(), String::new());
        page.push_str(&line(&row));
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// One sentence a line, as the other pages have it.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(". ").map(str::trim_end)
}

#[cfg(test)]
mod tests {
    use super::super::figures::FIGURES;
    use super::super::reading::Unit;
    use super::super::statistics::Series;
    use super::*;

    fn all() -> Vec<Measured> {
        let series = |values: &[f64]| -> Series { values.iter().copied().collect() };
        let (ours, nginx) = (series(&[15_000.0, 20_000.0]), series(&[20_000.0, 20_000.0]));
        let requests = Reading::of("requests", Unit::RequestsPerSecond, &ours)
            .unwrap()
            .beside("nginx", &ours, &nginx)
            .beside("haproxy", &ours, &ours)
            .target(Target::TimesPeer(0.95));
        let rendering = Reading::once("all stacks", Unit::Milliseconds, 12.34).target(Target::AtMost(50.0));
        let measured = |place: usize, outcome| Measured {
            figure: &FIGURES[place],
            outcome,
        };
        vec![
            measured(0, Outcome::Taken(vec![rendering, requests])),
            measured(1, Outcome::Skipped("no wrk".to_owned())),
            measured(2, Outcome::Failed("cannot\nbe".to_owned())),
        ]
    }

    #[test]
    fn readings_stand_beside_their_peers() {
        insta::assert_snapshot!(table(&all()), @"
        FIGURE     OF               MEDIAN            RANGE           PEER           RATIO  TARGET                    MET
        rendering  all stacks       12.3 ms                                                 at most 50 ms             yes
        rendering  requests         17500 requests/s  15000 to 20000  nginx 20000    0.88   at least 0.95 × the peer  NO
                                                                      haproxy 17500  1.00
        image      skipped: no wrk
        start      FAILED: cannot
        ");
    }

    #[test]
    fn records_carry_the_numbers_as_they_are() {
        let all = all();
        assert_eq!(
            record("rendering", &all[0].readings()[1]),
            json!({
                "figure": "rendering",
                "of": "requests",
                "unit": "requests/s",
                "value": 17_500.0,
                "least": 15_000.0,
                "most": 20_000.0,
                "peers": [
                    {"name": "nginx", "value": 20_000.0, "ratio": 0.875},
                    {"name": "haproxy", "value": 17_500.0, "ratio": 1.0},
                ],
                "target": {"times_peer": 0.95},
                "met": false,
            })
        );
        assert_eq!(summary(&all)["image"], json!({"skipped": "no wrk"}));
    }

    #[test]
    fn the_page_says_what_the_figures_mean() {
        let machine = Machine {
            processor: "Some CPU".to_owned(),
            cores: 2,
            memory_gibibytes: 23.4,
            kernel: "6.1.0".to_owned(),
            load: "0.10".to_owned(),
        };
        let page = markdown(&machine, &all()[1..2]);
        assert!(
            page.contains("\nSome CPU, 2 cores, 23 GiB of memory, Linux 6.1.0; load at the start 0.10.\n"),
            "{page}"
        );
        assert!(
            page.contains("\n| image | skipped: no wrk |  |  |  |  |  |  |\n"),
            "{page}"
        );
        assert!(
            page.contains("\n### image\n\nThe size of the service's image.\n"),
            "{page}"
        );
        assert!(page.ends_with(".\n"), "{page}");
    }

    #[test]
    fn numbers_have_three_digits() {
        for (value, expected) in [
            (0.0, "0"),
            (0.1234, "0.123"),
            (1.0, "1"),
            (2.049, "2.05"),
            (12.34, "12.3"),
            (12.0, "12"),
            (123.4, "123"),
            (18_750.2, "18750"),
        ] {
            assert_eq!(number(value), expected);
        }
    }
}
