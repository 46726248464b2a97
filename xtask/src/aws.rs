//! AWS, as far as this command line uses it: the only user of the SDK, whose types end here.
//!
//! Every verb is idempotent, so that it can be repeated after an answer got lost.

pub(crate) mod calls;
pub(crate) mod cli;
pub(crate) mod clock;
pub(crate) mod cloudformation;
pub(crate) mod cloudwatch;
mod codebuild;
mod codecommit;
pub(crate) mod codepipeline;
mod date;
mod drift;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod elb;
mod error;
mod json;
pub(crate) mod logs;
mod query;
mod quotas;
mod rehearsal;
#[cfg(test)]
pub(crate) mod replay;
mod service;

use std::time::{Duration, SystemTime};

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_sts::operation::get_caller_identity::{GetCallerIdentityError, GetCallerIdentityOutput};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use local_cloud::Running;

use self::cli::Cli;
use self::clock::ServerClock;
use self::date::LastDate;
use crate::aws::error::{failure, lacking};

/// A minute as AWS's metrics and waits count it.
const MINUTE: Duration = Duration::from_mins(1);

/// Where to reach AWS, and as whom.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reach {
    /// As the environment and the profile say.
    Configured {
        /// The profile, if not the environment's.
        profile: Option<String>,
        /// The region, if not the environment's or the profile's.
        region: Option<String>,
    },
    /// At one endpoint, with given credentials.
    Endpoint {
        /// The URL.
        url: String,
        /// The region to sign for.
        region: String,
        /// The access key's id.
        access_key_id: String,
        /// The secret key.
        secret_access_key: String,
        /// How many times faster than on AWS its waits pass.
        speed: f64,
    },
}

impl Reach {
    /// The AWS CLI, for the same cloud.
    fn cli(&self) -> Cli {
        match self {
            Self::Configured { profile, region } => Cli::configured(profile.as_deref(), region.as_deref()),
            Self::Endpoint {
                url,
                region,
                access_key_id,
                secret_access_key,
                ..
            } => Cli::at(url, region, [access_key_id, secret_access_key]),
        }
    }
}

impl Reach {
    fn minute(&self) -> Duration {
        match self {
            Self::Configured { .. } => MINUTE.div_f64(configured_speed(|name| std::env::var(name).ok())),
            Self::Endpoint { speed, .. } => MINUTE.div_f64(speed.max(1.0)),
        }
    }
}

/// How many times faster than on AWS the waits pass where the environment says to reach it: a build of a local cloud gets
/// its speed together with its endpoint.
fn configured_speed(variable: impl Fn(&str) -> Option<String>) -> f64 {
    let speed = variable("AWS_ENDPOINT_URL").and_then(|_| variable(local_cloud::SPEED_VARIABLE));
    let speed = speed.and_then(|speed| speed.parse::<f64>().ok());
    speed.filter(|speed| (1.0..=1000.0).contains(speed)).unwrap_or(1.0)
}

/// A local cloud that runs.
impl From<Running> for Reach {
    fn from(running: Running) -> Self {
        Self::Endpoint {
            url: running.endpoint,
            region: running.region,
            access_key_id: running.access_key_id,
            secret_access_key: running.secret_access_key,
            speed: running.speed,
        }
    }
}

/// AWS, reached with credentials that are resolved when first needed.
#[derive(Debug, Clone)]
pub(crate) struct Aws {
    config: SdkConfig,
    clock: ServerClock,
    minute: Duration,
    cloudformation: calls::CloudFormation,
    ecr: calls::Ecr,
    sts: calls::Sts,
    deployment_role: Option<String>,
    cli: Cli,
}

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The account's number.
    pub(crate) account_id: String,
    /// The ARN of the user or role.
    pub(crate) arn: String,
}

impl Aws {
    /// Reads the configuration; asks nothing of AWS yet.
    pub(crate) async fn new(reach: &Reach) -> Self {
        let clock = ServerClock::new();
        let loader = aws_config::defaults(BehaviorVersion::latest())
            .time_source(clock.clone())
            .retry_config(retries())
            .timeout_config(timeouts());
        let loader = match reach {
            Reach::Configured { profile, region } => configured(loader, profile.as_deref(), region.as_deref()),
            Reach::Endpoint {
                url,
                region,
                access_key_id,
                secret_access_key,
                ..
            } => loader
                .http_client(http_client(Some(url)))
                .endpoint_url(url)
                .region(Region::new(region.clone()))
                .credentials_provider(Credentials::new(
                    access_key_id,
                    secret_access_key,
                    None,
                    None,
                    "local cloud",
                )),
        };
        Self {
            cli: reach.cli(),
            minute: reach.minute(),
            ..Self::with(loader.load().await, clock)
        }
    }

    fn with(config: SdkConfig, clock: ServerClock) -> Self {
        Self {
            cloudformation: calls::CloudFormation::new(&config, &clock),
            ecr: calls::Ecr::new(&config, &clock),
            sts: calls::Sts::new(&config, &clock),
            config,
            clock,
            minute: MINUTE,
            deployment_role: None,
            cli: Cli::default(),
        }
    }

    /// The same, with CloudFormation acting in a role where one is named, and otherwise with the credentials' own rights.
    pub(crate) fn deploying_in(self, role: Option<String>) -> Self {
        Self {
            deployment_role: role,
            ..self
        }
    }

