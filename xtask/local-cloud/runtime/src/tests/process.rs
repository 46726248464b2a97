//! Tasks as processes.

use super::{alike, answer, container, exit, layer, log_with, on_disk, program, task, until};
use crate::{Identity, ImageOnDisk, ImageReference, Runtime, RuntimeKind, TaskSpec, Ulimit};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Fixture {
    runtime: Runtime,
    image: ImageReference,
    folder: TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let layer = layer(&[("program", &std::fs::read(program()).unwrap()), ("data/text", b"text")]);
    let image = ImageReference {
        reference: String::new(),
        on_disk: on_disk(folder.path(), &layer),
    };
    Fixture {
        runtime: open(folder.path()),
        image,
        folder,
    }
}

fn open(folder: &Path) -> Runtime {
    Runtime::process(&folder.join("home")).unwrap()
}

impl Fixture {
    fn task(&self, id: &str, arguments: &[&str]) -> TaskSpec {
        task(id, &self.image, arguments)
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Nothing that a failed test started stays behind, read-only folders included.
        let folder = self.folder.path().to_owned();
        std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            tokio.block_on(async { open(&folder).sweep(&[]).await.unwrap() })
        })
        .join()
        .unwrap();
    }
}

/// Whether a process runs, rather than waits for its parent to ask after it.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn the_machine_can_run_processes() {
    assert_eq!(fixture().runtime.kind(), RuntimeKind::Process);
    let detected = Runtime::detect().await;
    let process = detected
        .iter()
        .find(|detected| detected.kind == RuntimeKind::Process)
        .unwrap();
    assert!(process.available.is_ok(), "{detected:?}");
}

#[tokio::test]
async fn a_task_starts_and_stops() {
    let fixture = fixture();
    alike::starts_and_stops(&fixture.runtime, fixture.task("t1", &["serve"])).await;
}

#[tokio::test]
async fn a_task_that_will_not_stop_is_killed() {
    let fixture = fixture();
    alike::kills_after_the_grace(&fixture.runtime, fixture.task("t1", &["serve-for-ever"])).await;
}

#[tokio::test]
async fn exit_codes_are_told() {
    let fixture = fixture();
    alike::tells_exit_codes(&fixture.runtime, fixture.task("t0", &["exit", "0"]), 0).await;
    alike::tells_exit_codes(&fixture.runtime, fixture.task("t1", &["exit", "42"]), 42).await;
    alike::tells_exit_codes(&fixture.runtime, fixture.task("t2", &["abort"]), 128 + 6).await;
}

#[tokio::test]
async fn a_kill_from_outside_is_noticed() {
    let fixture = fixture();
    let mut exits = fixture.runtime.exits();
    let started = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap();
    answer(&started).await;
    kill(&started.identity);
    let exit = exit(&mut exits, "t1").await;
    assert_eq!(
        (exit.exit_code, exit.signal, exit.out_of_memory),
        (Some(137), Some(9), false)
    );
    assert_eq!(exit.container, "service");
}

fn kill(identity: &Identity) {
    let crate::task::Handle::Process(process) = &identity.handle else {
        panic!("{identity:?}")
    };
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(process.pid).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
}

