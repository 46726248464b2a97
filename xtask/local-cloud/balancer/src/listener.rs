//! A listener: accepts clients until it is closed.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{client, counts::ListenerCounter, id::ListenerId, limits, observe::Observer, route::Route};

/// What all connections of a listener share.
pub(crate) struct Listener {
    pub(crate) id: ListenerId,
    pub(crate) counter: Arc<ListenerCounter>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    route: RwLock<Arc<Route>>,
}

impl fmt::Debug for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Listener")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) fn new(id: ListenerId, counter: Arc<ListenerCounter>, observer: Option<Arc<dyn Observer>>) -> Self {
        Self {
            id,
            counter,
            observer,
            route: RwLock::new(Arc::new(Route::nothing())),
        }
    }

    pub(crate) fn route(&self) -> Arc<Route> {
        Arc::clone(&self.route.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_route(&self, route: Route) {
        *self.route.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(route);
    }
}

/// Binds a loopback address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let message = format!("listener address {address} isn't on loopback; use an address such as 127.0.0.1");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(limits::ACCEPT_QUEUE)
}

/// Accepts until stopped. A connection's panic ends that connection alone.
pub(crate) async fn accept(
    listener: Arc<Listener>,
    socket: TcpListener,
    places: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let Ok(local) = socket.local_addr() else { return };
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match socket.accept().await {
                Ok((stream, peer)) => {
                    listener.counter.connection();
                    let connection = client::serve(Arc::clone(&listener), stream, peer, local, stop.clone());
                    tasks.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // Out of file descriptors, most likely: connections that end free some.
                Err(_) => tokio::time::sleep(limits::ACCEPT_PAUSE).await,
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
}
