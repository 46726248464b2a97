//! A listener: what all of its connections share.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use crate::{counts::ListenerCounter, id::ListenerId, observe::Observer, route::Route};

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
