//! What a local cloud is asked to run with, what it runs with, and what it kept from before.

use local_cloud::{Bake, DEFAULT_METRIC_LAG_MINUTES, DEFAULT_SPEED, Running};
use serde_json::{Value, json};

use crate::code::Code;
use crate::exit::Failure;
use crate::flags::LocalSettings;

/// How a command would have the local cloud that it uses; what isn't asked for is as before, or as usual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Its runtime and speed.
    pub(crate) settings: &'a LocalSettings,
    /// The port on 127.0.0.1.
    pub(crate) port: Option<u16>,
    /// The region that it plays.
    pub(crate) region: Option<&'a str>,
}

/// Names the settings that a local cloud which was just started kept from before: neither asked for now nor the defaults.
pub(super) fn kept(running: &Running, settings: &LocalSettings) -> Option<String> {
    let speed = settings.speed.is_none() && differs(running.speed, DEFAULT_SPEED);
    let lag = settings.metric_lag.is_none() && differs(running.metric_lag_minutes, DEFAULT_METRIC_LAG_MINUTES);
    let bake = settings.bake.is_none() && running.bake != Bake::default();
    let kept = [
        speed.then(|| (format!("speed {}", running.speed), format!("--speed {DEFAULT_SPEED}"))),
        lag.then(|| {
            let kept = format!("metric lag {} min", running.metric_lag_minutes);
            (kept, format!("--metric-lag {DEFAULT_METRIC_LAG_MINUTES}"))
        }),
        bake.then(|| {
            let usual = Bake::default().name();
            (format!("bake {}", running.bake.name()), format!("--bake {usual}"))
        }),
    ];
    let (kept, flags): (Vec<_>, Vec<_>) = kept.into_iter().flatten().unzip();
    (!kept.is_empty()).then(|| {
        format!(
            "it keeps its settings from before: {}; to change that: `cargo xtask local stop`, then start it with `{}`",
            kept.join(", "),
            flags.join(" ")
        )
    })
}

fn differs(left: f64, right: f64) -> bool {
    (left - right).abs() > f64::EPSILON
}

