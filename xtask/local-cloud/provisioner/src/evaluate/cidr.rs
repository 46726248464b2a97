//! `Fn::Cidr`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html>

use std::net::Ipv4Addr;

use serde_json::Value;

use crate::template::scalar_text;

/// `[block, count, bits]`: so many blocks one after the other, each of 2^bits addresses. IPv4 only.
pub(super) fn blocks(argument: &Value) -> Result<Value, String> {
    let items: Vec<String> = argument
        .as_array()
        .and_then(|items| items.iter().map(scalar_text).collect())
        .ok_or("Template error: Fn::Cidr takes a block, a count and a number of bits")?;
    let block = items.first().map_or("", String::as_str);
    let (address, prefix) = parse_block(block)?;
    let count: u64 = items
        .get(1)
        .and_then(|text| text.parse().ok())
        .filter(|count| (1..=256).contains(count))
        .ok_or("Template error: Fn::Cidr takes a count from 1 to 256")?;
    let bits: u32 = items
        .get(2)
        .ok_or("Template error: Fn::Cidr needs the number of subnet bits for the local cloud")?
        .parse()
        .ok()
        .filter(|bits| (1..=32).contains(bits))
        .ok_or("Template error: Fn::Cidr takes 1 to 32 subnet bits")?;
    let fits = (count << bits) <= (1_u64 << (32 - prefix));
    if !fits {
        return Err(format!(
            "Template error: Fn::Cidr: {count} blocks of 2^{bits} addresses don't fit into {block}"
        ));
    }
    (0..count)
        .map(|index| {
            u32::try_from(u64::from(address) + (index << bits))
                .map(|start| Value::from(format!("{}/{}", Ipv4Addr::from(start), 32 - bits)))
                .map_err(|_| format!("Template error: Fn::Cidr: {block} runs past the last address"))
        })
        .collect()
}

fn parse_block(block: &str) -> Result<(u32, u32), String> {
    let parsed = block.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        Some((u32::from(address) & mask, prefix))
    });
    parsed.ok_or_else(|| format!("Template error: Fn::Cidr takes an IPv4 block such as 10.0.0.0/16, not `{block}`"))
}
