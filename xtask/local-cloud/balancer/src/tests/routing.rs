//! Who gets a request.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::task::JoinSet;

use super::rig::{
    Client, Rig, Service, by_hand, eventually, get, group, nobody, plan, raw, simple, status, unchecked, within,
};
use crate::{Action, Algorithm, Attributes, FixedResponse, HealthCheck, Redirect, TargetGroupPlan, TargetState};

async fn services(count: u8) -> Vec<Service> {
    let mut services = Vec::new();
    for last in 1..=count {
        services.push(Service::start_at(Ipv4Addr::new(127, 0, 1, last).into(), Duration::ZERO).await);
    }
    services
}

fn addresses(services: &[Service]) -> Vec<SocketAddr> {
    services.iter().map(|service| service.address).collect()
}

async fn ask(address: SocketAddr, connections: usize, each: usize, stage: Option<&'static str>) {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            for _ in 0..each {
                assert_eq!(client.get(stage).await.unwrap().0, 200);
            }
        });
    }
    while let Some(result) = clients.join_next().await {
        result.unwrap();
    }
}

/// Onebox's share within four standard deviations, from several connections; and shares within a group are even.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_are_kept() {
    const REQUESTS: u32 = 10_000;
    let services = services(5).await;
    let all = addresses(&services);
    let groups = [("onebox", 1, unchecked(&all[..2])), ("fleet", 99, unchecked(&all[2..]))];
    let rig = Rig::new(plan(&groups, Attributes::default()));
    ask(rig.address, 8, REQUESTS as usize / 8, None).await;
    let served: Vec<f64> = services
        .iter()
        .map(|service| f64::from(u32::try_from(service.served()).unwrap()))
        .collect();
    let onebox = served[0] + served[1];
    let fair = f64::from(REQUESTS) / 100.0;
    assert!((onebox - fair).abs() <= 4.0 * (fair * 0.99).sqrt(), "{served:?}");
    assert!((served[0] - served[1]).abs() <= 1.0, "{served:?}");
    assert!(
        (served[2] - served[4]).abs() <= 1.0 && (served[3] - served[4]).abs() <= 1.0,
        "{served:?}"
    );
    let counts = rig.balancer.request_counts();
    let by_group = |name: &str| counts.target_groups[&name.into()].clone();
    assert_eq!(
        by_group("onebox").requests + by_group("fleet").requests,
        u64::from(REQUESTS)
    );
    assert_eq!(
        by_group("fleet").response_times.count(),
        by_group("fleet").made_by_targets[1]
    );
    assert_eq!(counts.listeners[&"listener".into()].requests, u64::from(REQUESTS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_reaches_one_stage_only() {
    let services = services(2).await;
    let all = addresses(&services);
    let groups = [("onebox", 1, unchecked(&all[..1])), ("fleet", 99, unchecked(&all[1..]))];
    let rig = Rig::new(plan(&groups, Attributes::default()));
    ask(rig.address, 4, 50, Some("onebox")).await;
    assert_eq!((services[0].served(), services[1].served()), (200, 0));
}

/// The busy one gets no more until the other is as busy.
#[tokio::test]
async fn least_outstanding_requests() {
    let (taken, mut hung) = tokio::sync::mpsc::unbounded_channel();
    let slow = by_hand(move |stream, _| {
        taken.send(()).unwrap();
        async move {
            std::future::pending::<()>().await;
            drop(stream);
        }
    })
    .await;
    let quick = Service::start().await;
    let least = TargetGroupPlan {
        algorithm: Algorithm::LeastOutstandingRequests,
        ..unchecked(&[slow, quick.address])
    };
    let rig = Rig::new(plan(&[("only", 1, least)], Attributes::default()));
    // Of two requests in turn, one hangs.
    let address = rig.address;
    let in_flight = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        let _ = client.get(None).await;
        let _ = client.get(None).await;
    });
    within("a request that hangs", hung.recv()).await;
    let before = quick.served();
    ask(rig.address, 1, 20, None).await;
    assert_eq!(quick.served(), before + 20);
    in_flight.abort();
}

#[tokio::test]
async fn only_healthy_targets_and_else_all() {
    let services = services(2).await;
    let mut targets = addresses(&services);
    targets.push(nobody().await);
    let mut rig = Rig::new(plan(&[("only", 1, group(&targets))], Attributes::default()));
    for &target in &targets[..2] {
        within(
            "the good ones",
            eventually(|| {
                rig.balancer
                    .target_health()
                    .iter()
                    .any(|health| health.address == target && health.health.state == TargetState::Healthy)
            }),
        )
        .await;
    }
    ask(rig.address, 1, 20, None).await;
    rig.until(targets[2], TargetState::Unhealthy).await;
    ask(rig.address, 1, 20, None).await;
    assert_eq!((services[0].served(), services[1].served()), (20, 20));
    // None healthy: all get requests, by round robin.
    let fail = |group: TargetGroupPlan| TargetGroupPlan {
        health_check: HealthCheck {
            matcher: "404".parse().unwrap(),
            ..group.health_check.clone()
        },
        ..group
    };
    rig.balancer
        .apply(plan(&[("only", 1, fail(group(&targets)))], Attributes::default()));
    for &target in &targets[..2] {
        within(
            "all unhealthy",
            eventually(|| {
                rig.balancer
                    .target_health()
                    .iter()
                    .any(|health| health.address == target && health.health.state == TargetState::Unhealthy)
            }),
        )
        .await;
    }
    let mut statuses = BTreeMap::new();
    for _ in 0..9 {
        *statuses.entry(status(&raw(rig.address, get("")).await)).or_insert(0) += 1;
    }
    assert_eq!(statuses, [(200, 6), (502, 3)].into());
    let mismatch = rig
        .balancer
        .target_health()
        .iter()
        .find(|health| health.address == targets[0])
        .unwrap()
        .health;
    assert_eq!(
        mismatch.description().unwrap(),
        "Health checks failed with these codes: [200]"
    );
}

/// One group's trouble isn't another's: no failover.
#[tokio::test]
async fn no_failover_between_groups() {
    let service = Service::start().await;
    let groups = [("empty", 1, unchecked(&[])), ("full", 1, unchecked(&[service.address]))];
    let rig = Rig::new(plan(&groups, Attributes::default()));
    let mut unavailable = 0;
    for _ in 0..20 {
        unavailable += i32::from(status(&raw(rig.address, get("")).await) == 503);
    }
    assert!((8..=12).contains(&unavailable), "{unavailable}");
}

#[tokio::test]
async fn fixed_responses_and_redirects() {
    let with_default = |action: Action| {
        let mut plan = simple(&[]);
        plan.listeners.get_mut(&"listener".into()).unwrap().default_action = action;
        plan
    };
    let fixed = FixedResponse {
        status_code: 200,
        content_type: Some("text/plain".to_owned()),
        message_body: Some("fixed".to_owned()),
    };
    let rig = Rig::new(with_default(Action::FixedResponse(fixed)));
    let answer = raw(rig.address, get("")).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("fixed"),
        "{answer}"
    );
    assert!(answer.contains("content-type: text/plain"), "{answer}");
    rig.balancer.apply(with_default(Action::Redirect(Redirect {
        path: "/new".to_owned(),
        ..Redirect::default()
    })));
    let answer = raw(rig.address, get("")).await;
    let location = format!("location: http://example.com:{}/new\r\n", rig.address.port());
    assert!(
        answer.starts_with("HTTP/1.1 302 Found") && answer.contains(&location),
        "{answer}"
    );
}
