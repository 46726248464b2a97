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
