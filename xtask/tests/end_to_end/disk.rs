//! A full disk: one clear error, nothing lost, and on it goes once there is room.

use std::fs;
use std::process::Command;

use optional_programs::{Program, private_mounts, skip_without};

use crate::client::get;
use crate::cloud::{Cloud, until};
use crate::update::{ask_for_update, begin_update, push_image, stack_is};

/// What the kernel says of a full disk.
const FULL: &str = "No space left on device";

/// Marks the process that runs a test again with mounts of its own.
const INSIDE: &str = "ONEBOX_TEST_INSIDE_PRIVATE_MOUNTS";

/// Runs a test of this module again, in a process with mounts of its own, so that the kernel removes them however the test
/// ends. Returns `true` in that process, where the test goes on, and `false` here, where it is done or skipped.
fn has_private_mounts(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if skip_without(&[Program::PrivateMounts]) {
        return false;
    }
    let mut again = private_mounts().unwrap();
    again.arg(std::env::current_exe().unwrap()).env(INSIDE, "1");
    again.args(["--exact", &format!("disk::{test}"), "--nocapture"]);
    let status = again.status().unwrap();
    assert!(status.success(), "with mounts of its own: {status}");
    false
}

/// A disk of its own for a local cloud, of 64 MiB in memory.
struct SmallDisk<'a> {
    cloud: &'a Cloud,
}

impl<'a> SmallDisk<'a> {
    fn under(cloud: &'a Cloud) -> Self {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "onebox-test"])
            .arg(cloud.home());
        let output = mount.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { cloud }
    }

    fn fill(&self) {
        let filler = self.cloud.home().join("filler");
        let mut file = fs::File::options().create(true).append(true).open(filler).unwrap();
        let block = [0; 4096];
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.cloud.home().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // Its running tasks are known there alone.
        self.cloud.xtask(&["local", "stop"]);
        let _ = Command::new("umount").arg("--lazy").arg(self.cloud.home()).output();
    }
}

#[test]
fn what_cannot_be_written_down_is_not_acknowledged() {
    let cloud = Cloud::new();
    let endpoint = cloud.deploy();
    cloud.settle();
    let (processes, image) = (cloud.task_processes(), push_image(&cloud, "bootstrap"));
    // The state is written beside its place first: there the disk is full from now on.
    let beside = cloud.home().join("state.new");
    std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
    let refused = ask_for_update(&cloud, &image);
    assert_eq!(refused.status, 500, "{}", refused.body);
    assert!(
        refused.body.contains(FULL) && refused.body.contains("state.json"),
        "{}",
        refused.body
    );
    let command = cloud.xtask(&["destroy", "sandbox", "--local", "--yes"]);
    command.expect(4);
    assert!(command.stderr.contains(FULL), "{}", command.stderr);
    assert_eq!(get(&endpoint, &[]).status, 200, "requests are answered all the same");
    assert_eq!(
        cloud.task_processes(),
        processes,
        "nothing is done that isn't written down"
    );

    fs::remove_file(&beside).unwrap();
    until("what was begun goes on", || stack_is(&cloud, "UPDATE_COMPLETE"));
    cloud.settle();
    assert!(cloud.task_processes().is_disjoint(&processes));
    assert_eq!(cloud.task_processes().len(), 13);
}

#[test]
fn a_disk_without_room_is_said_and_loses_nothing() {
    if !has_private_mounts("a_disk_without_room_is_said_and_loses_nothing") {
        return;
    }
    // Docker would put the registry's words into its own.
    let cloud = Cloud::without_docker();
    let disk = SmallDisk::under(&cloud);
    let endpoint = cloud.deploy();
    cloud.settle();
    let processes = cloud.task_processes();
    disk.fill();
    let push = cloud.xtask(&["image", "push", "sandbox", "--binary", "bootstrap", "--local"]);
    push.expect(1);
    assert!(push.stderr.contains(FULL), "{}", push.stderr);
    assert_eq!(get(&endpoint, &[]).status, 200);

    // Nor does another one start there.
    let mut start = cloud.command(&["local", "start", "--runtime", "process"]);
    start.env("LOCAL_CLOUD_HOME", cloud.home().join("another"));
    let start = cloud.run(start);
    start.expect(1);
    assert!(start.stderr.contains(FULL), "{}", start.stderr);
    assert_eq!(cloud.task_processes(), processes, "no task was touched");

    disk.empty();
    begin_update(&cloud, &push_image(&cloud, "bootstrap"));
    until("the update is complete", || stack_is(&cloud, "UPDATE_COMPLETE"));
    cloud.settle();
    assert_eq!(cloud.tasks().len(), 13);
}
