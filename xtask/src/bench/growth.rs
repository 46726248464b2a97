//! How costs grow with what there is: resources, tasks, target groups.

pub(super) mod resources;
pub(super) mod target_groups;
pub(super) mod tasks;
