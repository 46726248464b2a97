//! One client's connection.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::{Instant, SystemTime},
};

use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    activity::{Activity, Verdict},
    client_stream::ClientStream,
    exchange::Exchange,
    limits,
    listener::Listener,
    page, proxy,
    request_head::Hop,
    response_body::ResponseBody,
};

/// Serves a client until either side is done or the listener stops.
pub(crate) async fn serve(
    listener: Arc<Listener>,
    stream: TcpStream,
    peer: SocketAddr,
    local: SocketAddr,
    stop: CancellationToken,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let activity = Arc::new(Activity::new(Instant::now()));
    let hop = Arc::new(Hop::new(peer.ip(), local));
    let requests = Requests {
        listener: Arc::clone(&listener),
        activity: Arc::clone(&activity),
        hop,
    };
    let io = TokioIo::new(ClientStream::new(stream, Arc::clone(&activity)));
    let mut connection = http1::Builder::new()
        .max_buf_size(limits::REQUEST_HEAD_BYTES)
        // The date is put in where a response lacks one; so hyper's own error replies can be told from responses.
        .auto_date_header(false)
        .serve_connection(io, requests);
    let ended = drive(&mut connection, &listener, &activity, &stop).await;
    if let Some(status) = ended {
        let mut exchange = Exchange::start(&listener, &activity);
        exchange.made(status);
        drop(exchange);
        farewell(connection.into_parts().io.into_inner().into_inner(), status).await;
    }
}

type Connection = http1::Connection<TokioIo<ClientStream>, Requests>;

/// Runs the connection; a status is what is still to be said to the client.
async fn drive(
    connection: &mut Connection,
    listener: &Listener,
    activity: &Activity,
    stop: &CancellationToken,
) -> Option<StatusCode> {
    let idle_timeout = || listener.route().attributes.idle_timeout;
    let mut watchdog = pin!(sleep(idle_timeout()));
    let mut stopped = pin!(stop.cancelled());
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = std::future::poll_fn(|context| connection.poll_without_shutdown(context)) => {
                return ended.err().and_then(|error| parse_error_status(&error));
            }
            () = &mut watchdog => match activity.verdict(Instant::now(), idle_timeout()) {
                Verdict::Wait(time) => watchdog.set(sleep(time)),
                Verdict::Close => return None,
                Verdict::RequestTimeout => return Some(StatusCode::REQUEST_TIMEOUT),
                Verdict::Expire => {
                    // The request's own future notices, for it is polled with the connection.
                    activity.expire();
                    watchdog.set(sleep(idle_timeout()));
                }
            },
            () = &mut stopped, if !stopping => {
                stopping = true;
                Pin::new(&mut *connection).graceful_shutdown();
            }
        }
    }
}

/// The status for a head that hyper refused; none where there is nobody or nothing to answer.
fn parse_error_status(error: &hyper::Error) -> Option<StatusCode> {
    // hyper's own limit on URIs is above the request line's, and its 414 can't be told from other parse errors here.
    error.is_parse().then_some(StatusCode::BAD_REQUEST)
}

/// Says the last word and waits a moment for the client to take it.
async fn farewell(mut stream: TcpStream, status: StatusCode) {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let page = page::bytes(status, &date);
    let last_words = async {
        stream.write_all(&page).await?;
        stream.shutdown().await?;
        let mut dropped = [0; 4096];
        while stream.read(&mut dropped).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whether the client took it or not, this is the end.
    let _ = timeout(limits::LINGER, last_words).await;
}

/// A connection's requests.
struct Requests {
    listener: Arc<Listener>,
    activity: Arc<Activity>,
    hop: Arc<Hop>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (listener, activity, hop) = (
            Arc::clone(&self.listener),
            Arc::clone(&self.activity),
            Arc::clone(&self.hop),
        );
        Box::pin(async move { Ok(proxy::answer(listener, activity, hop, request).await) })
    }
}
