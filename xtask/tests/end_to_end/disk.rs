//! A full disk: one clear error, nothing lost, and on it goes once there is room.

use std::fs;
use std::process::Command;

use crate::client::get;
use crate::cloud::{Cloud, until};
use crate::update::{ask_for_update, begin_update, push_image, stack_is};

/// What the kernel says of a full disk.
const FULL: &str = "No space left on device";

/// A disk of its own for a local cloud, of 64 MiB in memory.
struct SmallDisk<'a> {
    cloud: &'a Cloud,
}

impl<'a> SmallDisk<'a> {
    /// None, having said so, where this process may not mount.
    fn under(cloud: &'a Cloud) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "onebox-test"])
            .arg(cloud.home());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            println!("skipped: only a privileged process can mount a small disk");
            return None;
        }
        Some(Self { cloud })
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
    // Docker would put the registry's words into its own.
    let cloud = Cloud::without_docker();
    let Some(disk) = SmallDisk::under(&cloud) else { return };
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
