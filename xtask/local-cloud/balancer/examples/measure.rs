//! What the balancer is measured with, beside another proxy that splits in the same way.
//!
//! `measure backends PORT` answers `{"status": "OK"}` on thirteen ports from PORT on;
//! `measure balancer PORT BACKENDS` listens on PORT and shares requests out to them, 1 % to the first three and 99 % to the other ten.

use std::{
    convert::Infallible,
    error::Error,
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use balancer::{Action, Attributes, Balancer, HealthCheck, ListenerPlan, Plan, TargetGroupPlan};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::mpsc};

const ONEBOX: u16 = 3;
const FLEET: u16 = 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["backends", port] => backends(port.parse()?).await,
        ["balancer", port, backends] => balance(port.parse()?, backends.parse()?).await,
        _ => Err("usage: measure backends PORT | measure balancer PORT BACKENDS".into()),
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

async fn backends(first_port: u16) -> Result<(), Box<dyn Error>> {
    for port in first_port..first_port + ONEBOX + FLEET {
        tokio::spawn(backend(TcpListener::bind(local(port)).await?));
    }
    pending().await
}

async fn backend(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let service = service_fn(|_: Request<Incoming>| async {
            let body = Full::new(Bytes::from_static(br#"{"status": "OK"}"#));
            Ok::<_, Infallible>(
                Response::builder()
                    .header("content-type", "application/json")
                    .body(body)
                    .unwrap_or_default(),
            )
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn balance(port: u16, backends: u16) -> Result<(), Box<dyn Error>> {
    let (events, mut changes) = mpsc::unbounded_channel();
    let balancer = Balancer::new(events);
    balancer.listen("listener".into(), local(port))?;
    balancer.apply(plan(backends));
    while let Some(balancer::Event::TargetHealth(change)) = changes.recv().await {
        eprintln!("{} {} {}", change.target_group, change.target, change.health.state);
    }
    Ok(())
}

fn plan(backends: u16) -> Plan {
    let group = |ports: std::ops::Range<u16>| TargetGroupPlan {
        health_check: HealthCheck {
            interval: Duration::from_secs(5),
            ..HealthCheck::default()
        },
        targets: ports
            .map(|port| (local(port).to_string().into(), local(port)))
            .collect(),
        ..TargetGroupPlan::default()
    };
    let listener = ListenerPlan {
        attributes: Attributes::default(),
        rules: Vec::new(),
        default_action: Action::Forward(vec![("onebox".into(), 1), ("fleet".into(), 99)]),
    };
    Plan {
        listeners: [("listener".into(), listener)].into(),
        target_groups: [
            ("onebox".into(), group(backends..backends + ONEBOX)),
            ("fleet".into(), group(backends + ONEBOX..backends + ONEBOX + FLEET)),
        ]
        .into(),
    }
}
