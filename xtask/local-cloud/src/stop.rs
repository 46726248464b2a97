//! The end of the whole, for whoever runs beside the loop.

use tokio::sync::watch;

/// Ends when the local cloud is told to.
pub(crate) async fn stopping(stop: &mut watch::Receiver<bool>) {
    // Without a sender it is ending too.
    drop(stop.wait_for(|stop| *stop).await);
}
