//! From the environment to a running service, and to its end.

use std::{io, process::ExitCode, sync::Arc};

use tokio::{net::TcpListener, runtime, time::Instant};

use crate::{
    config::{Config, EXIT_BAD_CONFIGURATION, Problem},
    edge::Edge,
    handlers::{Version, router},
    log::{self, LogBuffer},
    server::{Ended, serve},
    signals::Signals,
};

/// Runs the service until it is told to stop, configured through `lookup`, which gives a variable's value.
///
/// Gives the exit status: 0 after a stop in order, 64 for a configuration that can't be used, 1 for anything else.
pub fn run(lookup: &dyn Fn(&str) -> Option<String>) -> ExitCode {
    let config = Config::from_environment(lookup);
    let level = config.as_ref().map_or(log::LevelFilter::INFO, |config| config.log);
    let log = log::start(level);
    let exit_code = match config {
        Ok(config) => run_configured(&config, &log),
        Err(problems) => refuse(&problems),
    };
    log.flush();
    exit_code
}

fn refuse(problems: &[Problem]) -> ExitCode {
    for Problem { variable, problem } in problems {
        tracing::error!(variable, problem, "can't use the configuration");
    }
    ExitCode::from(EXIT_BAD_CONFIGURATION)
}

fn run_configured(config: &Config, log: &Arc<LogBuffer>) -> ExitCode {
    if !config.faults.is_empty() {
        tracing::warn!(faults = %config.faults, "faults are on");
    }
    if config.faults.exit_at_start {
        tracing::error!("a fault was asked for: exit-at-start");
        return ExitCode::FAILURE;
    }
    let ended = one_thread().and_then(|runtime| runtime.block_on(listen_and_serve(config, log)));
    match ended {
        Ok(Ended::InOrder) => {
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        Ok(Ended::CutOff { connections }) => {
            tracing::error!(connections, "stopped before every request was answered");
            ExitCode::FAILURE
        }
        Err(error) => {
            tracing::error!(%error, address = %config.address, "can't serve");
            ExitCode::FAILURE
        }
    }
}

/// A runtime of one thread: a task has half a CPU, so a second thread would only take turns with the first, and wake
/// it across cores.
pub(crate) fn one_thread() -> io::Result<runtime::Runtime> {
    runtime::Builder::new_current_thread().enable_io().enable_time().build()
}

async fn listen_and_serve(config: &Config, log: &Arc<LogBuffer>) -> io::Result<Ended> {
    let mut signals = Signals::new()?;
    let listener = TcpListener::bind(config.address).await?;
    let version = Version::of_this_build(config);
    tracing::info!(
        address = %listener.local_addr()?,
        stage = config.stage.as_str(),
        version = version.package,
        revision = version.revision,
        release = version.release,
        "listening"
    );
    let edge = Arc::new(Edge::new(router(version), config, Instant::now(), Arc::clone(log)));
    let answer = move |request| {
        let edge = Arc::clone(&edge);
        async move { edge.answer(request).await }
    };
    let signal = async || {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
    };
    Ok(serve(listener, &config.limits, answer, signal).await)
}
