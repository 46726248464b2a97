//! Asks the Docker daemon whether it is there.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::{HIDDEN_VARIABLE, is_on};

/// How long a daemon may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// The Engine API's `GET /_ping`: <https://docs.docker.com/reference/api/engine/version/v1.51/#tag/System/operation/SystemPing>
const PING: &[u8] = b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";

/// Asks the daemon that `DOCKER_HOST` names, or the one at the default socket.
///
/// # Errors
/// In a few words, if none answers.
pub(crate) fn ping() -> Result<(), String> {
    let none = || "no Docker daemon answers".to_owned();
    if is_on(HIDDEN_VARIABLE) {
        return Err(none());
    }
    let host = std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty());
    let host = host.as_deref().unwrap_or(DEFAULT_HOST);
    match ask(host) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) if host == DEFAULT_HOST => Err(none()),
        Ok(false) | Err(_) => Err(format!("{} at {host}", none())),
    }
}

fn ask(host: &str) -> std::io::Result<bool> {
    let Some((scheme, address)) = host.split_once("://") else {
        return Ok(false);
    };
    match scheme {
        "unix" => {
            let stream = UnixStream::connect(address)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            answers(stream)
        }
        "tcp" | "http" => {
            let Some(address) = address.to_socket_addrs()?.next() else {
                return Ok(false);
            };
            let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            answers(stream)
        }
        _ => Ok(false),
    }
}

fn answers(mut stream: impl Read + Write) -> std::io::Result<bool> {
    stream.write_all(PING)?;
    let mut status = [0; b"HTTP/1.1 200".len()];
    stream.read_exact(&mut status)?;
    Ok(status.starts_with(b"HTTP/1.") && status.ends_with(b" 200"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_daemon_that_answers_200_is_there() {
        for (answer, there) in [
            ("HTTP/1.1 200 OK\r\n\r\nOK", true),
            ("HTTP/1.1 500 Internal Server Error\r\n\r\n", false),
            ("SSH-2.0-server\r\n", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let host = format!("tcp://{}", listener.local_addr().expect("an address"));
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().expect("a connection");
                stream.read_exact(&mut [0; PING.len()]).expect("the request");
                stream.write_all(answer.as_bytes()).expect("the answer is sent");
            });
            assert_eq!(ask(&host).unwrap_or(false), there, "{answer}");
            server.join().expect("the server ends");
        }
    }

    #[test]
    fn no_socket_is_no_daemon() {
        for host in ["unix:///nowhere/docker.sock", "ssh://docker@host", "docker", ""] {
            assert!(!ask(host).unwrap_or(false), "{host}");
        }
    }
}