#[tokio::test]
async fn a_task_outlives_a_killed_local_cloud_and_is_taken_back() {
    let fixture = fixture();
    let home = fixture.folder.path().join("home");
    let mut local_cloud = Command::new(program())
        .args([
            "local-cloud".as_ref(),
            home.as_os_str(),
            fixture.image.on_disk.layers[0].path.as_os_str(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(local_cloud.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let identity: Identity = serde_json::from_str(&line).unwrap();
    local_cloud.kill().unwrap();
    local_cloud.wait().unwrap();

    let runtime = open(fixture.folder.path());
    let mut exits = runtime.exits();
    let started = runtime.adopt(&identity).await.unwrap().unwrap();
    assert_eq!(answer(&started).await, "orphan");
    assert_eq!(runtime.adopt(&identity).await.unwrap(), Some(started));
    assert!(runtime.usage("orphan").await.is_some());
    log_with(&runtime, "orphan", "listening").await;

    runtime.stop("orphan", super::LIMIT).await;
    // It is nobody's child that we know, so nobody can tell how it ended.
    assert_eq!(exit(&mut exits, "orphan").await.exit_code, None);
    log_with(&runtime, "orphan", "terminated").await;
    assert_eq!(runtime.adopt(&identity).await.unwrap(), None);
}

#[tokio::test]
async fn a_kill_of_an_adopted_task_is_noticed() {
    let fixture = fixture();
    let started = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap();
    let again = open(fixture.folder.path());
    let mut exits = again.exits();
    assert_eq!(again.adopt(&started.identity).await.unwrap(), Some(started.clone()));
    kill(&started.identity);
    assert_eq!(exit(&mut exits, "t1").await.task, "t1");
}

#[tokio::test]
async fn another_process_of_the_same_number_is_not_ours() {
    let fixture = fixture();
    let started = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap();
    let again = open(fixture.folder.path());
    let check = async |change: &dyn Fn(&mut crate::task::ProcessHandle)| {
        let mut identity = started.identity.clone();
        let crate::task::Handle::Process(process) = &mut identity.handle else {
            panic!("{identity:?}")
        };
        change(process);
        assert_eq!(again.adopt(&identity).await.unwrap(), None);
    };
    check(&|process| process.start_time_ticks += 1).await;
    check(&|process| process.boot_id = "another".to_owned()).await;
    check(&|process| process.pid = 1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Runtime::process(elsewhere.path()).unwrap();
    assert_eq!(stranger.adopt(&started.identity).await.unwrap(), None);
    assert_eq!(stranger.sweep(&[]).await.unwrap(), Vec::<String>::new());
    answer(&started).await;
}

#[tokio::test]
async fn a_sweep_ends_all_but_what_is_kept() {
    let fixture = fixture();
    let again = open(fixture.folder.path());
    let specs = ["t1", "t2", "t3"].map(|id| fixture.task(id, &["serve"]));
    alike::sweeps_all_but_what_is_kept(&fixture.runtime, &again, specs).await;
    // The image went with the last task that used it.
    let images = std::fs::read_dir(fixture.folder.path().join("home/images")).unwrap();
    let images: Vec<_> = images
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.len() == 64)
        .collect();
    assert!(images.is_empty(), "{images:?}");
}

#[tokio::test]
async fn strays_end_with_their_task() {
    let fixture = fixture();
    let mut exits = fixture.runtime.exits();
    let strays = async |id: &str| {
        let log = log_with(&fixture.runtime, id, "strays: ").await;
        let line = log
            .lines()
            .find_map(|line| line.strip_prefix("strays: "))
            .unwrap()
            .to_owned();
        let strays: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert!(strays.len() == 2 && strays.iter().all(|pid| runs(pid)), "{strays:?}");
        strays
    };
    let started = fixture
        .runtime
        .start(fixture.task("t1", &["with-strays"]))
        .await
        .unwrap();
    let of_the_stopped = strays("t1").await;
    answer(&started).await;
    fixture.runtime.stop("t1", super::LIMIT).await;
    assert!(!of_the_stopped.iter().any(|pid| runs(pid)));

    let started = fixture
        .runtime
        .start(fixture.task("t2", &["with-strays"]))
        .await
        .unwrap();
    let of_the_killed = strays("t2").await;
    kill(&started.identity);
    exit(&mut exits, "t2").await;
    assert!(!of_the_killed.iter().any(|pid| runs(pid)));
}

#[tokio::test]
async fn two_tasks_listen_on_the_same_port() {
    let fixture = fixture();
    let first = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap();
    let second = fixture.runtime.start(fixture.task("t2", &["serve"])).await.unwrap();
    assert_ne!(first.address, second.address);
    assert_eq!(first.address.unwrap().port(), second.address.unwrap().port());
    assert_eq!(answer(&first).await, "t1");
    assert_eq!(answer(&second).await, "t2");
}

#[tokio::test]
async fn a_port_that_somebody_holds_is_replaced() {
    let fixture = fixture();
    let somebody = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = somebody.local_addr().unwrap().port();
    let mut spec = fixture.task("t1", &["serve"]);
    spec.containers[0].port = Some(port);
    let started = fixture.runtime.start(spec).await.unwrap();
    assert_ne!(started.address.unwrap().port(), port);
    assert_eq!(answer(&started).await, "t1");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_tasks_start_at_once() {
    let fixture = fixture();
    let mut exits = fixture.runtime.exits();
    let begin = Instant::now();
    let starts: Vec<_> = (0..50)
        .map(|number| {
            let (runtime, spec) = (fixture.runtime.clone(), fixture.task(&format!("t{number}"), &["serve"]));
            tokio::spawn(async move { runtime.start(spec).await.unwrap() })
        })
        .collect();
    let mut addresses = HashSet::new();
    for start in starts {
        let started = start.await.unwrap();
        assert_eq!(answer(&started).await, started.identity.task);
        addresses.insert(started.address.unwrap());
    }
    println!("fifty tasks answered after {:?}", begin.elapsed());
    assert_eq!(addresses.len(), 50);
    let stops = (0..50).map(|number| {
        let runtime = fixture.runtime.clone();
        tokio::spawn(async move { runtime.stop(&format!("t{number}"), super::LIMIT).await })
    });
    for stop in stops.collect::<Vec<_>>() {
        stop.await.unwrap();
    }
    for _ in 0..50 {
        assert_eq!(exits.recv().await.unwrap().exit_code, Some(0));
    }
    println!("and were gone after {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_task_gets_its_own_environment_and_nothing_of_ours() {
    let mut fixture = fixture();
    fixture.image.on_disk.env = vec!["FROM=image".to_owned(), "NAME=image".to_owned()];
    fixture.image.on_disk.working_dir = "/data".to_owned();
    let mut exits = fixture.runtime.exits();
    let started = fixture
        .runtime
        .start(fixture.task("t1", &["environment"]))
        .await
        .unwrap();
    exit(&mut exits, "t1").await;
    let log = std::fs::read_to_string(fixture.runtime.log_path("t1", "service")).unwrap();
    let address = started.address.unwrap();
    let home_id = std::fs::read_to_string(fixture.folder.path().join("home/id")).unwrap();
    let mut expected = vec![
        "FROM=image".to_owned(),
        "NAME=t1".to_owned(),
        format!("BIND_ADDRESS={}", address.ip()),
        "PORT=8080".to_owned(),
        format!("LOCAL_CLOUD_TASK={home_id}/t1"),
        r#"arguments: ["/program", "environment"]"#.to_owned(),
        r#"folder: Ok(Some("data"))"#.to_owned(),
    ];
    let mut actual: Vec<&str> = log.lines().collect();
    actual.sort_unstable();
    expected.sort_unstable();
    assert_eq!(actual, expected);
}

#[tokio::test]
async fn too_much_memory_is_the_end() {
    let fixture = fixture();
    let mut spec = fixture.task("t1", &["use-memory", "96"]);
    spec.containers[0].memory_mib = 64;
    alike::tells_of_too_much_memory(&fixture.runtime, spec).await;
    let mut spec = fixture.task("t2", &["serve"]);
    spec.containers[0].memory_mib = 64;
    let started = fixture.runtime.start(spec).await.unwrap();
    answer(&started).await;
}

fn image(spec: &mut TaskSpec) -> &mut ImageOnDisk {
    &mut spec.containers[0].image.on_disk
}

#[tokio::test]
async fn what_cannot_start_says_why_as_ecs_does() {
    let fixture = fixture();
    let check = async |change: &dyn Fn(&mut TaskSpec), expected: &str| {
        let mut spec = fixture.task("t1", &["serve"]);
        change(&mut spec);
        let error = fixture.runtime.start(spec).await.unwrap_err();
        assert!(error.reason.starts_with(expected), "{}", error.reason);
    };
    let broken = fixture.folder.path().join("broken");
    std::fs::write(&broken, "no archive").unwrap();
    check(
        &|spec| {
            image(spec).layers[0].path = broken.clone();
            image(spec).digest = format!("sha256:{}", "1".repeat(64));
        },
        "CannotPullContainerError: layer broken: ",
    )
    .await;
    check(
        &|spec| {
            image(spec).layers[0].path = "/nowhere/absent".into();
            image(spec).digest = format!("sha256:{}", "2".repeat(64));
        },
        "CannotPullContainerError: layer absent: No such file",
    )
    .await;
    check(
        &|spec| image(spec).digest = "../..".to_owned(),
        "CannotPullContainerError: \"../..\" is not",
    )
    .await;
    check(
        &|spec| image(spec).architecture = "s390x".to_owned(),
        "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/",
    )
    .await;
    check(
        &|spec| image(spec).entrypoint = vec!["/absent".to_owned()],
        "CannotStartContainerError: unable to start container process: exec: \"/absent\": stat /absent: no such",
    )
    .await;
    check(
        &|spec| image(spec).entrypoint = vec!["/data/text".to_owned()],
        "CannotStartContainerError: unable to start container process: exec: \"/data/text\": ",
    )
    .await;
    check(
        &|spec| image(spec).entrypoint = vec!["/../../../../../../../../../../bin/true".to_owned()],
        "CannotStartContainerError: ",
    )
    .await;
    check(
        &|spec| {
            image(spec).entrypoint.clear();
            spec.containers[0].command = None;
        },
        "CannotStartContainerError: No command specified",
    )
    .await;
    check(
        &|spec| image(spec).working_dir = "/absent".to_owned(),
        "CannotStartContainerError: the working dir",
    )
    .await;
    check(
        &|spec| {
            spec.containers[0].ulimits = vec![Ulimit {
                name: "colour".to_owned(),
                soft: 1,
                hard: 1,
            }];
        },
        "ResourceInitializationError: there is no limit called \"colour\"",
    )
    .await;
    check(
        &|spec| spec.id = "../t".to_owned(),
        "CannotCreateContainerError: the task id \"../t\"",
    )
    .await;
    check(
        &|spec| spec.containers.push(container("second")),
        "CannotCreateContainerError: the task has 2",
    )
    .await;
    // Whatever failed left no process, and the task's name is free.
    assert_eq!(fixture.runtime.sweep(&[]).await.unwrap(), Vec::<String>::new());
    let started = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap();
    answer(&started).await;
    let twice = fixture.runtime.start(fixture.task("t1", &["serve"])).await.unwrap_err();
    assert_eq!(twice.reason, "CannotCreateContainerError: a task t1 is running already");
}

#[tokio::test]
async fn an_image_goes_once_another_comes_and_no_task_uses_it() {
    let fixture = fixture();
    let mut exits = fixture.runtime.exits();
    let images = || {
        let entries = std::fs::read_dir(fixture.folder.path().join("home/images")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.len() == 64).count()
    };
    fixture.runtime.start(fixture.task("first", &["serve"])).await.unwrap();
    let other = |number: u8| {
        let mut image = fixture.image.clone();
        image.on_disk.digest = format!("sha256:{number:064x}");
        task(&format!("other{number}"), &image, &["serve"])
    };
    fixture.runtime.start(other(2)).await.unwrap();
    assert_eq!(images(), 2, "both are in use");
    for ended in ["first", "other2"] {
        fixture.runtime.stop(ended, Duration::from_secs(30)).await;
        exit(&mut exits, ended).await;
    }
    fixture.runtime.start(other(3)).await.unwrap();
    assert_eq!(images(), 1, "nobody uses the others");
    fixture.runtime.start(fixture.task("again", &["serve"])).await.unwrap();
    assert_eq!(images(), 2, "one that has gone can be used again");
}

#[tokio::test]
async fn the_image_is_read_only_and_the_home_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = fixture();
    let mut exits = fixture.runtime.exits();
    fixture.runtime.start(fixture.task("t1", &["exit", "0"])).await.unwrap();
    exit(&mut exits, "t1").await;
    let home = fixture.folder.path().join("home");
    let image = home
        .join("images")
        .join(fixture.image.on_disk.digest.trim_start_matches("sha256:"));
    let check = |path: &Path, expected: u32| {
        let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}", path.display());
    };
    check(&home, 0o700);
    check(&home.join("images"), 0o700);
    check(&home.join("logs/t1"), 0o700);
    check(&home.join("logs/t1/service.log"), 0o600);
    check(&image, 0o555);
    check(&image.join("data"), 0o555);
    check(&image.join("program"), 0o555);
}

#[tokio::test]
async fn limits_of_the_task_are_set() {
    let fixture = fixture();
    let mut spec = fixture.task("t1", &["serve"]);
    spec.containers[0].ulimits = vec![Ulimit {
        name: "nofile".to_owned(),
        soft: 100,
        hard: 200,
    }];
    let started = fixture.runtime.start(spec).await.unwrap();
    let crate::task::Handle::Process(process) = &started.identity.handle else {
        panic!("{started:?}")
    };
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.pid)).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(
        line.split_whitespace().skip(3).take(2).collect::<Vec<_>>(),
        ["100", "200"]
    );
    until("an answer", async || Some(answer(&started).await)).await;
    fixture.runtime.stop("t1", Duration::from_secs(30)).await;
}
