//! Replacing targets under load: in the right order nobody notices.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, task::JoinSet};

use super::rig::{Client, Rig, Service, by_hand, eventually, get, group, plan, raw, status, unchecked, within};
use crate::{Attributes, Plan, TargetGroupPlan, TargetState};

const CONNECTIONS: usize = 16;

/// Clients that ask as fast as they can, each on a connection of its own.
struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(address: SocketAddr) -> Self {
        let (stop, good, failed) = (Arc::default(), Arc::default(), Arc::default());
        let mut load = Self {
            stop,
            good,
            failed,
            clients: JoinSet::new(),
        };
        for _ in 0..CONNECTIONS {
            let (stop, good, failed) = (Arc::clone(&load.stop), Arc::clone(&load.good), Arc::clone(&load.failed));
            load.clients.spawn(async move {
                let mut client = Client::connect(address).await;
                while !stop.load(Ordering::Relaxed) {
                    match client.get(None).await {
                        Ok((200, _)) => _ = good.fetch_add(1, Ordering::Relaxed),
                        Ok(_) => _ = failed.fetch_add(1, Ordering::Relaxed),
                        Err(_) => {
                            failed.fetch_add(1, Ordering::Relaxed);
                            client = Client::connect(address).await;
                        }
                    }
                }
            });
        }
        load
    }

    /// Waits for that many good answers more.
    async fn more(&self, count: usize) {
        let goal = self.good.load(Ordering::Relaxed) + count;
        within("more answers", eventually(|| self.good.load(Ordering::Relaxed) >= goal)).await;
    }

    async fn end(mut self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(client) = within("clients to end", self.clients.join_next()).await {
            client.unwrap();
        }
        self.failed.load(Ordering::Relaxed)
    }
}

async fn service(last: u8) -> Service {
    Service::start_at(Ipv4Addr::new(127, 0, 2, last).into(), Duration::from_millis(1)).await
}

fn of(services: &[&Service]) -> Plan {
    let addresses: Vec<_> = services.iter().map(|service| service.address).collect();
    plan(&[("only", 1, group(&addresses))], Attributes::default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deregister_then_stop_loses_nothing() {
    let mut services = vec![service(1).await, service(2).await, service(3).await];
    let mut rig = Rig::new(of(&services.iter().collect::<Vec<_>>()));
    rig.all_healthy().await;
    let load = Load::start(rig.address);
    for last in 4..=9 {
        load.more(200).await;
        let new = service(last).await;
        services.push(new);
        rig.balancer.apply(of(&services.iter().collect::<Vec<_>>()));
        rig.until(services[3].address, TargetState::Healthy).await;
        let old = services.remove(0);
        rig.balancer.apply(of(&services.iter().collect::<Vec<_>>()));
        rig.until(old.address, TargetState::Unused).await;
        let served = old.served();
        old.stop().await;
        assert!(served > 0, "the replaced target served");
    }
    load.more(200).await;
    assert_eq!(load.end().await, 0);
}

/// The negative control: the same with the order turned round.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_without_deregistering_loses_requests() {
    let services = [service(11).await, service(12).await, service(13).await];
    let rig = Rig::new(of(&services.iter().collect::<Vec<_>>()));
    rig.all_healthy().await;
    let load = Load::start(rig.address);
    load.more(200).await;
    services[0].stop().await;
    load.more(200).await;
    assert!(load.end().await > 0);
}

/// No request reaches a target once `apply` has returned without it, though its connections were kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_starts_at_once_and_lasts_the_whole_delay() {
    let (leaving, staying) = (Service::start().await, Service::start().await);
    let mut rig = Rig::new(of(&[&leaving, &staying]));
    rig.all_healthy().await;
    let mut client = Client::connect(rig.address).await;
    for _ in 0..10 {
        client.get(None).await.unwrap();
    }
    let before = leaving.served();
    assert!(before > 0);
    let since = Instant::now();
    rig.balancer.apply(of(&[&staying]));
    for _ in 0..10 {
        client.get(None).await.unwrap();
    }
    assert_eq!(leaving.served(), before);
    rig.until(leaving.address, TargetState::Draining).await;
    rig.until(leaving.address, TargetState::Unused).await;
    assert!(since.elapsed() >= Duration::from_millis(300), "{:?}", since.elapsed());
    assert!(
        !rig.balancer
            .target_health()
            .iter()
            .any(|target| target.address == leaving.address)
    );
}

fn with_delay(target: Option<SocketAddr>, millis: u64) -> Plan {
    let group = TargetGroupPlan {
        deregistration_delay: Duration::from_millis(millis),
        ..unchecked(target.as_slice())
    };
    plan(&[("only", 1, group)], Attributes::default())
}

async fn slow_target(millis: u64) -> SocketAddr {
    by_hand(move |mut stream, _| async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
            .await;
    })
    .await
}

/// The status of a request that was in flight when its target was deregistered.
async fn in_flight(takes_millis: u64, delay_millis: u64) -> u16 {
    let target = slow_target(takes_millis).await;
    let rig = Rig::new(with_delay(Some(target), delay_millis));
    let address = rig.address;
    let asking = tokio::spawn(async move { raw(address, get("")).await });
    let sent = || rig.balancer.request_counts().target_groups[&"only".into()].requests == 1;
    within("the request to be sent", eventually(sent)).await;
    rig.balancer.apply(with_delay(None, delay_millis));
    assert_eq!(
        status(&raw(address, get("")).await),
        503,
        "no target is left for new requests"
    );
    status(&asking.await.unwrap())
}

#[tokio::test]
async fn requests_in_flight_end_within_the_delay() {
    assert_eq!(in_flight(300, 10_000).await, 200);
}

#[tokio::test]
async fn a_request_that_outlives_the_delay_is_a_bad_gateway() {
    assert_eq!(in_flight(15_000, 300).await, 502);
}

#[tokio::test]
async fn registered_again_while_draining() {
    let service = Service::start().await;
    let mut rig = Rig::new(of(&[&service]));
    rig.until(service.address, TargetState::Healthy).await;
    rig.balancer.apply(of(&[]));
    rig.until(service.address, TargetState::Draining).await;
    rig.balancer.apply(of(&[&service]));
    rig.until(service.address, TargetState::Healthy).await;
    assert_eq!(status(&raw(rig.address, get("")).await), 200);
}
