//! Where containers reach this machine.

use bollard::Docker;
use bollard::models::NetworkInspect;
use bollard::query_parameters::InspectNetworkOptions;
use std::net::Ipv4Addr;

/// The network of containers that name none.
/// <https://docs.docker.com/engine/network/drivers/bridge/>
const DEFAULT_NETWORK: &str = "bridge";

/// This machine's address on the default network; `None` if the engine doesn't say.
pub(super) async fn address(docker: &Docker) -> Option<Ipv4Addr> {
    let network = docker.inspect_network(DEFAULT_NETWORK, None::<InspectNetworkOptions>);
    gateway(network.await.ok()?)
}

fn gateway(network: NetworkInspect) -> Option<Ipv4Addr> {
    let configurations = network.ipam?.config?;
    configurations
        .into_iter()
        .find_map(|configuration| configuration.gateway?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateway_is_the_first_by_version_4() {
        let check = |ipam: &str, expected: Option<&str>| {
            let network = serde_json::from_str(&format!(r#"{{"Name": "bridge", "IPAM": {ipam}}}"#)).unwrap();
            assert_eq!(
                gateway(network).map(|address| address.to_string()).as_deref(),
                expected,
                "{ipam}"
            );
        };
        check(r#"{"Config": [{"Gateway": "172.17.0.1"}]}"#, Some("172.17.0.1"));
        check(
            r#"{"Config": [{"Gateway": "fd00::1"}, {"Gateway": "10.0.0.1"}]}"#,
            Some("10.0.0.1"),
        );
        check(r#"{"Config": [{"Subnet": "172.17.0.0/16"}]}"#, None);
        check(r#"{"Config": null}"#, None);
        check("null", None);
    }
}
