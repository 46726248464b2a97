//! Reading faults, and which requests they hit.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Faults, Vec<String>> {
    Faults::parse(text, ONEBOX)
}

/// Reads faults at Onebox; one line a fault as it was understood, or a problem.
fn check(text: &str, expected: &str) {
    let seen = match parse(text) {
        Ok(faults) => faults.to_string(),
        Err(problems) => problems.join("\n"),
    };
    assert_eq!(seen, expected, "for {text:?}");
}

#[test]
fn reads_faults() {
    check("delay=6s", "delay=6000ms@100.0000%");
    check("delay=6s@5%", "delay=6000ms@5.0000%");
    check("delay=250ms@0.5%", "delay=250ms@0.5000%");
    check("error=500@10%", "error=500@10.0000%");
    check("hang", "hang@100.0000%");
    check("hang@25%", "hang@25.0000%");
    check("close", "close@100.0000%");
    check("close@25%", "close@25.0000%");
    check("wrong-body@10%", "wrong-body@10.0000%");
    check("aws-call", "aws-call@100.0000%");
    check("wedge-after=60", "wedge-after=60");
    check("crash@1%", "crash@1.0000%");
    check("exit-at-start", "exit-at-start");
    check("unhealthy-after=2m", "unhealthy-after=120000ms");
    check(
        "delay=6s@5%, error=503@0.0001%,unhealthy-after=30s",
        "delay=6000ms@5.0000%,error=503@0.0001%,unhealthy-after=30000ms",
    );
}

#[test]
fn a_fault_of_one_stage_shows_in_no_other() {
    check("error=500@10%:fleet", "");
    check(
        "error=500@10%:fleet,delay=1s:onebox,hang",
        "delay=1000ms@100.0000%,hang@100.0000%",
    );
    check("exit-at-start:onebox,unhealthy-after=2m:fleet", "exit-at-start");
    let fleet = Faults::parse("error=500@10%:fleet,exit-at-start:onebox", FLEET).unwrap();
    assert_eq!(fleet.to_string(), "error=500@10.0000%");
    check("hang:flet", "fault `hang:flet`: `flet` is not a stage, onebox or fleet");
    check("delay:fleet", "fault `delay:fleet`: needs a duration, such as delay=6s");
}

#[test]
fn names_what_is_wrong() {
    let duration = "is not a duration above 0 and up to 60m, such as 500ms, 6s or 2m";
    let share = "is not a share above 0% and up to 100%, such as 5% or 0.5%, with at most four decimals";
    for value in ["6", "0s", "-1s", "6 s", "61m", "1h", "s", "99999999999999999999s"] {
        check(
            &format!("delay={value}"),
            &format!("fault `delay={value}`: `{value}` {duration}"),
        );
    }
    for value in [
        "5", "0%", "100.1%", "1000%", "%", ".5%", "5.%", "0.00001%", "+5%", "1e1%",
    ] {
        check(
            &format!("hang@{value}"),
            &format!("fault `hang@{value}`: `{value}` {share}"),
        );
    }
    for value in ["200", "399", "600", "abc", ""] {
        let problem = format!("fault `error={value}`: `{value}` is not an error status from 400 to 599");
        check(&format!("error={value}"), &problem);
    }
    check("delay", "fault `delay`: needs a duration, such as delay=6s");
    check("error", "fault `error`: needs a status, such as error=500");
    for name in ["close", "hang", "wrong-body", "aws-call", "crash", "exit-at-start"] {
        check(
            &format!("{name}=6s"),
            &format!("fault `{name}=6s`: takes no value: {name}"),
        );
    }
    check(
        "wedge-after",
        "fault `wedge-after`: needs a number of requests, such as wedge-after=60",
    );
    for value in ["0", "-1", "+1", "1000001", "60s", "99999999999999999999", ""] {
        check(
            &format!("wedge-after={value}"),
            &format!("fault `wedge-after={value}`: `{value}` is not a number of requests from 1 to 1000000"),
        );
    }
    for fault in ["exit-at-start@5%", "unhealthy-after=30s@5%", "wedge-after=60@5%"] {
        let problem = "is not a fault of single requests, so it takes no share";
        check(fault, &format!("fault `{fault}`: {problem}"));
    }
    let unknown = "is not one of delay=6s, error=500, close, hang, wrong-body, aws-call, crash, wedge-after=60, \
                   exit-at-start, unhealthy-after=30s";
    check(
        "slow,delay=1s,",
        &format!("fault `slow`: {unknown}\nfault ``: {unknown}"),
    );
}

