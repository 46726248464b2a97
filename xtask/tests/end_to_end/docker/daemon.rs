//! A Docker daemon that can die: the machine's own, reached through a socket that the test can close.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The machine's own daemon.
const REAL: &str = "/var/run/docker.sock";

/// A socket behind which the daemon lives or is dead.
pub(super) struct Daemon {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    alive: bool,
    connections: Vec<UnixStream>,
}

impl Daemon {
    /// One that lives.
    pub(super) fn start(folder: &Path) -> Self {
        let path = folder.join("docker.sock");
        let daemon = Self {
            path,
            state: Arc::default(),
        };
        daemon.revive();
        daemon
    }

    /// What `DOCKER_HOST` is to be.
    pub(super) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Every connection breaks, and nobody listens any more.
    pub(super) fn die(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.alive = false;
        for connection in state.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the one that accepts, so that it leaves.
        let _ = UnixStream::connect(&self.path);
        std::fs::remove_file(&self.path).unwrap();
    }

    /// It is back at its place.
    pub(super) fn revive(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).alive = true;
        let state = Arc::clone(&self.state);
        thread::spawn(move || accept(&listener, &state));
    }
}

fn accept(listener: &UnixListener, state: &Mutex<State>) {
    for client in listener.incoming() {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.alive {
            return;
        }
        let (Ok(client), Ok(server)) = (client, UnixStream::connect(REAL)) else {
            return;
        };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                return;
            };
            thread::spawn(move || pass_on(&from, &to));
        }
        state.connections.extend([client, server]);
    }
}

fn pass_on(mut from: &UnixStream, mut to: &UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
