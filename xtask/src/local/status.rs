//! `local status`: what the local cloud is, whether it runs, and what it keeps.

use local_cloud::{Kept, Running};
use serde_json::{Value, json};

use super::settings::{describe, record};
use super::{FREE_ITS_PORT, dead_load_balancers};
use crate::context::Context;
use crate::progress::human_size;

/// Prints what there is to know of the local cloud.
///
/// # Errors
/// When its folder can't be read.
pub(super) async fn status(context: &Context) -> anyhow::Result<Value> {
    let home = context.home();
    let (running, kept) = (home.running()?, home.kept()?);
    let dead = match &running {
        // What can't be told of them is told as such: the rest is known without them.
        Some(running) => dead_load_balancers(running.clone())
            .await
            .unwrap_or_else(|error| vec![format!("they can't be asked for: {error:#}")]),
        None => Vec::new(),
    };
    let folder = home.folder().display().to_string();
    let log = home.log_file().display().to_string();
    context
        .output
        .prose(&render(running.as_ref(), &dead, &kept, [&folder, &log]));
    let mut fields = running.as_ref().map_or_else(|| json!({"running": false}), record);
    fields["stacks"] = json!(kept.stacks);
    fields["repositories"] = json!(kept.repositories);
    fields["dead_load_balancers"] = json!(dead);
    fields["folder"] = json!(folder);
    fields["log"] = json!(log);
    fields["bytes"] = json!(kept.bytes);
    Ok(fields)
}

fn render(running: Option<&Running>, dead: &[String], kept: &Kept, [folder, log]: [&str; 2]) -> String {
    let running = running.map_or_else(
        || "not running; a command with --local, or `cargo xtask local start`, starts it".to_owned(),
        describe,
    );
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => format!("{}: {}", names.len(), names.join(", ")),
    };
    let dead = dead.iter().map(|sentence| format!("balancer      {sentence}\n"));
    let mut dead: String = dead.collect();
    if !dead.is_empty() {
        dead = format!("{dead}fix           {FREE_ITS_PORT}\n");
    }
    format!(
        "{running}\n\
         AWS played on this machine, for --local: no account, and nothing leaves it\n\
         {dead}\
         stacks        {}\n\
         repositories  {}\n\
         folder        {folder}, {}\n\
         log           {log}",
        names(&kept.stacks),
        names(&kept.repositories),
        human_size(kept.bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::running;
    use super::*;

    #[test]
    fn what_it_is_and_what_it_keeps() {
        let kept = Kept {
            stacks: vec!["Foundation".to_owned(), "Service".to_owned()],
            repositories: Vec::new(),
            bytes: 2_500_000_000,
        };
        let dead = ["Example serves nobody: port 8080 is taken".to_owned()];
        let places = [
            "/home/me/onebox/target/local-cloud",
            "/home/me/onebox/target/local-cloud/log",
        ];
        let told = [
            render(Some(&running()), &dead, &kept, places),
            render(None, &[], &Kept::default(), places),
        ];
        insta::assert_snapshot!(told.join("\n\n"), @"
        http://127.0.0.1:4566, runtime process, speed 12 (a minute takes 5.0 s), metrics 2 min late, region us-east-1, process 1
        AWS played on this machine, for --local: no account, and nothing leaves it
        balancer      Example serves nobody: port 8080 is taken
        fix           end the program that listens on its port (`ss -ltnp` names it), and the local cloud takes it back by itself
        stacks        2: Foundation, Service
        repositories  none
        folder        /home/me/onebox/target/local-cloud, 2.5 GB
        log           /home/me/onebox/target/local-cloud/log

        not running; a command with --local, or `cargo xtask local start`, starts it
        AWS played on this machine, for --local: no account, and nothing leaves it
        stacks        none
        repositories  none
        folder        /home/me/onebox/target/local-cloud, 0.0 kB
        log           /home/me/onebox/target/local-cloud/log
        ");
    }
}
