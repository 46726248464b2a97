//! One health check: a connection of its own, one request, one look at the status.

use std::{io, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{
    Request,
    header::{ACCEPT_ENCODING, CONNECTION, HOST, USER_AGENT},
};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

use crate::{health::Outcome, limits, plan::HealthCheck};

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
const HEALTH_CHECKER: &str = "ELB-HealthChecker/2.0";

/// Checks a target once, within the check's timeout.
pub(crate) async fn check(target: SocketAddr, settings: &HealthCheck) -> Outcome {
    let address = SocketAddr::new(target.ip(), settings.port.unwrap_or(target.port()));
    let limit = settings.timeout.max(Duration::from_millis(1));
    match timeout(limit, ask(address, &settings.path)).await {
        Err(_) => Outcome::TimedOut,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Outcome::Refused,
        Ok(Err(_)) => Outcome::Failed,
        Ok(Ok(code)) if settings.matcher.matches(code) => Outcome::Passed,
        Ok(Ok(code)) => Outcome::Mismatch(code),
    }
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<u16> {
    let stream = TcpStream::connect(address).await?;
    let handshake = http1::Builder::new()
        .max_buf_size(limits::RESPONSE_HEADERS_BYTES)
        .handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
    let request = Request::get(path)
        .header(HOST, address.to_string())
        .header(CONNECTION, "close")
        .header(USER_AGENT, HEALTH_CHECKER)
        .header(ACCEPT_ENCODING, "gzip, compressed")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let mut connection = std::pin::pin!(connection);
    let mut response = std::pin::pin!(sender.send_request(request));
    let response = std::future::poll_fn(|context| {
        // The response resolves whether the connection is still open or has ended with it.
        let ended = connection.as_mut().poll(context).is_ready();
        match response.as_mut().poll(context) {
            std::task::Poll::Pending if ended => {
                std::task::Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof)))
            }
            polled => polled.map_err(io::Error::other),
        }
    });
    response.await.map(|response| response.status().as_u16())
}
