//! How soon a bad change is noticed, and what it harms until then.

use anyhow::{Context as _, ensure};
use constants::load_balancer::ONEBOX_WEIGHT;
use serde_json::Value;

use super::figure::Figure;
use super::reading::{Reading, Unit};
use super::site::Site;
use super::statistics::Series;

/// A bad change, noticed by its alarm.
pub(super) const FIGURE: Figure = Figure {
    name: "detection",
    measures: "how soon an alarm notices a bad change on Onebox, and how many requests come to harm, against the least that AWS's rules allow",
    means: "`cargo xtask rehearse slow errors`: real tasks, a thousand real requests a second, no probes. Minutes are AWS's, from the first \
            request that came to harm until the alarm fires. The rules allow it when three minutes are over of which each breaches, that of \
            the first harm among them, and their metrics are published, 2 minutes late: 4 to 5 minutes, by how far into its minute \
            that harm came. At the least, Onebox's share of the \
            requests comes to harm for as long as that; what is counted goes on until the old image serves again.",
    needs: &[],
    take,
};

fn take(site: &Site) -> anyhow::Result<Vec<Reading>> {
    site.go_on()?;
    let output = site.xtask(&["rehearse", "slow", "errors", "--json"])?.output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let verdicts: Vec<Value> = said
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|record: &Value| record["type"] == "verdict")
        .collect();
    ensure!(verdicts.len() == 2, "the rehearsal wasn't played: {said}");
    let mut readings = Vec::new();
    for verdict in &verdicts {
        let name = verdict["scenario"].as_str().unwrap_or_default();
        let measured = Measured::of(verdict).with_context(|| format!("no alarm fired in {name}: {verdict}"))?;
        let minutes = beside_floor(
            name,
            "minutes to the alarm",
            Unit::Minutes,
            measured.minutes,
            measured.floor_minutes,
        );
        readings.push(minutes?);
        // Of the others a part alone comes to harm, by chance more or less of it.
        if name == "slow" {
            readings.push(beside_floor(
                name,
                "requests harmed",
                Unit::Count,
                measured.harmed,
                measured.harmed_floor,
            )?);
        }
    }
    Ok(readings)
}

fn beside_floor(name: &str, what: &str, unit: Unit, value: f64, floor: f64) -> anyhow::Result<Reading> {
    let (own, floor) = (Series::from_iter([value]), Series::from_iter([floor]));
    Ok(Reading::of(format!("{name}: {what}"), unit, &own)?.beside("AWS's rules", &own, &floor))
}

/// What a verdict tells.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Measured {
    minutes: f64,
    floor_minutes: f64,
    harmed: f64,
    harmed_floor: f64,
}

impl Measured {
    fn of(verdict: &Value) -> Option<Self> {
        let floor_minutes = verdict["detection"]["floor_minutes"].as_f64()?;
        let floor_seconds = floor_minutes * 60.0 / verdict["speed"].as_f64()?;
        #[expect(clippy::cast_precision_loss, reason = "a per cent")]
        let share = ONEBOX_WEIGHT as f64 / 100.0;
        let harmed = verdict["harmed"].as_object()?.values().filter_map(Value::as_f64);
        Some(Self {
            minutes: verdict["detection"]["minutes"].as_f64()?,
            floor_minutes,
            harmed: harmed.sum(),
            harmed_floor: verdict["rate"].as_f64()? * share * floor_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_floor_of_harm_is_oneboxs_share_for_as_long_as_the_rules_take() {
        let verdict = json!({
            "detection": {"minutes": 2.75, "floor_minutes": 2.5},
            "harmed": {"onebox": 400, "none": 2},
            "speed": 4.0,
            "rate": 1000.0,
        });
        let expected = Measured {
            minutes: 2.75,
            floor_minutes: 2.5,
            harmed: 402.0,
            harmed_floor: 375.0,
        };
        assert_eq!(Measured::of(&verdict), Some(expected));
        assert_eq!(Measured::of(&json!({"detection": null})), None);
    }
}
