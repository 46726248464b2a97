//! Ctrl-C: once to leave in order, twice to stop: what goes on in AWS where that can be stopped, otherwise this process.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Exit, Failure};

/// Tells the waits of a command that someone wants to leave.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    asked: watch::Receiver<Asked>,
    /// Whether someone waits for the second time, which otherwise ends the process.
    awaited: Arc<AtomicBool>,
}

/// How often someone has asked to leave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Asked {
    times: u8,
    /// By SIGTERM, which a supervisor sends: there is nobody who could decide on more.
    terminated: bool,
}

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from now on.
    ///
    /// # Errors
    /// When the system grants no signal handler.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let (ask, interrupt) = Self::new();
        let signals = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::spawn(watch_signals(signals, ask, interrupt.awaited.clone()));
        Ok(interrupt)
    }

    fn new() -> (watch::Sender<Asked>, Self) {
        let (ask, asked) = watch::channel(Asked::default());
        let awaited = Arc::default();
        (ask, Self { asked, awaited })
    }

    /// An interrupt that never comes, for tests.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self::new().1
    }

    /// Ctrl-C, pressed so many times, each `after` the one before, for tests.
    #[cfg(test)]
    pub(crate) fn pressed(times: u8, after: Duration) -> Self {
        let (ask, interrupt) = Self::new();
        tokio::spawn(async move {
            for times in 1..=times {
                tokio::time::sleep(after).await;
                let terminated = false;
                ask.send_replace(Asked { times, terminated });
            }
            ask.closed().await;
        });
        interrupt
    }

    /// The future's value, or a failure that says `leaving` if someone asks to leave first.
    ///
    /// # Errors
    /// When interrupted.
    pub(crate) async fn or<T>(&self, leaving: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
        tokio::select! {
            biased;
            () = self.asked(1) => Err(Failure::interrupted(leaving).into()),
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

    /// Whether someone who asked to leave by Ctrl-C may yet press it a second time.
    pub(crate) fn may_come_again(&self) -> bool {
        let asked = *self.asked.borrow();
        asked.times == 1 && !asked.terminated
    }

    /// Whether Ctrl-C is pressed a second time within a while; meanwhile that doesn't end the process.
    pub(crate) async fn again_within(&self, duration: Duration) -> bool {
        self.awaited.store(true, Ordering::SeqCst);
        let again = tokio::time::timeout(duration, self.asked(2)).await.is_ok();
        self.awaited.store(false, Ordering::SeqCst);
        again
    }

    /// Returns once someone has asked so many times.
    async fn asked(&self, times: u8) {
        let mut asked = self.asked.clone();
        // A sender that is gone will never ask.
        if asked.wait_for(|asked| asked.times >= times).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn watch_signals(
    (mut interrupt, mut terminate): (Signal, Signal),
    ask: watch::Sender<Asked>,
    awaited: Arc<AtomicBool>,
) {
    loop {
        let terminated = tokio::select! {
            _ = interrupt.recv() => false,
            _ = terminate.recv() => true,
        };
        let before = *ask.borrow();
        let is_awaited = before.times == 1 && !terminated && awaited.load(Ordering::SeqCst);
        if before.times > 0 && !is_awaited {
            std::process::exit(Exit::Interrupted.code().into());
        }
        ask.send_replace(Asked {
            times: before.times + 1,
            terminated,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_second_time_is_waited_for_a_while() {
        for (times, after, expected) in [(1, SECOND, false), (2, SECOND, true), (2, 6 * SECOND, false)] {
            let interrupt = Interrupt::pressed(times, after);
            let error = interrupt.sleep("leaving", 60 * SECOND).await.unwrap_err();
            assert_eq!(error.to_string(), "leaving");
            assert!(interrupt.may_come_again());
            assert_eq!(
                interrupt.again_within(5 * SECOND).await,
                expected,
                "{times} after {after:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_anyone_who_asks_a_wait_goes_to_its_end() {
        Interrupt::never().sleep("leaving", 60 * SECOND).await.unwrap();
    }
}
