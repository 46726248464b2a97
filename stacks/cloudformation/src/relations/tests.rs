//! What the compiler's refusals don't show: that the right ones pass, and the edges.

use std::path::Path;

use super::{AlarmWindow, BakeTime, Capacity, Container, FargateSize, HealthCheck, Rollout, Statistic, TrafficSplit};

/// Whether making it panics; every constructor here is run when compiling otherwise.
fn is_refused<T>(make: impl FnOnce() -> T + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(make).is_err()
}

#[test]
fn statistics() {
    let known = [
        "SampleCount",
        "Sum",
        "Average",
        "Minimum",
        "Maximum",
        "IQM",
        "p0",
        "p95",
        "p99.9",
        "p100",
        "p99.9999999999",
        "tm90",
        "wm98",
        "tc95",
        "ts90",
        "TM(90%:100%)",
        "TM(2%:)",
        "TM(:98%)",
        "TM(150:1000)",
        "WM(:0.5)",
        "TC(0:1)",
        "TS(80%:)",
        "PR(:300)",
        "PR(100:2000)",
    ];
    for text in known {
        assert_eq!(Statistic::new(text).text(), text);
    }
    let unknown = [
        "",
        "sum",
        "Mean",
        "p",
        "p101",
        "p100.5",
        "p1000",
        "p9,5",
        "p.5",
        "p5.",
        "p99.99999999999",
        "P95",
        "tm",
        "TM()",
        "TM(:)",
        "TM(90%)",
        "TM(90%:100)",
        "TM(90:101%)",
        "TM(0%:101%)",
        "TM(90%:100%",
        "TM(90%:100%:)",
        "PR(1%:2%)",
        "XM(1:2)",
        "wc90",
        "iqm",
    ];
    for text in unknown {
        assert!(is_refused(|| Statistic::new(text)), "{text}");
    }
}

#[test]
fn fargate_sizes() {
    let offered = [
        (256, 512),
        (256, 1024),
        (256, 2048),
        (512, 1024),
        (512, 4096),
        (1024, 8192),
        (2048, 4096),
        (4096, 30720),
        (8192, 16384),
        (8192, 61440),
        (16384, 32768),
        (16384, 122_880),
    ];
    for (cpu, memory) in offered {
        assert!(!is_refused(|| FargateSize::new(cpu, memory)), "{cpu} {memory}");
    }
    let missing = [
        (0, 512),
        (255, 512),
        (256, 768),
        (256, 3072),
        (512, 512),
        (512, 5120),
        (512, 1536),
        (1024, 1024),
        (4096, 31744),
        (8192, 17408),
        (16384, 36864),
        (32768, 65536),
    ];
    for (cpu, memory) in missing {
        assert!(is_refused(|| FargateSize::new(cpu, memory)), "{cpu} {memory}");
    }
}

#[test]
fn rollouts() {
    let cases = [
        (100, 200, 1, true),
        (100, 100, 1000, false),
        (100, 110, 9, false),
        (100, 110, 10, true),
        (0, 100, 1, true),
        (0, 100, 0, true),
        (50, 100, 1, false),
        (50, 100, 2, true),
        (66, 100, 3, true),
        (67, 100, 3, false),
        (100, 199, 1, false),
        (101, 200, 1, false),
        (-1, 200, 1, false),
        (100, 201, 1, false),
    ];
    for (healthy, maximum, fewest, is_fine) in cases {
        let refused = is_refused(|| Rollout::new(healthy, maximum, &Capacity::new(fewest, 1000)));
        assert_eq!(!refused, is_fine, "{healthy} {maximum} {fewest}");
    }
}

#[test]
fn the_rest_at_its_edges() {
    assert!(!is_refused(|| TrafficSplit::new([0, 100])));
    assert!(is_refused(|| TrafficSplit::new([-1, 101])));
    assert!(is_refused(|| TrafficSplit::new([])));
    assert!(!is_refused(|| HealthCheck::new(5, 4, 2, 10)));
    assert!(is_refused(|| HealthCheck::new(5, 5, 2, 10)));
    assert!(is_refused(|| HealthCheck::new(301, 4, 2, 10)));
    assert!(!is_refused(|| Capacity::new(0, 1)));
    assert!(is_refused(|| Capacity::new(0, 0)));
    assert!(!is_refused(AlarmWindow::<4, 4, 60>::new));
    assert!(is_refused(AlarmWindow::<1, 1441, 60>::new));
    assert!(!is_refused(AlarmWindow::<1, 168, 3600>::new));
    assert!(is_refused(AlarmWindow::<1, 1, 45>::new));
    assert!(!is_refused(|| BakeTime::<AlarmWindow<3, 4, 60>>::minutes(9, 4)));
    assert!(is_refused(|| BakeTime::<AlarmWindow<3, 4, 60>>::minutes(8, 4)));
    assert!(!is_refused(|| BakeTime::<AlarmWindow<3, 4, 60>>::minutes(5, 0)));
    assert!(is_refused(|| BakeTime::<AlarmWindow<3, 4, 60>>::minutes(9, -1)));
    assert!(is_refused(|| BakeTime::<AlarmWindow<3, 4, 60>>::minutes(1441, 4)));
    assert!(!is_refused(|| Container::new("web-1_a", 1)));
    assert!(is_refused(|| Container::new("", 1)));
}

/// Each file plants one mistake, which it is named by; beside it stands what the compiler says, for whoever makes it.
/// `TRYBUILD=overwrite` writes that down anew. They are checked, not built: all of them fail `cargo check`.
#[test]
fn mistakes_do_not_compile() {
    // They run when the cases are dropped.
    trybuild::TestCases::new().compile_fail("mistakes/*.rs");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mistakes");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mistakes: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    assert!(mistakes.len() >= 20, "{mistakes:?}");
    for mistake in mistakes {
        assert!(mistake.with_extension("stderr").exists(), "{}", mistake.display());
    }
}
