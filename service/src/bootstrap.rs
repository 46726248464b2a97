//! The smallest service that passes the health check.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode};
use tokio::net::TcpListener;

use crate::{
    config::{Config, EXIT_BAD_CONFIGURATION},
    handlers::json_response,
    server::{Ended, serve},
    signals::Signals,
    start::one_thread,
};

/// Answers 200 to everything until it is told to stop, configured through `lookup`, which gives a variable's value.
///
/// Takes the variables that the service takes, and gives the same exit status.
pub fn run_bootstrap(lookup: &dyn Fn(&str) -> Option<String>) -> ExitCode {
    let config = match Config::from_environment(lookup) {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                complain(&problem.to_string());
            }
            return ExitCode::from(EXIT_BAD_CONFIGURATION);
        }
    };
    let ended = one_thread().and_then(|runtime| runtime.block_on(listen_and_serve(&config)));
    match ended {
        Ok(Ended::InOrder) => ExitCode::SUCCESS,
        Ok(Ended::CutOff { connections }) => {
            complain(&format!("stopped with {connections} connections open"));
            ExitCode::FAILURE
        }
        Err(error) => {
            complain(&format!("can't serve on {}: {error}", config.address));
            ExitCode::FAILURE
        }
    }
}

async fn listen_and_serve(config: &Config) -> io::Result<Ended> {
    let mut signals = Signals::new()?;
    let listener = TcpListener::bind(config.address).await?;
    let stage = config.stage.header_value();
    let answer = move |_request| {
        let response = ok(stage.clone());
        async move { Ok(response) }
    };
    let signal = async || {
        signals.next().await;
    };
    Ok(serve(listener, &config.limits, answer, signal).await)
}

fn ok(stage: HeaderValue) -> Response {
    let mut response = json_response(StatusCode::OK, r#"{"status": "OK"}"#);
    let header = HeaderName::from_static(constants::stage::HEADER);
    response.headers_mut().insert(header, stage);
    response
}

/// A closed standard error is no reason to fail otherwise.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
