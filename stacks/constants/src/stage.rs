//! The two stages of a deployment.

/// The stage that a change reaches first.
pub const ONEBOX: &str = "onebox";

/// The stage that serves nearly all requests.
pub const FLEET: &str = "fleet";

/// The header that every response carries, and by which a request reaches one stage directly.
pub const HEADER: &str = "x-deployment-stage";
