//! What the local cloud takes from the command that starts it.

use std::fs::{self, File};
use std::process::Command;

use crate::cloud::Cloud;

#[test]
fn the_local_cloud_holds_nothing_that_its_starter_had_open() {
    let cloud = Cloud::new();
    let file = cloud.home().join("held");
    let mut starter = Command::new("sh");
    starter
        .args(["-c", r#"exec 8>"$2" && exec "$1" local start --runtime process"#, "sh"])
        .arg(env!("CARGO_BIN_EXE_xtask"))
        .arg(&file);
    cloud.surround(&mut starter);
    // As `flock FILE COMMAND` has it: the lock ends with the last process that has the file open.
    cloud.run(starter).expect(0);
    let open = fs::read_dir(format!("/proc/{}/fd", cloud.endpoint().process_id)).unwrap();
    let open: Vec<_> = open
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .collect();
    assert!(!open.is_empty() && !open.contains(&file), "{open:?}");
    File::open(&file).unwrap().try_lock().unwrap();
    cloud.xtask(&["local", "stop"]).expect(0);
}
