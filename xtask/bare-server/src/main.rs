//! The least that gives the service's answer: hyper on one thread, without routes, limits, faults or logs.

use std::{
    convert::Infallible,
    env,
    error::Error,
    net::{IpAddr, SocketAddr},
};

use constants::service::{ADDRESS_VARIABLE, PORT_VARIABLE};
use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let ip: IpAddr = env::var(ADDRESS_VARIABLE)?.parse()?;
    let address = SocketAddr::new(ip, env::var(PORT_VARIABLE)?.parse()?);
    let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(serve(address))
}

async fn serve(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answer = service_fn(async |_: Request<Incoming>| Ok::<_, Infallible>(answer()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(connection);
    }
}

/// The bytes of the service's answer; the request's id is always the same.
fn answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(br#"{"status": "OK"}"#)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(constants::stage::HEADER, HeaderValue::from_static("local"));
    let id = HeaderValue::from_static("00000000000000000000000000000000");
    headers.insert("x-request-id", id);
    response
}
