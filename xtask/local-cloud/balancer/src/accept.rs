//! The socket of a listener: accepts clients until it is closed.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, TcpSocket},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{client, limits, listener::Listener};

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
