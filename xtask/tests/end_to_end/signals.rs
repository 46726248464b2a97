//! Signals for the commands that tests start.

use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

/// The same command, which heeds every signal: whoever runs the tests may have its programs ignore some.
pub(crate) fn heeding(command: &Command) -> Command {
    run_by("env", &["--default-signal"], command)
}

/// The same command, run by another program, such as one that says which signals it heeds.
pub(crate) fn run_by(program: &str, arguments: &[&str], followed: &Command) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command.arg(followed.get_program()).args(followed.get_args());
    for (name, value) in followed.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Sends a signal to a process.
pub(crate) fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}
