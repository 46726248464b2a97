//! Ctrl-C: once to leave in order, twice to leave at once.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Exit, Failure};

/// Tells the waits of a command that someone wants to leave.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<bool>,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// When the system grants no signal handler.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let (ask, asked) = watch::channel(false);
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        tokio::spawn(watch_signals(interrupt, terminate, ask));
        Ok(Self { asked })
    }

    /// An interrupt that never comes, for tests.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self {
            asked: watch::channel(false).1,
        }
    }

    /// The future's value, or a failure that says `leaving` if someone asks to leave first.
    ///
    /// # Errors
    /// When interrupted.
    pub(crate) async fn or<T>(&self, leaving: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
        let mut asked = self.asked.clone();
        let interrupted = async move {
            // A sender that is gone will never ask.
            if asked.wait_for(|asked| *asked).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = interrupted => Err(Failure::interrupted(leaving).into()),
            value = future => Ok(value),
        }
    }

    /// Waits, unless someone asks to leave.
    ///
    /// # Errors
    /// When interrupted.
    pub(crate) async fn sleep(&self, leaving: &str, duration: Duration) -> anyhow::Result<()> {
        self.or(leaving, tokio::time::sleep(duration)).await
    }
}

async fn watch_signals(mut interrupt: Signal, mut terminate: Signal, ask: watch::Sender<bool>) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if ask.send_replace(true) {
            std::process::exit(Exit::Interrupted.code().into());
        }
    }
}
