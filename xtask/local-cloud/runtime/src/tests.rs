//! Both runtimes with real tasks.

use crate::{ContainerSpec, ImageOnDisk, ImageReference};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) fn container(name: &str) -> ContainerSpec {
    ContainerSpec {
        name: name.to_owned(),
        image: ImageReference {
            reference: String::new(),
            on_disk: ImageOnDisk::default(),
        },
        entry_point: None,
        command: None,
        environment: BTreeMap::new(),
        port: None,
        cpu_units: 0,
        memory_mib: 0,
        readonly_root_filesystem: true,
        user: None,
        working_directory: None,
        ulimits: Vec::new(),
        stop_timeout: Duration::from_secs(30),
    }
}
