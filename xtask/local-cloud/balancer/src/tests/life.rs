//! Plans, listeners and the end.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc::unbounded_channel, time::sleep};

use super::rig::{
    Client, PANIC_STATUS, Rig, Service, by_hand, eventually, get, group, plan, raw, simple, status, within,
};
use crate::{Action, Attributes, Balancer, FixedResponse, Reason, TargetState};

#[tokio::test]
async fn only_loopback_listens() {
    let (events, _receiver) = unbounded_channel();
    let balancer = Balancer::new(events);
    let error = balancer
        .listen("a".into(), (Ipv4Addr::UNSPECIFIED, 0).into())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "listener address 0.0.0.0:0 isn't on loopback; use an address such as 127.0.0.1"
    );
    let address = balancer
        .listen("a".into(), (Ipv4Addr::new(127, 0, 0, 5), 0).into())
        .unwrap();
    assert!(address.port() > 0);
    let again = balancer
        .listen("a".into(), (Ipv4Addr::LOCALHOST, 0).into())
        .unwrap_err();
    assert_eq!(again.to_string(), "listener a listens already; close it first");
    assert_eq!(
        balancer.listen("b".into(), address).unwrap_err().kind(),
        std::io::ErrorKind::AddrInUse
    );
}

#[tokio::test]
async fn the_same_plan_again_changes_nothing() {
    let service = Service::start().await;
    let the_plan = plan(&[("only", 1, group(&[service.address]))], Attributes::default());
    let mut rig = Rig::new(the_plan.clone());
    rig.until(service.address, TargetState::Healthy).await;
    rig.balancer.apply(the_plan);
    assert_eq!(status(&raw(rig.address, get("")).await), 200);
    assert!(rig.events.try_recv().is_err());
}

#[tokio::test]
async fn a_group_that_no_rule_uses_is_unchecked() {
    let service = Service::start().await;
    let mut unused = plan(&[("only", 1, group(&[service.address]))], Attributes::default());
    let listeners = std::mem::take(&mut unused.listeners);
    let mut rig = Rig::new(unused.clone());
    rig.until(service.address, TargetState::Unused).await;
    let health = rig.balancer.target_health()[0].health;
    assert_eq!(health.reason, Some(Reason::NotInUse));
    assert_eq!(service.connections.load(std::sync::atomic::Ordering::Relaxed), 0);
    unused.listeners = listeners;
    rig.balancer.apply(unused);
    rig.until(service.address, TargetState::Healthy).await;
    assert_eq!(status(&raw(rig.address, get("")).await), 200);
}

#[tokio::test]
async fn a_target_that_listens_late_is_healthy_soon() {
    let place = std::net::TcpListener::bind((Ipv4Addr::new(127, 0, 3, 1), 0)).unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let mut slow_checks = group(&[address]);
    slow_checks.health_check.interval = Duration::from_mins(10);
    let mut rig = Rig::new(plan(&[("only", 1, slow_checks)], Attributes::default()));
    rig.until(address, TargetState::Initial).await;
    let late = by_hand_at(address).await;
    rig.until(address, TargetState::Healthy).await;
    drop(late);
}

async fn by_hand_at(address: std::net::SocketAddr) -> tokio::task::JoinHandle<()> {
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = super::rig::read_head(&mut stream).await;
            let head = String::from_utf8(head.to_vec()).unwrap();
            let expected = format!(
                "GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nuser-agent: ELB-HealthChecker/2.0\r\naccept-encoding: gzip, compressed\r\n\r\n"
            );
            assert_eq!(head, expected);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
        }
    })
}

#[tokio::test]
async fn closing_a_listener_lets_requests_in_flight_end() {
    let target = by_hand(|mut stream, _| async move {
        sleep(Duration::from_millis(300)).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")
            .await
            .unwrap();
    });
    let rig = Rig::new(simple(&[target.await]));
    let mut idle = Client::connect(rig.address).await;
    let address = rig.address;
    let asking = tokio::spawn(async move { raw(address, get("")).await });
    let sent = || rig.balancer.request_counts().target_groups[&"only".into()].requests == 1;
    within("the request to be sent", eventually(sent)).await;
    rig.balancer.close(&"listener".into());
    assert_eq!(status(&asking.await.unwrap()), 200);
    within("the port to be free", async {
        while TcpStream::connect(address).await.is_ok() {}
    })
    .await;
    assert!(idle.get(None).await.is_err());
    rig.balancer.listen("listener".into(), address).unwrap();
    within("shutdown", rig.balancer.shutdown()).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_connection_that_is_old_takes_one_more_request() {
    let service = Service::start().await;
    let attributes = Attributes {
        client_keep_alive: Duration::ZERO,
        ..Attributes::default()
    };
    let rig = Rig::new(plan(
        &[("only", 1, super::rig::unchecked(&[service.address]))],
        attributes,
    ));
    let answer = raw(rig.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_panic_ends_one_connection_only() {
    let fixed = |status_code| {
        let mut plan = simple(&[]);
        let action = Action::FixedResponse(FixedResponse {
            status_code,
            content_type: None,
            message_body: None,
        });
        plan.listeners.get_mut(&"listener".into()).unwrap().default_action = action;
        plan
    };
    let rig = Rig::new(fixed(PANIC_STATUS));
    assert_eq!(raw(rig.address, get("")).await, "");
    rig.balancer.apply(fixed(200));
    assert_eq!(status(&raw(rig.address, get("")).await), 200);
}

/// Clients that send a byte now and then can't hold places for ever.
#[tokio::test]
async fn a_trickle_is_cut_off() {
    let attributes = Attributes {
        idle_timeout: Duration::from_millis(200),
        ..Attributes::default()
    };
    let rig = Rig::new(plan(&[("only", 1, group(&[]))], attributes));
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    within("the balancer to lose patience", async {
        while stream.write_all(b"G").await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}
