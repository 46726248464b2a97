//! The balancer as its user sees it.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc::UnboundedSender},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept,
    counts::{Counters, RequestCounts},
    group::Group,
    id::{ListenerId, TargetGroupId},
    keeper::{Clock, Keeper},
    limits,
    listener::Listener,
    observe::Observer,
    plan::{Plan, TargetGroupPlan},
    report::{Event, TargetHealth},
    route::Route,
};

/// A load balancer on loopback. A clone is another handle on the same one.
#[derive(Clone)]
pub struct Balancer {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Handle,
    events: UnboundedSender<Event>,
    observer: Option<Arc<dyn Observer>>,
    clock: Clock,
    counters: Counters,
    places: Arc<Semaphore>,
    /// Ends everything.
    stop: CancellationToken,
    tasks: TaskTracker,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    plan: Plan,
    listeners: BTreeMap<ListenerId, Arc<Listener>>,
    bound: BTreeMap<ListenerId, CancellationToken>,
    groups: BTreeMap<TargetGroupId, Arc<Group>>,
}

impl fmt::Debug for Balancer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Balancer").finish_non_exhaustive()
    }
}

impl Balancer {
    /// A balancer without listeners or targets, on the current tokio runtime. Changes of targets' health are sent to `events`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its network and time on.
    pub fn new(events: UnboundedSender<Event>) -> Self {
        Self::build(events, None)
    }

    /// The same, with someone who is told of every request.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its network and time on.
    pub fn with_observer(events: UnboundedSender<Event>, observer: Arc<dyn Observer>) -> Self {
        Self::build(events, Some(observer))
    }

    fn build(events: UnboundedSender<Event>, observer: Option<Arc<dyn Observer>>) -> Self {
        let shared = Shared {
            runtime: Handle::current(),
            events,
            observer,
            clock: Clock::start(),
            counters: Counters::default(),
            places: Arc::new(Semaphore::new(limits::CLIENT_CONNECTIONS)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            state: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Binds a listener and returns its address (port 0 asks for a free one). Before a plan names it, it answers 503.
    ///
    /// # Errors
    ///
    /// When the address isn't on loopback or can't be bound, when the listener is bound already, or after `shutdown`.
    pub fn listen(&self, listener: ListenerId, address: SocketAddr) -> io::Result<SocketAddr> {
        let shared = &self.shared;
        let mut state = shared.lock();
        if shared.stop.is_cancelled() {
            return Err(io::Error::other("the load balancer is shut down"));
        }
        if state.bound.contains_key(&listener) {
            let message = format!("listener {listener} listens already; close it first");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        let _runtime = shared.runtime.enter();
        let socket = accept::bind(address)?;
        let local = socket.local_addr()?;
        let stop = shared.stop.child_token();
        let handle = shared.listener(&mut state, &listener);
        state.bound.insert(listener, stop.clone());
        let (places, tasks) = (Arc::clone(&shared.places), shared.tasks.clone());
        shared.tasks.spawn(accept::accept(handle, socket, places, stop, tasks));
        Ok(local)
    }

    /// Stops accepting at once; idle connections are closed, requests in flight have half a minute to end. Unknown listeners are no matter.
    pub fn close(&self, listener: &ListenerId) {
        if let Some(stop) = self.shared.lock().bound.remove(listener) {
            stop.cancel();
        }
    }

    /// Takes over the whole desired state; what differs from the one before is worked out here. A target that is missing
    /// gets no new request from the moment this returns.
    pub fn apply(&self, plan: Plan) {
        let mut state = self.shared.lock();
        if state.plan == plan || self.shared.stop.is_cancelled() {
            return;
        }
        self.shared.apply_groups(&mut state, &plan);
        self.shared.apply_listeners(&mut state, &plan);
        state.plan = plan;
    }

    /// Every target that is registered or draining, with its health.
    pub fn target_health(&self) -> Vec<TargetHealth> {
        let groups: Vec<_> = self.shared.lock().groups.values().cloned().collect();
        groups.iter().flat_map(|group| group.report()).collect()
    }

    /// Totals since the start; the difference of two readings is what happened between.
    pub fn request_counts(&self) -> RequestCounts {
        self.shared.counters.read()
    }

    /// Closes every listener, stops every check, and waits for the requests in flight, half a minute at most.
    pub async fn shutdown(&self) {
        let shared = &self.shared;
        shared.stop.cancel();
        shared.lock().bound.clear();
        shared.tasks.close();
        // Whoever hasn't ended by then ends with the runtime.
        let _ = timeout(limits::CLOSE_LIMIT, shared.tasks.wait()).await;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listener(&self, state: &mut State, id: &ListenerId) -> Arc<Listener> {
        let listener = state.listeners.entry(id.clone()).or_insert_with(|| {
            Arc::new(Listener::new(
                id.clone(),
                self.counters.listener(id),
                self.observer.clone(),
            ))
        });
        Arc::clone(listener)
    }

    fn apply_groups(&self, state: &mut State, plan: &Plan) {
        let in_use = plan.groups_in_use();
        for id in plan.target_groups.keys() {
            if !state.groups.contains_key(id) {
                let group = Group::new(id.clone(), self.counters.group(id));
                state.groups.insert(id.clone(), Arc::new(group));
            }
        }
        for (id, group) in &state.groups {
            self.apply_group(group, plan.target_groups.get(id), in_use.contains(id));
        }
        state
            .groups
            .retain(|id, group| plan.target_groups.contains_key(id) || !group.is_empty());
    }

    fn apply_group(&self, group: &Arc<Group>, plan: Option<&TargetGroupPlan>, in_use: bool) {
        for newcomer in group.apply(plan, in_use) {
            let keeper = Keeper::new(Arc::clone(group), newcomer, self.events.clone(), self.clock);
            let stop = self.stop.clone();
            let kept = async move { stop.run_until_cancelled(keeper.run()).await };
            self.tasks.spawn_on(kept, &self.runtime);
        }
    }

    fn apply_listeners(&self, state: &mut State, plan: &Plan) {
        let gone = |id: &ListenerId| !plan.listeners.contains_key(id);
        state
            .listeners
            .iter()
            .filter(|(id, _)| gone(id))
            .for_each(|(_, listener)| listener.set_route(Route::nothing()));
        let bound = std::mem::take(&mut state.bound);
        state.listeners.retain(|id, _| !gone(id) || bound.contains_key(id));
        state.bound = bound;
        for (id, listener_plan) in &plan.listeners {
            let unchanged = state.plan.listeners.get(id) == Some(listener_plan)
                && state.plan.target_groups.keys().eq(plan.target_groups.keys());
            if !unchanged {
                let route = Route::new(listener_plan, &state.groups);
                self.listener(state, id).set_route(route);
            }
        }
    }
}
