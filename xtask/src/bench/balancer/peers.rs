//! nginx and haproxy, set up to do what the local load balancer does.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use optional_programs::Program;

use crate::bench::cloud::Task;
use crate::bench::programs;

/// The tasks of both stages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Backends {
    pub(super) onebox: Vec<SocketAddr>,
    pub(super) fleet: Vec<SocketAddr>,
}

impl Backends {
    /// The tasks, by stage.
    pub(super) fn of(tasks: &[Task]) -> Self {
        let stage = |name: &str| {
            tasks
                .iter()
                .filter(|task| task.stage == name)
                .map(|task| task.address)
                .collect()
        };
        Self {
            onebox: stage("onebox"),
            fleet: stage("fleet"),
        }
    }
}

/// nginx in the foreground, its files in `folder`.
///
/// # Errors
/// When its configuration can't be written.
pub(super) fn nginx(folder: &Path, address: SocketAddr, backends: &Backends) -> anyhow::Result<Command> {
    let file = write(folder, "nginx.conf", &nginx_configuration(address, backends))?;
    let mut command = Command::new(programs::obtain(Program::Nginx, &mut |_| ()).map_err(anyhow::Error::msg)?);
    command.arg("-p").arg(folder).args(["-e", "stderr", "-c"]).arg(file);
    Ok(command)
}

/// haproxy in the foreground, its file in `folder`.
///
/// # Errors
/// When its configuration can't be written.
pub(super) fn haproxy(folder: &Path, address: SocketAddr, backends: &Backends) -> anyhow::Result<Command> {
    let file = write(folder, "haproxy.cfg", &haproxy_configuration(address, backends))?;
    let mut command = Command::new(programs::obtain(Program::Haproxy, &mut |_| ()).map_err(anyhow::Error::msg)?);
    command.arg("-db").arg("-f").arg(file);
    Ok(command)
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<std::path::PathBuf> {
    let file = folder.join(name);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn nginx_configuration(address: SocketAddr, backends: &Backends) -> String {
    let upstream = |name: &str, addresses: &[SocketAddr]| {
        let servers: Vec<String> = addresses
            .iter()
            .map(|address| format!("    server {address};\n"))
            .collect();
        let servers = servers.concat();
        format!("  upstream {name} {{\n{servers}    keepalive 64;\n    keepalive_requests 1000000000;\n  }}\n")
    };
    format!(
        "daemon off;
worker_processes auto;
pid nginx.pid;
error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  split_clients $request_id $stage {{ 1% onebox; * fleet; }}
{onebox}{fleet}  server {{
    listen {address};
    location / {{
      proxy_pass http://$stage;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Amzn-Trace-Id Root=1-$request_id;
    }}
  }}
}}
",
        onebox = upstream("onebox", &backends.onebox),
        fleet = upstream("fleet", &backends.fleet),
    )
}

fn haproxy_configuration(address: SocketAddr, backends: &Backends) -> String {
    let backend = |name: &str, addresses: &[SocketAddr]| {
        let servers = addresses.iter().enumerate();
        let servers = servers.map(|(place, address)| format!("  server {name}{place} {address}\n"));
        format!("backend {name}\n{}", servers.collect::<Vec<_>>().concat())
    };
    format!(
        "global
  maxconn 1024
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option forwardfor
frontend balancer
  bind {address}
  http-request set-header X-Forwarded-Port {port}
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Amzn-Trace-Id Root=1-%[uuid()]
  use_backend onebox if {{ rand(100) lt 1 }}
  default_backend fleet
{onebox}{fleet}",
        port = address.port(),
        onebox = backend("onebox", &backends.onebox),
        fleet = backend("fleet", &backends.fleet),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_split_is_the_listeners() {
        let task = |stage: &str, port| Task {
            stage: stage.to_owned(),
            address: SocketAddr::from(([127, 64, 0, 1], port)),
        };
        let backends = Backends::of(&[task("onebox", 1), task("fleet", 2), task("fleet", 3)]);
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let nginx = nginx_configuration(address, &backends);
        assert!(
            nginx.contains("split_clients $request_id $stage { 1% onebox; * fleet; }"),
            "{nginx}"
        );
        assert!(
            nginx.contains("upstream onebox {\n    server 127.64.0.1:1;\n    keepalive 64;"),
            "{nginx}"
        );
        let haproxy = haproxy_configuration(address, &backends);
        assert!(
            haproxy.contains("use_backend onebox if { rand(100) lt 1 }"),
            "{haproxy}"
        );
        assert!(
            haproxy.ends_with("backend fleet\n  server fleet0 127.64.0.1:2\n  server fleet1 127.64.0.1:3\n"),
            "{haproxy}"
        );
    }
}
