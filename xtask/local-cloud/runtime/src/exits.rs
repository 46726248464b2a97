//! The ends of tasks, told to whoever listens.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::mpsc;

/// A container has ended, whether it was asked to or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The task.
    pub task: String,
    /// Its container.
    pub container: String,
    /// As ECS reports it: the program's own, or 128 and the number of the signal that ended it.
    /// `None` where nobody can tell: the process of a task that was adopted isn't our child.
    pub exit_code: Option<i32>,
    /// The signal that ended it, where one did and that is known.
    pub signal: Option<i32>,
    /// Whether it was killed for using more memory than it may.
    pub out_of_memory: bool,
    /// When the end was noticed.
    pub at: SystemTime,
}

#[derive(Default)]
pub(crate) struct Exits {
    listeners: Mutex<Vec<mpsc::UnboundedSender<Exit>>>,
}

impl Exits {
    pub(crate) fn listen(&self) -> mpsc::UnboundedReceiver<Exit> {
        // As many as there are tasks at most wait in it.
        let (sender, receiver) = mpsc::unbounded_channel();
        self.listeners().push(sender);
        receiver
    }

    pub(crate) fn send(&self, exit: &Exit) {
        self.listeners().retain(|listener| listener.send(exit.clone()).is_ok());
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Vec<mpsc::UnboundedSender<Exit>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
