//! Ctrl-C: once to leave in order, twice to stop: what goes on in AWS where that can be stopped, otherwise this process.
//!
//! Whoever ends a process by another signal that can be caught (SIGTERM, SIGHUP as when a terminal is closed, SIGQUIT) has it
//! leave in order as well. Whichever way a process ends, programs are told by the one `result`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::exit::{Exit, Failure};
use crate::output::Output;

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
    /// By a signal that a supervisor or a terminal that goes sends: there is nobody who could decide on more.
    terminated: bool,
}

impl Interrupt {
    /// Listens for signals from now on. Programs are told on `output` of an end that nothing waits for.
    ///
    /// # Errors
    /// When the system grants no signal handler.
    pub(crate) fn listen(output: Output) -> anyhow::Result<Self> {
        let (ask, interrupt) = Self::new();
        let awaited = interrupt.awaited.clone();
        tokio::spawn(watch_signals(Signals::new()?, ask, awaited, output));
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

    /// Whether Ctrl-C is pressed a second time within a while. From the call on, that doesn't end the process.
    pub(crate) fn again_within(&self, duration: Duration) -> impl Future<Output = bool> {
        self.awaited.store(true, Ordering::SeqCst);
        async move {
            let again = tokio::time::timeout(duration, self.asked(2)).await.is_ok();
            self.awaited.store(false, Ordering::SeqCst);
            again
        }
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

/// The signals that ask to leave.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    /// None where whoever started this process has it live on without its terminal.
    hang_up: Option<Signal>,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hang_up = (!ignores_hang_up(&status)).then(|| signal(SignalKind::hangup()));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: hang_up.transpose()?,
        })
    }

    /// Waits for the next; whether it is another than Ctrl-C.
    async fn next(&mut self) -> bool {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
            _ = self.quit.recv() => true,
            () = hang_up => true,
        }
    }
}

/// Whether a process ignores SIGHUP, as `nohup` has it do, by what Linux says of it; elsewhere that isn't known.
///
/// `SigIgn` is a mask in hexadecimal, of which SIGHUP is the lowest bit:
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

async fn watch_signals(mut signals: Signals, ask: watch::Sender<Asked>, awaited: Arc<AtomicBool>, output: Output) {
    loop {
        let terminated = signals.next().await;
        let before = *ask.borrow();
        let is_awaited = before.times == 1 && !terminated && awaited.load(Ordering::SeqCst);
        if before.times > 0 && !is_awaited {
            tell(output).await;
            std::process::exit(Exit::Interrupted.code().into());
        }
        ask.send_replace(Asked {
            times: before.times + 1,
            terminated,
        });
    }
}

/// Tells programs that this process ends at once; they get a moment to read what was printed before.
async fn tell(output: Output) {
    const MOMENT: Duration = Duration::from_millis(200);
    let what = "asked again to leave: nothing is waited for, and what AWS was asked to do goes on";
    let telling = tokio::task::spawn_blocking(move || output.result(&Err(Failure::interrupted(what).into())));
    // A reader that reads nothing must not keep the process.
    let _ = tokio::time::timeout(MOMENT, telling).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_nohup_starts_outlives_its_terminal() {
        let status = |mask: &str| format!("Name:\txtask\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001000")));
        assert!(!ignores_hang_up(""));
    }

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
