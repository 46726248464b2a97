//! Which failed requests what was done on purpose accounts for: by stage, by kind, by time.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::traffic::{Failed, NO_STAGE};

/// Something that makes requests fail, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// What makes them fail.
    pub(crate) cause: Cause,
    /// Since when.
    pub(crate) from: SystemTime,
    /// Until when.
    pub(crate) until: SystemTime,
}

/// What makes requests fail; stages by their value, `onebox` or `fleet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    /// The stage's image answers 500 when asked to.
    Answers500(String),
    /// Tasks of the stage end while they are in service: the load balancer has nobody to pass a request to.
    TasksEnd(String),
    /// The local cloud is away, and the load balancer with it; its targets are new to it when it comes back.
    CloudAway,
}

/// A failed request, and where it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The stage that was asked for; none for requests that the load balancer shared out by its weights.
    pub(crate) aimed_at: Option<String>,
    /// What came of it.
    pub(crate) failed: Failed,
}

/// What came of accounting for every failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// How many failures have a cause.
    pub(crate) explained: usize,
    /// How many have none, by what came of them.
    pub(crate) unexplained: BTreeMap<String, usize>,
}

/// Accounts for every failure.
pub(crate) fn account(failures: &[Failure], windows: &[Window]) -> Account {
    let mut account = Account::default();
    for failure in failures {
        if windows.iter().any(|window| window.explains(failure)) {
            account.explained += 1;
        } else {
            *account.unexplained.entry(failure.in_words()).or_default() += 1;
        }
    }
    account
}

impl Window {
    fn explains(&self, failure: &Failure) -> bool {
        let Failed { sent, ended, .. } = failure.failed;
        // Under way at any moment of it.
        sent <= self.until && ended >= self.from && self.cause.explains(failure)
    }
}

impl Cause {
    fn explains(&self, failure: &Failure) -> bool {
        let Failed { stage, status, .. } = &failure.failed;
        let by_the_balancer = stage == NO_STAGE && matches!(status, Some(502..=504));
        match self {
            Self::Answers500(at) => stage == at && *status == Some(500),
            Self::TasksEnd(at) => by_the_balancer && failure.aimed_at.as_ref().is_none_or(|aimed| aimed == at),
            Self::CloudAway => by_the_balancer || status.is_none(),
        }
    }
}

impl Failure {
    fn in_words(&self) -> String {
        let aimed = self.aimed_at.as_deref().unwrap_or("either stage");
        let Failed { stage, status, why, .. } = &self.failed;
        match status {
            Some(status) if stage == NO_STAGE => format!("{status} of the load balancer to a request for {aimed}"),
            Some(status) => format!("{status} of {stage} to a request for {aimed}"),
            None => format!("no answer to a request for {aimed}: {why}"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    pub(in crate::soak) fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A failure from one second to another.
    pub(in crate::soak) fn failure(
        aimed_at: Option<&str>,
        (stage, status): (&str, Option<u16>),
        seconds: [u64; 2],
    ) -> Failure {
        Failure {
            aimed_at: aimed_at.map(ToOwned::to_owned),
            failed: Failed {
                sent: at(seconds[0]),
                ended: at(seconds[1]),
                stage: stage.to_owned(),
                status,
                why: String::new(),
            },
        }
    }

    fn explained(cause: Cause, failure: Failure) -> bool {
        let window = Window {
            cause,
            from: at(10),
            until: at(20),
        };
        let account = account(&[failure], &[window]);
        assert_eq!(account.explained + account.unexplained.len(), 1);
        account.explained == 1
    }

    #[test]
    fn a_failure_is_explained_by_stage_and_kind() {
        let during = |aimed, answer| failure(aimed, answer, [12, 13]);
        let (errors, end) = (
            || Cause::Answers500("onebox".to_owned()),
            || Cause::TasksEnd("onebox".to_owned()),
        );
        let (onebox, fleet) = (Some("onebox"), Some("fleet"));
        assert!(explained(errors(), during(None, ("onebox", Some(500)))));
        assert!(!explained(errors(), during(None, ("fleet", Some(500)))));
        assert!(!explained(errors(), during(None, ("onebox", Some(503)))));
        assert!(!explained(errors(), during(onebox, ("none", Some(502)))));
        assert!(!explained(errors(), during(onebox, ("none", None))));

        assert!(explained(end(), during(onebox, ("none", Some(502)))));
        assert!(explained(end(), during(None, ("none", Some(504)))));
        assert!(!explained(end(), during(fleet, ("none", Some(502)))));
        assert!(!explained(end(), during(onebox, ("onebox", Some(500)))));
        assert!(
            !explained(end(), during(onebox, ("none", None))),
            "the balancer is there"
        );

        assert!(explained(Cause::CloudAway, during(fleet, ("none", None))));
        assert!(explained(Cause::CloudAway, during(fleet, ("none", Some(503)))));
        assert!(!explained(Cause::CloudAway, during(fleet, ("fleet", Some(500)))));
    }

    #[test]
    fn a_failure_is_explained_by_time() {
        let away = |seconds| explained(Cause::CloudAway, failure(None, ("none", None), seconds));
        assert!(!away([8, 9]));
        assert!(away([9, 10]));
        assert!(away([9, 30]));
        assert!(away([20, 30]));
        assert!(!away([21, 30]));
    }

    #[test]
    fn what_is_unexplained_is_named_and_counted() {
        let failures = [
            failure(None, ("none", None), [1, 2]),
            failure(Some("fleet"), ("none", Some(502)), [1, 2]),
            failure(Some("fleet"), ("none", Some(502)), [2, 3]),
            failure(Some("onebox"), ("onebox", Some(503)), [2, 3]),
        ];
        let unexplained = account(&failures, &[]).unexplained;
        let lines: Vec<String> = unexplained
            .iter()
            .map(|(what, count)| format!("{count} × {what}"))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @"
        2 × 502 of the load balancer to a request for fleet
        1 × 503 of onebox to a request for onebox
        1 × no answer to a request for either stage:
        ");
    }
}
