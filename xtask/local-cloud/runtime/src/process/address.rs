//! An address for each task.
//!
//! On Fargate each task has a network interface of its own, so that all of them listen on the same port.
//! Here each has a loopback address of its own out of 127.64.0.0/10, for the same reason.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::{Mutex, PoisonError};

const NETWORK: u32 = u32::from_be_bytes([127, 64, 0, 0]);
const HOSTS: u32 = 1 << 22;
/// So many addresses are tried before a port counts as taken everywhere.
const ADDRESSES_TRIED: u32 = 8;
const PORTS_TRIED: u16 = 256;
/// Below it are the ports that programs are known to use.
const FIRST_OTHER_PORT: u16 = 20_000;

pub(crate) struct Addresses {
    state: Mutex<State>,
    first_ephemeral_port: u16,
}

struct State {
    next: u32,
    used: HashSet<Ipv4Addr>,
}

impl Addresses {
    /// `seed` sets where to begin, so that two local clouds on one machine seldom meet.
    pub(crate) fn new(seed: &str, first_ephemeral_port: u16) -> Self {
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        let next = u32::try_from(hasher.finish() % u64::from(HOSTS)).unwrap_or(0);
        let state = State {
            next,
            used: HashSet::new(),
        };
        Addresses {
            state: Mutex::new(state),
            first_ephemeral_port,
        }
    }

    /// An address of no other task, with this port or, where it can't be had, another.
    /// The program may lose it only to a stranger who binds that very address in between.
    pub(crate) fn take(&self, port: u16) -> io::Result<SocketAddr> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for _ in 0..ADDRESSES_TRIED {
            let address = state.next_address();
            match TcpListener::bind((address, port)) {
                Ok(_) => return Ok(state.took(address, port)),
                Err(error) => last = Some(error),
            }
        }
        // Somebody listens to this port on all addresses, or it is below 1024.
        let address = state.next_address();
        let ports = FIRST_OTHER_PORT..self.first_ephemeral_port.max(FIRST_OTHER_PORT + PORTS_TRIED);
        let count = usize::from(PORTS_TRIED);
        for port in ports.rev().take(count) {
            if TcpListener::bind((address, port)).is_ok() {
                return Ok(state.took(address, port));
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }

    /// Marks an adopted task's address as in use.
    pub(crate) fn keep(&self, address: SocketAddr) {
        if let SocketAddr::V4(address) = address {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.used.insert(*address.ip());
        }
    }

    pub(crate) fn give_back(&self, address: SocketAddr) {
        if let SocketAddr::V4(address) = address {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.used.remove(address.ip());
        }
    }
}

impl State {
    fn next_address(&mut self) -> Ipv4Addr {
        loop {
            let host = self.next;
            self.next = (host + 1) % HOSTS;
            let address = Ipv4Addr::from(NETWORK | host);
            // Not the ends of any /24, which some programs take for networks and broadcasts.
            let plain = !matches!(host & 0xff, 0 | 0xff);
            if plain && !self.used.contains(&address) {
                return address;
            }
        }
    }

    fn took(&mut self, address: Ipv4Addr, port: u16) -> SocketAddr {
        self.used.insert(address);
        SocketAddrV4::new(address, port).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_own_address_and_its_port() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let addresses = Addresses::new("seed", 32768);
        let taken: HashSet<SocketAddr> = (0..100).map(|_| addresses.take(free).unwrap()).collect();
        assert_eq!(taken.len(), 100);
        for address in taken {
            let SocketAddr::V4(address) = address else {
                panic!("{address}")
            };
            let [first, second, _, last] = address.ip().octets();
            assert_eq!((first, second & 0b1100_0000), (127, 64), "{address}");
            assert!(!matches!(last, 0 | 255), "{address}");
            assert_eq!(address.port(), free);
        }
    }

    #[test]
    fn a_port_taken_everywhere_gives_another_below_the_ephemeral_ones() {
        let everywhere = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = everywhere.local_addr().unwrap().port();
        let address = Addresses::new("seed", 32768).take(port).unwrap();
        assert_ne!(address.port(), port);
        assert!((20_000..32_768).contains(&address.port()), "{address}");
    }

    #[test]
    fn an_adopted_address_is_not_given_again() {
        let first = Addresses::new("seed", 32768).take(0).unwrap();
        let addresses = Addresses::new("seed", 32768);
        addresses.keep(first);
        assert_ne!(addresses.take(0).unwrap().ip(), first.ip());
        addresses.give_back(first);
        assert!(!addresses.state.lock().unwrap().used.contains(&Ipv4Addr::LOCALHOST));
    }
}