#[test]
fn a_share_is_every_so_many_requests() {
    let faults = parse("error=500@5%").unwrap();
    let hit: Vec<u64> = (0..100)
        .filter(|number| faults.strike(*number).instead.is_some())
        .collect();
    assert_eq!(hit, [19, 39, 59, 79, 99]);
}

#[test]
fn faults_with_the_same_share_hit_different_requests() {
    let faults = parse("delay=1s@10%,error=500@10%").unwrap();
    let both = |strike: Strike| strike.delay > Duration::ZERO && strike.instead.is_some();
    assert!(!(0..10_000).any(|number| both(faults.strike(number))));
}

#[test]
fn delays_add_up_and_the_first_end_wins() {
    let strike = parse("delay=1s,error=500,delay=2s,crash").unwrap().strike(7);
    assert_eq!(strike.delay, Duration::from_secs(3));
    assert_eq!(strike.instead, Some(Effect::Error(StatusCode::INTERNAL_SERVER_ERROR)));
}

#[test]
fn an_aws_call_comes_before_what_happens_in_place_of_the_handler() {
    let faults = parse("error=500@50%,aws-call").unwrap();
    let instead: Vec<_> = (0..2).map(|number| faults.strike(number).instead.is_some()).collect();
    assert_eq!(instead, [false, true]);
    assert!((0..2).all(|number| faults.strike(number).aws_call));
    assert!(faults.call_aws());
    assert!(!parse("error=500").unwrap().call_aws());
}

#[test]
fn wedged_once_so_many_requests_came() {
    let faults = parse("error=500,wedge-after=60").unwrap();
    let hangs = |number| faults.strike(number).instead == Some(Effect::Hang);
    assert!((0..60).all(|number| !hangs(number)));
    assert!((60..120).chain([u64::MAX]).all(hangs));
}

#[test]
fn unhealthy_from_its_moment_on() {
    let faults = parse("unhealthy-after=30s").unwrap();
    assert!(!faults.unhealthy(Duration::from_millis(29_999)));
    assert!(faults.unhealthy(Duration::from_secs(30)));
    assert!(!Faults::default().unhealthy(Duration::MAX));
}

fn any_fault() -> impl Strategy<Value = RequestFault> {
    let effect = prop_oneof![
        (1..=3_600_000_u64).prop_map(|milliseconds| Effect::Delay(Duration::from_millis(milliseconds))),
        (400..=599_u16).prop_map(|status| Effect::Error(StatusCode::from_u16(status).unwrap())),
        Just(Effect::Close),
        Just(Effect::Hang),
        Just(Effect::WrongBody),
        Just(Effect::AwsCall),
        Just(Effect::Crash),
    ];
    (effect, 1..=Share::WHOLE).prop_map(|(effect, millionths)| RequestFault {
        effect,
        share: Share(millionths),
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(
        of_requests in proptest::collection::vec(any_fault(), 1..5),
        exit_at_start: bool,
        unhealthy_after in proptest::option::of(1..=3_600_000_u64),
        wedge_after in proptest::option::of(1..=MOST_REQUESTS),
    ) {
        let unhealthy_after = unhealthy_after.map(Duration::from_millis);
        let faults = Faults { of_requests, exit_at_start, unhealthy_after, wedge_after };
        prop_assert_eq!(parse(&faults.to_string()), Ok(faults));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".*") {
        let _ = parse(&text);
    }

    /// Of any number of requests in a row, from anywhere, the share is hit, to within one request.
    #[test]
    fn a_share_is_exact(millionths in 1..=Share::WHOLE, index in 0..10_u64, start: u64, length in 1..5_000_u64) {
        let start = start % (u64::MAX - length);
        let hits = (start..start + length).filter(|number| Share(millionths).hits(*number, index)).count() as u64;
        let exact = length * u64::from(millionths) / u64::from(Share::WHOLE);
        prop_assert!(hits.abs_diff(exact) <= 1, "{hits} hits, {exact} expected");
    }
}
