//! What AWS says: whose credentials these are, of which account and region, and what its clock shows.

use std::time::{Duration, SystemTime};

use stacks::Environment;

use super::{Finding, Verdict, quotas};
use crate::account;
use crate::aws::{Aws, Identity, Reach};
use crate::exit::Failure;
use crate::flags::Cloud;
use crate::progress::human;

/// From here on AWS refuses a signature as expired or not yet good.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const SIGNATURE_LIFE: Duration = Duration::from_mins(5);

/// A clock that is this far off is off for a reason, and will soon be further. The `Date` header has whole seconds.
const NOTABLE_SKEW: Duration = Duration::from_secs(30);

/// Asks AWS.
pub(super) async fn look(cloud: &Cloud) -> Vec<Finding> {
    let aws = Aws::new(&Reach::Configured {
        profile: cloud.profile.clone(),
        region: cloud.region.clone(),
    })
    .await;
    let (identity, date) = aws.identity_and_date().await;
    let mut findings = vec![
        endpoint(aws.endpoint()),
        clock(date, SystemTime::now()),
        credentials(&identity, aws.region()),
    ];
    let Ok(identity) = identity else { return findings };
    if !aws.is_near() {
        let environments = [Environment::Sandbox, Environment::Deployments, Environment::Production];
        findings.extend(environments.map(|environment| pins(&identity, environment)));
    }
    findings.extend(quotas::look(&aws).await);
    findings
}

fn endpoint(endpoint: Option<&str>) -> Finding {
    match endpoint {
        None => Finding::fine("endpoint", "AWS's own"),
        Some(endpoint) => Finding::warning(
            "endpoint",
            format!("what is meant for AWS goes to {endpoint}"),
            "if that isn't meant: unset AWS_ENDPOINT_URL",
        ),
    }
}

fn credentials(identity: &anyhow::Result<Identity>, region: &str) -> Finding {
    match identity {
        Ok(identity) => Finding::fine(
            "credentials",
            format!("account {} in {region}, as {}", identity.account_id, identity.arn),
        ),
        Err(error) => Finding {
            fix: Failure::of(error)
                .map(|failure| failure.next.clone())
                .unwrap_or_default(),
            ..Finding::failing("credentials", format!("{error:#}"), "")
        },
    }
}

fn pins(identity: &Identity, environment: Environment) -> Finding {
    let name = match environment {
        Environment::Sandbox => "sandbox",
        Environment::Deployments => "toolchain",
        Environment::Production => "prod",
    };
    let pins = account::own_pins(environment);
    match account::check(&identity.account_id, &pins) {
        Ok(()) if pins.is_empty() => Finding::fine(name, "bound to no account"),
        Ok(()) => Finding::fine(name, format!("bound to account {}", identity.account_id)),
        // Another environment's credentials are no fault as long as that one is deployed with its own.
        Err(failure) => Finding {
            verdict: Verdict::Warning,
            fix: failure.next.clone(),
            ..Finding::fine(name, failure.what)
        },
    }
}

fn clock(date: Option<SystemTime>, now: SystemTime) -> Finding {
    let name = "clock";
    let Some(date) = date else {
        return Finding::not_checked(name, "no answer carried a date");
    };
    let (skew, how) = match now.duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let found = format!("{} {how} AWS's", human(skew));
    let fix = "let the system set it (on systemd: timedatectl set-ntp true)";
    if skew >= SIGNATURE_LIFE {
        Finding::failing(
            name,
            format!("{found}, which refuses signatures {} off", human(SIGNATURE_LIFE)),
            fix,
        )
    } else if skew >= NOTABLE_SKEW {
        Finding::warning(name, found, fix)
    } else {
        Finding::fine(name, format!("within {} s of AWS's", NOTABLE_SKEW.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_by_its_distance() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let check = |date, verdict, found: &str| {
            let finding = clock(date, now);
            assert_eq!((finding.verdict, finding.found.as_str()), (verdict, found));
        };
        let away = |seconds| Duration::from_secs(seconds);
        check(Some(now + away(29)), Verdict::Fine, "within 30 s of AWS's");
        check(Some(now - away(90)), Verdict::Warning, "1 min 30 s ahead of AWS's");
        check(
            Some(now + away(300)),
            Verdict::Failing,
            "5 min 0 s behind AWS's, which refuses signatures 5 min 0 s off",
        );
        check(None, Verdict::NotChecked, "no answer carried a date");
    }

    #[test]
    fn credentials_that_fail_carry_the_failures_fix() {
        let error = Failure::preflight("expired").next("get new ones");
        let finding = credentials(&Err(error.into()), "us-east-1");
        assert_eq!(finding.verdict, Verdict::Failing);
        assert_eq!(finding.fix, ["get new ones"]);
    }

    #[test]
    fn another_endpoint_is_said() {
        assert_eq!(endpoint(None).verdict, Verdict::Fine);
        assert_eq!(endpoint(Some("http://127.0.0.1:4566")).verdict, Verdict::Warning);
    }
}
