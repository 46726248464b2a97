//! `docs/cost.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::prices::US_EAST_1;
use super::scene::Usage;
use super::sources::sources;
use super::{TARGETS, basis, of_target, rows};

/// What is assumed where no flag says otherwise; `flags/write.rs` has the same as defaults, and a test compares.
pub(super) const USUAL: Usage = Usage {
    requests: 10.0,
    gigabytes_out: 10.0,
    pushes: 20.0,
    build_minutes: 10.0,
    stage_minutes: 10.0,
};

/// The page.
///
/// # Errors
/// As the estimate's.
pub(super) fn markdown() -> anyhow::Result<String> {
    let mut text = "# Cost\n\nWritten by `cargo xtask cost --markdown > docs/cost.md`; a test compares.\n\n\
        What each environment costs a month on AWS, in US dollars, estimated from the templates themselves.\n\
        `cargo xtask cost` prints the same, `cargo xtask cost prod --requests 200 --pushes 60` with other assumptions, and `--json` for programs.\n\
        *Least* is with the fewest tasks that scaling goes down to, *most* with the most that it goes up to, all month long.\n\
        The local cloud costs nothing.\n"
        .to_owned();
    let mut free = BTreeMap::new();
    for target in TARGETS {
        let estimate = of_target(target, &USUAL)?;
        let _ = write!(
            text,
            "\n## {}\n\n| what | least | most | for |\n|---|--:|--:|---|\n",
            target.name()
        );
        for row in rows(&estimate) {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                row[0],
                row[1],
                row[2],
                row.get(3).map_or("", String::as_str)
            );
        }
        free.extend(estimate.free);
    }
    let _ = write!(text, "\n## What the figures rest on\n\nThese are {}.\n", basis(&USUAL));
    text.push_str(
        "Left out, being small or up to the person: the second set of tasks while a deployment replaces them (about a quarter of an hour a push), requests to S3, the images that tasks fetch through the NAT gateways, and mails.\n\
         The prices are data, `xtask/src/cost/prices.rs`; where each comes from stands [below](#the-prices). Other regions differ, mostly by a tenth or two.\n\n\
         What saves most, where it is allowed: fewer tasks in the sandbox (`stacks/constants/src/capacity.rs`), `ARM64` (`stacks/constants/src/architecture.rs`, a fifth less for tasks), and destroying the sandbox for the night (`cargo xtask destroy sandbox --yes`).\n",
    );
    text.push_str("\n## What costs nothing by itself\n\n| type | why |\n|---|---|\n");
    for (kind, (_, why)) in &free {
        let _ = writeln!(text, "| `{kind}` | {why} |");
    }
    text.push_str(&prices());
    Ok(text)
}

/// Each price, and what it was compared with.
fn prices() -> String {
    let mut text = "\n## The prices\n\n\
        Of what a price is compared with, AWS's own pages count most; most of them fill in prices by a script, and a copy then has none.\n\
        No account's bill has confirmed any.\n\n\
        | what | USD | today | compared with |\n|---|--:|---|---|\n"
        .to_owned();
    for source in sources(&US_EAST_1) {
        let (page, whose) = source.compared;
        let _ = writeln!(
            text,
            "| {} | {} | [{}]({}) | [{whose}]({page}) |",
            source.what,
            source.price,
            source.service,
            source.page(),
        );
    }
    text
}
