//! The files that whoever starts the local cloud had open: a lock, a make's jobserver, a pipe that someone reads to its end.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The first file beside stdin, stdout and stderr, which the local cloud is given on purpose.
const FIRST: i32 = 3;

/// Begins this process anew without the files that it was started with beside stdin, stdout and stderr: the local cloud
/// outlives the command that started it, and would hold them for as long.
///
/// The process stays the same one. `flag` is added to its arguments, to tell that it has been here.
///
/// # Errors
/// Only when the program can't be started again.
pub(crate) fn begin_without(flag: &str) -> io::Result<()> {
    if close_fds::iter_open_fds(FIRST).next().is_none() {
        return Ok(());
    }
    close_fds::set_fds_cloexec(FIRST, &[]);
    let program = std::env::current_exe()?;
    Err(Command::new(program).args(std::env::args_os().skip(1)).arg(flag).exec())
}