/// In what a running local cloud differs from what is asked for now.
pub(super) fn difference(running: &Running, asked: &Asked<'_>) -> Option<String> {
    let settings = asked.settings;
    let runtime = settings
        .runtime
        .map(crate::flags::Runtime::name)
        .filter(|name| *name != "auto" && *name != running.runtime);
    let speed = settings.speed.filter(|speed| differs(*speed, running.speed));
    let lag = settings
        .metric_lag
        .filter(|minutes| differs(*minutes, running.metric_lag_minutes));
    let bake = settings.bake.filter(|bake| *bake != running.bake);
    let port = asked
        .port
        .filter(|port| !running.endpoint.ends_with(&format!(":{port}")));
    let region = asked.region.filter(|region| *region != running.region);
    let differences: Vec<String> = [
        runtime.map(|name| format!("with runtime {} and not {name}", running.runtime)),
        speed.map(|speed| format!("at speed {} and not {speed}", running.speed)),
        lag.map(|minutes| {
            format!(
                "with a metric lag of {} min and not {minutes}",
                running.metric_lag_minutes
            )
        }),
        bake.map(|bake| format!("with bake {} and not {}", running.bake.name(), bake.name())),
        port.map(|port| format!("at {} and not on port {port}", running.endpoint)),
        region.map(|region| format!("in {} and not {region}", running.region)),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// Settings were asked for that the local cloud wasn't started with; to go on with others would answer another question.
///
/// All that it keeps is of its region, so that it can't go on with that in another.
pub(super) fn runs_otherwise(difference: &str, elsewhere: bool) -> Failure {
    let anew = if elsewhere {
        "or remove all that it has: `cargo xtask destroy --all --local`, then this command again"
    } else {
        "or have it start anew with its stacks and other settings: `cargo xtask local stop`, then this command again"
    };
    Failure::refused(format!("the local cloud runs already, {difference}"))
        .code(Code::LocalSettings)
        .next("leave out the flag, to use it as it runs")
        .next(anew)
}

pub(super) fn serve_arguments(asked: &Asked<'_>) -> Vec<String> {
    let arguments = [
        asked.port.map(|port| format!("--port={port}")),
        asked.region.map(|region| format!("--region={region}")),
        asked
            .settings
            .runtime
            .map(|runtime| format!("--runtime={}", runtime.name())),
        asked.settings.speed.map(|speed| format!("--speed={speed}")),
        asked
            .settings
            .metric_lag
            .map(|minutes| format!("--metric-lag={minutes}")),
        asked.settings.bake.map(|bake| format!("--bake={}", bake.name())),
    ];
    arguments.into_iter().flatten().collect()
}

pub(super) fn describe(running: &Running) -> String {
    let minutes = running.metric_lag_minutes;
    let lag = if differs(minutes, 0.0) {
        format!(", metrics {minutes} min late")
    } else {
        String::new()
    };
    let bake = match running.bake {
        Bake::Honoured => "",
        Bake::Ignored => ", bake ignored",
    };
    format!(
        "{}, runtime {}, speed {} (a minute takes {:.1} s){lag}{bake}, region {}, process {}",
        running.endpoint,
        running.runtime,
        running.speed,
        60.0 / running.speed,
        running.region,
        running.process_id
    )
}

pub(super) fn record(running: &Running) -> Value {
    json!({
        "running": true,
        "endpoint": running.endpoint,
        "runtime": running.runtime,
        "speed": running.speed,
        "metric_lag_minutes": running.metric_lag_minutes,
        "bake": running.bake.name(),
        "region": running.region,
        "account_id": running.account_id,
        "process_id": running.process_id,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::flags::Runtime;

    pub(in crate::local) fn running() -> Running {
        Running {
            endpoint: "http://127.0.0.1:4566".to_owned(),
            process_id: 1,
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            runtime: "process".to_owned(),
            speed: 12.0,
            metric_lag_minutes: DEFAULT_METRIC_LAG_MINUTES,
            bake: Bake::Honoured,
            access_key_id: "local".to_owned(),
            secret_access_key: "local".to_owned(),
        }
    }

    #[test]
    fn other_settings_than_asked_for_are_said() {
        let asked = |runtime, speed| LocalSettings {
            runtime,
            speed,
            ..LocalSettings::default()
        };
        for (settings, port, region, expected) in [
            (asked(None, None), None, None, None),
            (
                asked(Some(Runtime::Auto), Some(12.0)),
                Some(4566),
                Some("us-east-1"),
                None,
            ),
            (
                asked(Some(Runtime::Docker), None),
                None,
                Some("eu-central-1"),
                Some("with runtime process and not docker, in us-east-1 and not eu-central-1"),
            ),
            (
                asked(None, Some(1.0)),
                Some(4567),
                None,
                Some("at speed 12 and not 1, at http://127.0.0.1:4566 and not on port 4567"),
            ),
            (
                LocalSettings {
                    metric_lag: Some(4.0),
                    bake: Some(Bake::Ignored),
                    ..LocalSettings::default()
                },
                None,
                None,
                Some("with a metric lag of 2 min and not 4, with bake honoured and not ignored"),
            ),
        ] {
            let asked = Asked {
                settings: &settings,
                port,
                region,
            };
            assert_eq!(difference(&running(), &asked).as_deref(), expected);
        }
    }

    #[test]
    fn settings_that_were_kept_are_said() {
        let at = |speed| Running { speed, ..running() };
        let asked = |speed| LocalSettings {
            speed,
            ..LocalSettings::default()
        };
        let late = Running {
            metric_lag_minutes: 4.0,
            bake: Bake::Ignored,
            ..at(60.0)
        };
        assert_eq!(kept(&at(12.0), &asked(None)), None);
        assert_eq!(kept(&at(60.0), &asked(Some(60.0))), None);
        insta::assert_snapshot!(
            kept(&at(60.0), &asked(None)).unwrap(),
            @"it keeps its settings from before: speed 60; to change that: `cargo xtask local stop`, then start it with `--speed 12`"
        );
        insta::assert_snapshot!(
            kept(&late, &asked(Some(60.0))).unwrap(),
            @"it keeps its settings from before: metric lag 4 min, bake ignored; to change that: `cargo xtask local stop`, then start it with `--metric-lag 2 --bake honoured`"
        );
        assert_eq!(
            describe(&late),
            "http://127.0.0.1:4566, runtime process, speed 60 (a minute takes 1.0 s), metrics 4 min late, bake ignored, region us-east-1, process 1"
        );
    }

    #[test]
    fn settings_that_it_does_not_run_with_are_refused() {
        let failure = runs_otherwise("with runtime docker and not process", false);
        assert_eq!(failure.exit, crate::exit::Exit::Refused);
        insta::assert_snapshot!(crate::telling::report::text(&failure.into()), @"
        error[E-LOCAL-SETTINGS]: the local cloud runs already, with runtime docker and not process
          next: leave out the flag, to use it as it runs
          next: or have it start anew with its stacks and other settings: `cargo xtask local stop`, then this command again
        ");
        let elsewhere = runs_otherwise("in us-east-1 and not eu-central-1", true);
        insta::assert_snapshot!(crate::telling::report::text(&elsewhere.into()), @"
        error[E-LOCAL-SETTINGS]: the local cloud runs already, in us-east-1 and not eu-central-1
          next: leave out the flag, to use it as it runs
          next: or remove all that it has: `cargo xtask destroy --all --local`, then this command again
        ");
    }
}
