//! Runs a task's container for real: as a process or in Docker.
