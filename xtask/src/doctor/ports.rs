//! What the local cloud would meet on this machine: ports in use, and variables that point elsewhere.

use std::io;
use std::net::{Ipv4Addr, TcpListener};

use super::Finding;
use crate::context::Context;
use crate::local::{FREE_ITS_PORT, dead_load_balancers};

/// Looks at the local cloud's place.
pub(super) async fn look(context: &Context) -> Vec<Finding> {
    let running = context.home().running();
    let dead = match &running {
        Ok(Some(running)) => dead_load_balancers(running.clone()).await,
        _ => Ok(Vec::new()),
    };
    let cloud = match running {
        Ok(Some(running)) => Finding::fine("local cloud", format!("it runs at {}", running.endpoint)),
        Ok(None) => free_port(local_cloud::DEFAULT_PORT, bind(local_cloud::DEFAULT_PORT)),
        Err(error) => Finding::failing(
            "local cloud",
            format!("{error:#}"),
            "`cargo xtask local stop`, then begin again",
        ),
    };
    vec![cloud, balancers(dead, &bind(local_cloud::FIRST_LOAD_BALANCER_PORT))]
}

/// Listens for a moment, as the local cloud would.
fn bind(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}

fn free_port(port: u16, bound: io::Result<()>) -> Finding {
    let name = "local cloud";
    match bound {
        Ok(()) => Finding::fine(name, format!("it doesn't run, and port {port} is free for it")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::warning(
            name,
            format!("port {port} is in use by something else: it takes the next free one"),
            "nothing has to be done; `cargo xtask local env` prints the address once it runs",
        ),
        Err(error) => Finding::failing(
            name,
            format!("it can't listen on 127.0.0.1:{port}: {error}"),
            "allow programs to listen on loopback",
        ),
    }
}

fn balancers(dead: anyhow::Result<Vec<String>>, bound: &io::Result<()>) -> Finding {
    let (name, port) = ("load balancer", local_cloud::FIRST_LOAD_BALANCER_PORT);
    match dead {
        Ok(dead) if dead.is_empty() => {}
        Ok(dead) => return Finding::failing(name, dead.join("; "), FREE_ITS_PORT),
        Err(error) => return Finding::not_checked(name, format!("{error:#}")),
    }
    let found = if bound.is_ok() {
        format!("port {port} is free for the first")
    } else {
        format!("port {port} is in use, and the first takes the next free one")
    };
    Finding::fine(name, found)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_port_in_use_is_no_failure() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(free_port(port, bind(port)).verdict, Verdict::Warning);
        assert_eq!(free_port(port, Ok(())).verdict, Verdict::Fine);
        let denied = Err(io::ErrorKind::PermissionDenied.into());
        assert_eq!(free_port(port, denied).verdict, Verdict::Failing);
    }

    #[test]
    fn a_load_balancer_that_serves_nobody_is_a_failure() {
        assert_eq!(balancers(Ok(Vec::new()), &Ok(())).verdict, Verdict::Fine);
        let dead = balancers(Ok(vec!["Example serves nobody: no port".to_owned()]), &Ok(()));
        assert_eq!((dead.verdict, dead.fix.len()), (Verdict::Failing, 1));
        assert_eq!(
            balancers(Err(anyhow::anyhow!("no")), &Ok(())).verdict,
            Verdict::NotChecked
        );
    }
}