    /// The AWS CLI, for the same cloud.
    pub(crate) fn cli(&self) -> &Cli {
        &self.cli
    }

    /// The region.
    pub(crate) fn region(&self) -> &str {
        self.config.region().map_or(constants::DEFAULT_REGION, AsRef::as_ref)
    }

    /// The time on AWS's clock.
    pub(crate) fn now(&self) -> SystemTime {
        self.clock.time()
    }

    /// AWS's clock.
    pub(crate) fn clock(&self) -> ServerClock {
        self.clock.clone()
    }

    /// How long one of AWS's minutes lasts: less on a local cloud that runs faster.
    pub(crate) fn minute(&self) -> Duration {
        self.minute
    }

    /// The endpoint that takes the place of AWS's own, if one does.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// Whether it is reached on this machine, where asking often costs nothing.
    pub(crate) fn is_near(&self) -> bool {
        let authority = self
            .endpoint()
            .and_then(|url| url.split_once("://"))
            .map(|(_, rest)| rest);
        authority.is_some_and(|rest| {
            ["127.0.0.1", "localhost", "[::1]"]
                .iter()
                .any(|host| rest.starts_with(host))
        })
    }

    /// Asks whose credentials these are.
    ///
    /// # Errors
    /// When there are none, they have expired, or AWS can't be reached.
    pub(crate) async fn identity(&self) -> anyhow::Result<Identity> {
        self.identity_and_date().await.0
    }

    /// Asks whose credentials these are, and what the clock shows of whoever answers or refuses.
    pub(crate) async fn identity_and_date(&self) -> (anyhow::Result<Identity>, Option<SystemTime>) {
        let date = LastDate::default();
        let answer = self
            .sts
            .get_caller_identity()
            .customize()
            .interceptor(date.clone())
            .send()
            .await;
        (identity(answer), date.get())
    }
}

fn identity(
    answer: Result<GetCallerIdentityOutput, SdkError<GetCallerIdentityError, HttpResponse>>,
) -> anyhow::Result<Identity> {
    let answer = answer.map_err(|error| failure("tell whose credentials these are", &error))?;
    let account_id = answer
        .account()
        .ok_or_else(|| lacking("AWS names no account"))?
        .to_owned();
    Ok(Identity {
        account_id,
        arn: answer.arn().unwrap_or_default().to_owned(),
    })
}

/// A time as AWS writes it: `2026-11-22T22:04:05Z`.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let time = aws_smithy_types::DateTime::from(time);
    // It fails for years that no clock here shows.
    time.fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap_or_default()
}

/// The same to the second, always as wide: for columns.
pub(crate) fn whole_seconds(time: SystemTime) -> String {
    let seconds = aws_smithy_types::DateTime::from(time).secs();
    // It fails for years that no clock here shows.
    aws_smithy_types::DateTime::from_secs(seconds)
        .fmt(aws_smithy_types::date_time::Format::DateTime)
        .unwrap_or_default()
}

/// The same to the millisecond, always as wide.
pub(crate) fn whole_milliseconds(time: SystemTime) -> String {
    let milliseconds = aws_smithy_types::DateTime::from(time).subsec_nanos() / 1_000_000;
    let seconds = whole_seconds(time);
    format!("{}.{milliseconds:03}Z", seconds.trim_end_matches('Z'))
}

/// The loader for what the environment and the profile say, or rather what the flags say.
///
/// The region is looked for where [`constants::DEFAULT_REGION`] says, and no further: the default chain would also ask
/// for an EC2 instance's metadata, and elsewhere wait for an answer that never comes.
fn configured(loader: ConfigLoader, profile: Option<&str>, region: Option<&str>) -> ConfigLoader {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").ok();
    let mut loader = loader.http_client(http_client(endpoint.as_deref()));
    let mut from_profile = ProfileFileRegionProvider::builder();
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
        from_profile = from_profile.profile_name(profile);
    }
    let flag = region.map(|region| Region::new(region.to_owned()));
    let chain = RegionProviderChain::first_try(flag)
        .or_else(EnvironmentVariableRegionProvider::new())
        .or_else(from_profile.build())
        .or_else(Region::from_static(constants::DEFAULT_REGION));
    loader.region(chain)
}

/// A client without TLS for a plain endpoint, so that a machine without any certificates can use a local cloud.
fn http_client(endpoint: Option<&str>) -> SharedHttpClient {
    let builder = aws_smithy_http_client::Builder::new();
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        builder.build_http()
    } else {
        builder
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https()
    }
}

/// What is throttled or lost is asked for five times in all.
fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(5)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build()
}

#[cfg(test)]
mod speed {
    use super::*;

    #[test]
    fn the_environments_speed_counts_with_an_endpoint_alone() {
        let at = |endpoint: Option<&str>, speed: &str| {
            configured_speed(|name| match name {
                "AWS_ENDPOINT_URL" => endpoint.map(ToOwned::to_owned),
                local_cloud::SPEED_VARIABLE => Some(speed.to_owned()),
                _ => None,
            })
        };
        let near = Some("http://127.0.0.1:4566");
        let differs = |left: f64, right: f64| (left - right).abs() > f64::EPSILON;
        for (endpoint, speed, expected) in [
            (near, "30", 30.0),
            (near, "0.5", 1.0),
            (near, "fast", 1.0),
            (None, "30", 1.0),
        ] {
            assert!(!differs(at(endpoint, speed), expected), "{speed}");
        }
    }
}
