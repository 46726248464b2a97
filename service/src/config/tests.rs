//! Reading the configuration.

use super::*;

fn read(variables: &[(&str, &str)]) -> Result<Config, Vec<Problem>> {
    Config::from_environment(&|wanted| {
        let found = variables.iter().find(|(variable, _)| *variable == wanted);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// The problems, a line each.
fn problems(variables: &[(&str, &str)]) -> String {
    let problems = read(variables).unwrap_err();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn everything_has_a_default() {
    let config = read(&[]).unwrap();
    assert_eq!(
        config,
        read(&[("PORT", ""), ("SERVICE_FAULT", "")]).unwrap(),
        "empty is unset"
    );
    insta::assert_debug_snapshot!(config);
}

#[test]
fn every_value_can_be_set() {
    let config = read(&[
        ("PORT", "0"),
        ("BIND_ADDRESS", "::1"),
        ("SERVICE_STAGE", "onebox"),
        ("SERVICE_RELEASE", "sha256:2222"),
        ("SERVICE_LOG", "warn"),
        ("SERVICE_FAULT", "delay=6s@5%,unhealthy-after=30s"),
        ("SERVICE_MAX_CONNECTIONS", "2"),
        ("SERVICE_MAX_CONCURRENT_REQUESTS", "1"),
        ("SERVICE_MAX_HEADER_BYTES", "2048"),
        ("SERVICE_MAX_BODY_BYTES", "0"),
        ("SERVICE_REQUEST_TIMEOUT_SECONDS", "3"),
        ("SERVICE_HEADER_TIMEOUT_SECONDS", "4"),
        ("SERVICE_IDLE_TIMEOUT_SECONDS", "5"),
        ("SERVICE_STOP_TIMEOUT_SECONDS", "6"),
    ]);
    insta::assert_debug_snapshot!(config.unwrap());
}

#[test]
fn every_bad_value_is_named_at_once() {
    let seen = problems(&[
        ("PORT", "65536"),
        ("BIND_ADDRESS", "localhost"),
        ("SERVICE_STAGE", "One Box"),
        ("SERVICE_LOG", "verbose"),
        ("SERVICE_FAULT", "delay,hang@0%"),
        ("SERVICE_MAX_CONNECTIONS", "0"),
        ("SERVICE_MAX_CONCURRENT_REQUESTS", "-1"),
        ("SERVICE_MAX_HEADER_BYTES", "12"),
        ("SERVICE_MAX_BODY_BYTES", "1 MB"),
        ("SERVICE_REQUEST_TIMEOUT_SECONDS", "0"),
        ("SERVICE_HEADER_TIMEOUT_SECONDS", "10s"),
        ("SERVICE_IDLE_TIMEOUT_SECONDS", "1.5"),
        ("SERVICE_STOP_TIMEOUT_SECONDS", "3601"),
    ]);
    insta::assert_snapshot!(seen);
}

#[test]
fn a_stop_may_not_cut_requests_off() {
    let seen = problems(&[("SERVICE_STOP_TIMEOUT_SECONDS", "19")]);
    insta::assert_snapshot!(seen);
}

/// Where the fault `aws-call` calls, and where it gets its credentials, or what is wrong with the variables.
#[track_caller]
fn check_aws(variables: &[(&str, &str)], expected: &str) {
    let faults = ("SERVICE_FAULT", "aws-call@50%");
    let region = ("AWS_REGION", "eu-west-1");
    let variables: Vec<_> = variables.iter().copied().chain([faults, region]).collect();
    let seen = match read(&variables) {
        Err(_) => problems(&variables),
        Ok(config) => {
            let aws = config.aws.expect("the fault calls AWS");
            let credentials = aws.credentials.map_or("none".to_owned(), |url| url.to_string());
            format!("{} in {} with {credentials}", aws.endpoint, aws.region)
        }
    };
    assert_eq!(seen, expected);
}

#[test]
fn a_fault_that_calls_aws_needs_to_know_where_it_is() {
    const ENDPOINT: (&str, &str) = ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566");
    const FULL: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:4566/task");
    const RELATIVE: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1");
    check_aws(&[ENDPOINT], "http://127.0.0.1:4566/ in eu-west-1 with none");
    check_aws(
        &[ENDPOINT, FULL],
        "http://127.0.0.1:4566/ in eu-west-1 with http://127.0.0.1:4566/task",
    );
    check_aws(
        &[ENDPOINT, FULL, RELATIVE],
        "http://127.0.0.1:4566/ in eu-west-1 with http://169.254.170.2/v2/credentials/1",
    );
    check_aws(
        &[],
        "AWS_ENDPOINT_URL: the fault aws-call needs it; the local cloud sets it",
    );
    check_aws(
        &[("AWS_ENDPOINT_URL", "https://monitoring.eu-west-1.amazonaws.com")],
        "AWS_ENDPOINT_URL: `https://monitoring.eu-west-1.amazonaws.com` is not an http:// URL; the service has no TLS",
    );
    check_aws(
        &[ENDPOINT, ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/relative")],
        "AWS_CONTAINER_CREDENTIALS_FULL_URI: `/relative` is not an http:// URL; the service has no TLS",
    );
    check_aws(
        &[ENDPOINT, ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "two\nlines")],
        "AWS_CONTAINER_AUTHORIZATION_TOKEN: is not allowed in a header",
    );
    assert_eq!(read(&[("SERVICE_FAULT", "hang")]).unwrap().aws, None);
}

#[test]
fn an_authorization_token_is_never_shown() {
    let config = read(&[
        ("SERVICE_FAULT", "aws-call"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"),
    ]);
    let aws = config.unwrap().aws.unwrap();
    assert!(!format!("{aws:?}").contains("secret"));
    assert_eq!(aws.authorization.unwrap().header_value(), "secret");
}
