//! One registered target, as the requests see it.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError, atomic::AtomicUsize},
};

use crate::{
    id::{TargetGroupId, TargetId},
    report::{Health, Reason, TargetHealth, TargetState},
    upstream::Pool,
};

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) group: TargetGroupId,
    pub(crate) id: TargetId,
    pub(crate) address: SocketAddr,
    /// Requests in flight.
    pub(crate) outstanding: AtomicUsize,
    pub(crate) pool: Pool,
    health: Mutex<Health>,
}

impl Target {
    pub(crate) fn new(group: TargetGroupId, id: TargetId, address: SocketAddr) -> Self {
        let health = Mutex::new(Health::new(TargetState::Initial, Reason::RegistrationInProgress));
        Self {
            group,
            id,
            address,
            outstanding: AtomicUsize::new(0),
            pool: Pool::default(),
            health,
        }
    }

    pub(crate) fn health(&self) -> Health {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_health(&self, health: Health) {
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }

    pub(crate) fn report(&self) -> TargetHealth {
        TargetHealth {
            target_group: self.group.clone(),
            target: self.id.clone(),
            address: self.address,
            health: self.health(),
        }
    }
}
