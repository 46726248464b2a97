//! Limits, each with its reason.

use std::time::Duration;

// <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html>, "Header limits".
/// A request line may be this long.
pub(crate) const REQUEST_LINE_BYTES: usize = 16 * 1024;
/// A single request header may be this long.
pub(crate) const REQUEST_HEADER_BYTES: usize = 16 * 1024;
/// All request headers together may be this long.
pub(crate) const REQUEST_HEADERS_BYTES: usize = 64 * 1024;
/// All response headers together may be this long.
pub(crate) const RESPONSE_HEADERS_BYTES: usize = 32 * 1024;

/// Enough for the longest request line and headers; a head that doesn't fit is refused while it is being read.
pub(crate) const REQUEST_HEAD_BYTES: usize = REQUEST_LINE_BYTES + REQUEST_HEADERS_BYTES;

/// "The load balancer failed to establish a connection to the target before the connection timeout expired (10 seconds)": 504.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html>
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// "`X-Forwarded-For` request header with more than 30 IP addresses": 463. The same page.
pub(crate) const FORWARDED_ADDRESSES: usize = 30;

/// Clients served at once, over all listeners; further ones wait in the kernel's queue. AWS grows with the load, one machine doesn't.
pub(crate) const CLIENT_CONNECTIONS: usize = 4096;

/// Waiting in the kernel's queue of a listener.
pub(crate) const ACCEPT_QUEUE: u32 = 4096;

/// Kept for each target; more in use at once are opened and closed.
pub(crate) const IDLE_CONNECTIONS_PER_TARGET: usize = 256;

/// How often idle connections are looked over.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// An idle connection to a target is closed after this long: the load balancer's default idle timeout.
pub(crate) const TARGET_IDLE: Duration = Duration::from_mins(1);

/// How long requests in flight may go on once their listener is closed.
pub(crate) const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// After an answer to a request that was cut short, what the client still sends is read and dropped for this long, lest a reset eat the answer.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// Between attempts to accept when the process has run out of file descriptors.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
