//! `local status`: what the local cloud is, whether it runs, and what it keeps.

use local_cloud::{Kept, Running};
use serde_json::{Value, json};

use super::{describe, record};
use crate::context::Context;
use crate::progress::human_size;

/// Prints what there is to know of the local cloud.
///
/// # Errors
/// When its folder can't be read.
pub(super) fn status(context: &Context) -> anyhow::Result<Value> {
    let home = context.home();
    let (running, kept) = (home.running()?, home.kept()?);
    let folder = home.folder().display().to_string();
    let log = home.log_file().display().to_string();
    context.output.prose(&render(running.as_ref(), &kept, [&folder, &log]));
    let mut fields = running.as_ref().map_or_else(|| json!({"running": false}), record);
    fields["stacks"] = json!(kept.stacks);
    fields["repositories"] = json!(kept.repositories);
    fields["folder"] = json!(folder);
    fields["log"] = json!(log);
    fields["bytes"] = json!(kept.bytes);
    Ok(fields)
}

fn render(running: Option<&Running>, kept: &Kept, [folder, log]: [&str; 2]) -> String {
    let running = running.map_or_else(
        || "not running; a command with --local, or `cargo xtask local start`, starts it".to_owned(),
        describe,
    );
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => format!("{}: {}", names.len(), names.join(", ")),
    };
    format!(
        "{running}\n\
         AWS played on this machine, for --local: no account, and nothing leaves it\n\
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
    use super::super::tests::running;
    use super::*;

    #[test]
    fn what_it_is_and_what_it_keeps() {
        let kept = Kept {
            stacks: vec!["Foundation".to_owned(), "Service".to_owned()],
            repositories: Vec::new(),
            bytes: 2_500_000_000,
        };
        let places = [
            "/home/me/onebox/target/local-cloud",
            "/home/me/onebox/target/local-cloud/log",
        ];
        let told = [
            render(Some(&running()), &kept, places),
            render(None, &Kept::default(), places),
        ];
        insta::assert_snapshot!(told.join("\n\n"), @"
        http://127.0.0.1:4566, runtime process, speed 12 (a minute takes 5.0 s), region us-east-1, process 1
        AWS played on this machine, for --local: no account, and nothing leaves it
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
