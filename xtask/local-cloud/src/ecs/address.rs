//! The addresses that tasks' network interfaces would have.

use std::net::Ipv4Addr;

/// AWS keeps the first four addresses of a subnet and the last.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
const KEPT_AT_THE_START: u32 = 4;

/// The first address of the block that isn't taken, or none when the block is full or no IPv4 block.
pub(super) fn free_address(block: &str, taken: impl Fn(&str) -> bool) -> Option<String> {
    let (network, prefix_bits) = block.split_once('/')?;
    let size = 1_u32.checked_shl(32_u32.checked_sub(prefix_bits.parse().ok()?)?)?;
    let network = network.parse::<Ipv4Addr>().ok()?.to_bits() & !(size - 1);
    let addresses =
        (KEPT_AT_THE_START..size.saturating_sub(1)).map(|host| Ipv4Addr::from_bits(network + host).to_string());
    addresses.into_iter().find(|address| !taken(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_given_once_and_within_the_block() {
        let check = |block: &str, taken: &[&str], expected: Option<&str>| {
            assert_eq!(
                free_address(block, |address| taken.contains(&address)).as_deref(),
                expected,
                "{block}"
            );
        };
        check("10.0.128.0/20", &[], Some("10.0.128.4"));
        check("10.0.128.0/20", &["10.0.128.4", "10.0.128.5"], Some("10.0.128.6"));
        check("255.255.255.255/24", &[], Some("255.255.255.4"));
        check("10.0.0.0/29", &["10.0.0.4", "10.0.0.5", "10.0.0.6"], None);
        for nonsense in ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/32", "fd00::/64", "0.0.0.0/0"] {
            check(nonsense, &[], None);
        }
    }
}
