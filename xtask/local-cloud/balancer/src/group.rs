//! A target group: its members, and which of them get requests.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
};

use tokio::sync::watch;

use crate::{
    counts::GroupCounter,
    health::Wish,
    id::{TargetGroupId, TargetId},
    plan::{Algorithm, TargetGroupPlan},
    report::{TargetHealth, TargetState},
    target::Target,
};

#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: TargetGroupId,
    pub(crate) counter: Arc<GroupCounter>,
    members: Mutex<Vec<Member>>,
    eligible: RwLock<Vec<Arc<Target>>>,
    turn: AtomicUsize,
    algorithm: AtomicU8,
}

/// A target and what is wanted of it; its keeper listens.
#[derive(Debug)]
struct Member {
    target: Arc<Target>,
    wish: watch::Sender<Wish>,
}

/// A member that needs a keeper.
#[derive(Debug)]
pub(crate) struct Newcomer {
    pub(crate) target: Arc<Target>,
    pub(crate) wish: watch::Receiver<Wish>,
}

const ALGORITHMS: [Algorithm; 3] = [
    Algorithm::RoundRobin,
    Algorithm::LeastOutstandingRequests,
    Algorithm::WeightedRandom,
];

impl Group {
    pub(crate) fn new(id: TargetGroupId, counter: Arc<GroupCounter>) -> Self {
        Self {
            id,
            counter,
            members: Mutex::default(),
            eligible: RwLock::default(),
            turn: AtomicUsize::new(0),
            algorithm: AtomicU8::new(Algorithm::RoundRobin as u8),
        }
    }

    /// The target for the next request; none where the group has none.
    pub(crate) fn choose(&self) -> Option<Arc<Target>> {
        let eligible = self.eligible.read().unwrap_or_else(PoisonError::into_inner);
        let count = eligible.len();
        if count == 0 {
            return None;
        }
        let algorithm = ALGORITHMS.get(usize::from(self.algorithm.load(Ordering::Relaxed)));
        let index = match algorithm {
            Some(Algorithm::WeightedRandom) => fastrand::usize(..count),
            Some(Algorithm::LeastOutstandingRequests) => self.least_outstanding(&eligible),
            Some(Algorithm::RoundRobin) | None => self.turn.fetch_add(1, Ordering::Relaxed) % count,
        };
        eligible.get(index).cloned()
    }

    /// Among equals, one after another.
    fn least_outstanding(&self, eligible: &[Arc<Target>]) -> usize {
        let count = eligible.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let in_turn = (0..count).map(|offset| (first + offset) % count);
        in_turn
            .min_by_key(|&index| eligible[index].outstanding.load(Ordering::Relaxed))
            .unwrap_or(first)
    }

    /// Takes over a plan; none where the group is gone. Targets that left get no more requests from here on.
    pub(crate) fn apply(&self, plan: Option<&TargetGroupPlan>, in_use: bool) -> Vec<Newcomer> {
        let mut members = self.lock();
        for member in &*members {
            let staying = plan.filter(|plan| plan.targets.get(&member.target.id) == Some(&member.target.address));
            tell(member, plan, staying.is_some(), in_use);
        }
        let newcomers = plan
            .map(|plan| self.enrol(&mut members, plan, in_use))
            .unwrap_or_default();
        if let Some(plan) = plan {
            self.algorithm.store(plan.algorithm as u8, Ordering::Relaxed);
        }
        self.refresh(&members);
        newcomers
    }

    fn enrol(&self, members: &mut Vec<Member>, plan: &TargetGroupPlan, in_use: bool) -> Vec<Newcomer> {
        let missing: Vec<(&TargetId, &SocketAddr)> = plan
            .targets
            .iter()
            .filter(|&(id, address)| {
                !members
                    .iter()
                    .any(|member| member.target.id == *id && member.target.address == *address)
            })
            .collect();
        let enrolled = missing.into_iter().map(|(id, address)| {
            let target = Arc::new(Target::new(self.id.clone(), id.clone(), *address));
            let (sender, receiver) = watch::channel(wish(plan, true, in_use));
            members.push(Member {
                target: Arc::clone(&target),
                wish: sender,
            });
            Newcomer { target, wish: receiver }
        });
        enrolled.collect()
    }

    /// A target's state changed.
    pub(crate) fn changed(&self) {
        self.refresh(&self.lock());
    }

    /// Forgets a target that is finished, unless something new is wanted of it by now.
    pub(crate) fn forget(&self, target: &Arc<Target>, wish: &watch::Receiver<Wish>) -> bool {
        let mut members = self.lock();
        if wish.has_changed().unwrap_or(false) {
            return false;
        }
        members.retain(|member| !Arc::ptr_eq(&member.target, target));
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn report(&self) -> Vec<TargetHealth> {
        self.lock().iter().map(|member| member.target.report()).collect()
    }

    /// "If a target group contains only unhealthy registered targets, the load balancer routes requests to all those targets,
    /// regardless of their health status." <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
    ///
    /// A named choice: targets not judged yet count among those.
    fn refresh(&self, members: &[Member]) {
        let registered = members
            .iter()
            .filter(|member| member.wish.borrow().registered)
            .map(|member| &member.target);
        let registered: Vec<_> = registered.cloned().collect();
        let fit =
            |target: &&Arc<Target>| matches!(target.health().state, TargetState::Healthy | TargetState::Unavailable);
        let healthy: Vec<_> = registered.iter().filter(fit).cloned().collect();
        let eligible = if healthy.is_empty() { registered } else { healthy };
        *self.eligible.write().unwrap_or_else(PoisonError::into_inner) = eligible;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tell(member: &Member, plan: Option<&TargetGroupPlan>, registered: bool, in_use: bool) {
    member.target.pool.retire(!registered);
    member.wish.send_if_modified(|current| {
        let new = match plan {
            // A target that drains keeps the delay that it was deregistered with.
            Some(plan) if registered || current.registered => wish(plan, registered, in_use),
            _ => Wish {
                registered,
                ..current.clone()
            },
        };
        let changed = *current != new;
        *current = new;
        changed
    });
}

fn wish(plan: &TargetGroupPlan, registered: bool, in_use: bool) -> Wish {
    let check = plan.health_check.clone();
    Wish {
        registered,
        in_use,
        check,
        deregistration_delay: plan.deregistration_delay,
        drain_limit: plan.drain_limit,
    }
}
