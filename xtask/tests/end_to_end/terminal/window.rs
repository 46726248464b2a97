//! A terminal's window, by a pseudo-terminal.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::cloud::until;

/// A window, and what was written to it so far.
pub(super) struct Window {
    /// The side of whoever shows the terminal.
    outside: OwnedFd,
    /// The side of whoever runs in it; it stays open, so that the other side reads to the end.
    inside: File,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Window {
    /// A window of this size.
    pub(super) fn open(rows: u16, columns: u16) -> Self {
        let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&outside).unwrap();
        unlockpt(&outside).unwrap();
        let name = ptsname(&outside, Vec::new()).unwrap().into_string().unwrap();
        let inside = OpenOptions::new().read(true).write(true).open(name).unwrap();
        let written: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (mut reader, kept) = (File::from(outside.try_clone().unwrap()), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                kept.lock().unwrap().extend(&bytes[..count]);
            }
        });
        let window = Self {
            outside,
            inside,
            written,
        };
        window.resize(rows, columns);
        window
    }

    /// Gives it another size.
    pub(super) fn resize(&self, rows: u16, columns: u16) {
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&self.outside, size).unwrap();
    }

    /// Runs a command in it.
    pub(super) fn run(&self, command: &mut Command) -> Child {
        let stream = || self.inside.try_clone().unwrap();
        command
            .stdin(stream())
            .stdout(stream())
            .stderr(stream())
            .spawn()
            .unwrap()
    }

    /// All that was written so far.
    pub(super) fn written(&self) -> String {
        String::from_utf8_lossy(&self.written.lock().unwrap()).into_owned()
    }

    /// Waits until this text stands after so many bytes; where it ends.
    pub(super) fn until(&self, from: usize, text: &str) -> usize {
        let end = || {
            let at = self.written().get(from..)?.find(text)?;
            Some(from + at + text.len())
        };
        until(text, || end().is_some());
        end().unwrap()
    }
}
