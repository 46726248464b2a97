//! Stands between a client and a local cloud, and keeps every request as it was sent.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

/// A request to AWS.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The service that it was signed for.
    pub(crate) service: String,
    /// The operation with its service's prefix, in JSON.
    target: Option<String>,
    content_type: String,
    body: String,
}

impl Request {
    /// The operation's name.
    pub(crate) fn operation(&self) -> &str {
        let name = match &self.target {
            Some(target) => target.rsplit('.').next(),
            None => self
                .body
                .split('&')
                .next()
                .map(|action| action.trim_start_matches("Action=")),
        };
        name.unwrap_or_default()
    }

    /// The request as `tests/wire/requests.py` reads it.
    pub(crate) fn line(&self) -> String {
        let line = json!({
            "service": self.service, "target": self.target, "content_type": self.content_type, "body": self.body,
        });
        format!("{line}\n")
    }
}

/// What stands in between, as long as the test runs.
pub(crate) struct Recorder {
    /// The URL to send requests to.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Recorder {
    /// In front of a local cloud's address.
    pub(crate) fn before(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::default();
        let (kept, address) = (Arc::clone(&requests), address.to_owned());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (kept, address) = (Arc::clone(&kept), address.clone());
                // A connection that ends, ends its thread; what came of it, its client says.
                std::thread::spawn(move || drop(pass_on(client, &address, &kept)));
            }
        });
        Self { url, requests }
    }

    /// What was sent since this was last asked.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

fn pass_on(client: TcpStream, address: &str, kept: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let own = client.local_addr()?.to_string();
    let mut cloud = TcpStream::connect(address)?;
    let (mut answers, mut back) = (cloud.try_clone()?, client.try_clone()?);
    let answering = std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut client = BufReader::new(client);
    while let Some((head, body)) = read(&mut client)? {
        kept.lock().unwrap().extend(request(&head, &body));
        // A local cloud answers to its own address alone.
        cloud.write_all(head.replace(&own, address).as_bytes())?;
        cloud.write_all(&body)?;
    }
    cloud.shutdown(Shutdown::Write)?;
    drop(answering.join());
    Ok(())
}

/// One request's head, to its empty line, and its body; none at the end.
pub(crate) fn read(client: &mut impl BufRead) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// A signed request; what isn't signed is none of AWS's.
fn request(head: &str, body: &[u8]) -> Option<Request> {
    // Credential=<key>/<day>/<region>/<service>/aws4_request
    let service = header(head, "authorization")?.split('/').nth(3)?;
    Some(Request {
        service: service.to_owned(),
        target: header(head, "x-amz-target").map(ToOwned::to_owned),
        content_type: header(head, "content-type").unwrap_or_default().to_owned(),
        body: String::from_utf8_lossy(body).into_owned(),
    })
}

/// Requests as lines.
pub(crate) fn lines(requests: &[Request]) -> String {
    requests.iter().map(Request::line).collect()
}
