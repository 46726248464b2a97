//! What the command line asks of AWS, held against the models that AWS's own clients are made from, and against the list of
//! calls in `docs/permissions.md`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::pinned;
use crate::cloud::{Cloud, Outcome};
use crate::recorder::{Recorder, Request, lines};

/// Holds a file of requests against botocore's models.
#[track_caller]
fn hold_against_models(python: &Path, file: &Path) {
    let mut command = Command::new(python);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/requests.py");
    command.arg(script).arg(file).env("PYTHONDONTWRITEBYTECODE", "1");
    let outcome = Outcome::of(command);
    println!("{}", outcome.stdout);
    outcome.expect(0);
}

/// The snapshot has every listed call; `aws/calls/tests/requests.rs` sees to that.
#[test]
fn every_listed_call_is_as_the_service_models_say() {
    let Some(python) = pinned("python") else { return };
    let file =
        "src/aws/calls/tests/snapshots/xtask__aws__calls__tests__requests__every_listed_call_as_it_goes_out.snap";
    hold_against_models(&python, &Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
}

/// The calls that a command may make, by the table of the page.
fn listed(command: &str) -> BTreeSet<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let call = cells[0].strip_prefix("| `")?.strip_suffix('`')?;
        let by = cells.get(2)?;
        (by.contains(&format!("`{command}`")) || by.starts_with("every command")).then(|| call.to_owned())
    });
    rows.collect()
}

/// A call as the page names it: CloudWatch is signed for by another name than IAM's.
fn call(request: &Request) -> String {
    let service = if request.service == "monitoring" {
        "cloudwatch"
    } else {
        &request.service
    };
    format!("{service}:{}", request.operation())
}

/// Runs a command without `--local`, as on AWS, through the recorder; what it asked is what its row in the list says.
#[track_caller]
fn run(cloud: &Cloud, recorder: &Recorder, name: &str, arguments: &[&str], code: i32) -> Vec<Request> {
    let mut command = cloud.command(arguments);
    command
        .env("AWS_ENDPOINT_URL", &recorder.url)
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_REGION", "us-east-1");
    cloud.run(command).expect(code);
    let requests = recorder.take();
    let (made, listed) = (requests.iter().map(call).collect::<BTreeSet<_>>(), listed(name));
    assert!(made.len() > 1 && listed.len() > 1, "{name}: {made:?} of {listed:?}");
    let unlisted: Vec<&String> = made.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "`{name}` makes calls that the list doesn't give it: {unlisted:?}"
    );
    requests
}

/// The life of a sandbox, good and bad, and of a toolchain without a push.
#[test]
fn real_commands_make_their_listed_calls_as_the_service_models_say() {
    let Some(python) = pinned("python") else { return };
    let cloud = Cloud::new();
    cloud
        .xtask(&["local", "start", "--runtime", "process", "--speed", "60"])
        .expect(0);
    let recorder = Recorder::before(&cloud.endpoint().address);
    let bad = ["deploy", "sandbox", "--yes", "--fault", "exit-at-start"];
    let steps: [(&str, &[&str], i32); 16] = [
        ("deploy", &["deploy", "sandbox", "--yes"], 0),
        ("diff", &["diff", "sandbox"], 0),
        ("diff --drift", &["diff", "sandbox", "--drift"], 0),
        ("deploy", &bad, 5),
        ("status", &["status", "sandbox"], 0),
        ("outputs", &["outputs", "sandbox"], 0),
        ("logs", &["logs", "sandbox"], 0),
        ("load", &["load", "sandbox", "--duration", "1s", "--rate", "10"], 0),
        // Fleet has run one image only.
        ("rollback", &["rollback", "sandbox", "--yes"], 4),
        ("image push", &["image", "push", "sandbox", "--binary", "bootstrap"], 0),
        ("destroy", &["destroy", "sandbox", "--yes"], 0),
        ("deploy toolchain", &["deploy", "toolchain", "--yes"], 0),
        ("diff", &["diff", "toolchain"], 0),
        ("pipeline status", &["pipeline", "status"], 0),
        ("status", &["status", "toolchain"], 0),
        (
            "destroy",
            &[
                "destroy",
                "--all",
                "--yes",
                "--confirm",
                "OneBoxDeploymentOnECS-Service-Prod",
            ],
            0,
        ),
    ];
    let mut requests = Vec::new();
    for (name, arguments, code) in steps {
        requests.extend(run(&cloud, &recorder, name, arguments, code));
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests");
    std::fs::write(&file, lines(&requests)).unwrap();
    hold_against_models(&python, &file);
}
