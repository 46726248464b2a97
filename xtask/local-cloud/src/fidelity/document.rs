//! The ledger as `docs/fidelity.md` carries it.

use std::fmt::Write;

use super::{Fidelity, ledger};

const INTRODUCTION: &str = "\
# Fidelity of the local cloud

What the local cloud does with a template, and in what it differs from AWS.
`cargo xtask local fidelity --markdown` prints this page, and a test compares the two; without the flag it prints the ledger.

**None of this has run on AWS yet**: nobody has had an account. What stands for it:

- Templates are held by cfn-lint and by AWS's own resource schemas, from which their types are generated.
- The command line's requests are held by botocore's models of AWS's calls.
- The AWS CLI and boto3, which nobody here wrote, work against the local cloud, and its answers are held by botocore's models.
- What CloudFormation's roles may do is held by the permissions that AWS publishes for each type's handlers.

## What a local run can't find

- A fault of the network: security groups, routes, subnets and NAT gateways are kept and do nothing. A task that reaches neither registry nor logs, or that the load balancer can't reach, shows on AWS only. So does whatever is particular to HTTPS, a certificate or a domain, as listeners speak HTTP alone.
- A right that is missing, where nobody judges it: people may do everything, and of a handler of CloudFormation's the main call alone is; nor are policies of resources and organisations. The calls of builds, tasks, CloudFormation, pipelines and rules in their roles are judged.
- An account's limits: quotas (`cargo xtask doctor` looks at those that an environment meets), Fargate's capacity, names that others have taken.
- A zone that fails, and other faults of AWS's.
- What a build lacks in its image: it runs with this machine's programs.
- How long AWS takes to make a load balancer or a NAT gateway, and how late its metrics come.
- Whatever AWS does otherwise than the choices below.

## Exercised, approximated, inert

A property is *exercised* when it works as on AWS, *approximated* when it nearly does (the reason says in what it differs), or *inert* when it is kept and shown but changes nothing (the reason says why).
A resource type or a property that isn't in the ledger is refused before anything is created, by name.
";

const CHAPTERS: &str = "\
## Choices where AWS documents nothing

- The first deployment of a service doesn't bake: there is nothing to roll back to, so there is nothing that a bake could save.
- The split between weighted target groups follows one evenly spread sequence over all requests of a listener, so that it holds from any number of connections and is near its share at every moment.
- A new target is checked at once, and again soon while it refuses connections; after that at its interval.
- A new task starts before an old one stops when both would be allowed; an update stops the oldest tasks first, scaling in the newest.
- A CloudFormation update that ECS rolls back fails once the rollback has ended, so that the stack's own rollback finds nothing left to change.
- Drift is detected at once, of every resource, by what it was given last, and items of lists are compared by their positions. `cargo xtask local drift` makes some, as the resource's own calls would.
- A request to upgrade its connection (WebSocket) is forwarded as a plain one.
- Target tracking looks at every minute: the newest of three minutes above the target decides how many tasks are added, the newest of fifteen below it how many go. While tasks that were added settle, only a need beyond them adds more.
- ECS asks for the states of a deployment's alarms when it begins, and then every 10 s of AWS's time. An alarm that is red when the deployment's first task runs switches all of them off for that deployment.
- No alarm watches a rollback to what ran before, whatever began it: an alarm that turns red on the way back tells of the failed deployment, and there is nothing left to roll back to. The circuit breaker does watch it. The guide to [deployment alarms](https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html) says nothing of rollbacks.
- An alarm looks at two periods more than its evaluation periods, in case some are missing, and is judged as soon as a minute's metrics are in.
- How many targets are healthy and unhealthy is a sample at each change of a target's health, and one when the minute is over: so `Maximum` is the most there were at once. On AWS a task takes longer to be replaced, and an unhealthy one is seen for longer.
- A percentile is the sample at its rank, with nothing interpolated. A division by zero makes no data point.
- A task is one sample a minute of its service's utilisation. It is looked at right after the minute; an alarm is judged without it if Docker takes longer than a tenth of the minute to tell.
- An execution of a pipeline that waits between stages when the pipeline is updated fails, as one whose actions run does; with `RestartExecutionOnUpdate` a new one goes on with the new definition.
- A rollback of a pipeline's stage runs that stage and none after it.
- An abandoned action's build goes on, as on AWS; `StopBuild` ends it. A deleted pipeline's builds are ended.
- Builds also get `LOCAL_CLOUD_SPEED`, which CodeBuild doesn't set: `xtask` waits in AWS's minutes, and must know how long they last.
- A build's newest reports are shown, 20 of all projects together, for 30 days: their tests lie in the state. A report without files, or with one that can't be read, is said in the build's log, and fails no build.
- A build that runs while the local cloud is killed is ended when the next one starts: it counts as `FAULT`, its action fails, and a retry of the stage runs it anew. One that had not begun begins.
- A build's call is judged on what it names, as AWS's table of actions has it; where that can't be told, by its action alone. Of every call it is said that it came over TLS.
- CloudFormation in a role is judged by the main call of each resource's handler (`ecs:CreateCluster`), and by `iam:PassRole` for the roles that it passes on; what else handlers call is in their schemas alone. Without a role it acts as the person, also where a build asks.
- A change of a role's policies counts at once, also for tasks that run.
- A role that isn't there may do nothing. A build's login to the registry ends with the build.
- An image expires at the first push after a rule selects it, and its artifacts with it; on AWS within 24 hours. Artifacts count as images in every rule.
- `BatchGetImage` doesn't find an image whose media type the caller doesn't accept. AWS converts some.
- The referrers of a repository that doesn't exist are `NAME_UNKNOWN`, as every other call is, although the protocol has no 404 for them.
- A change set lists what AWS was recorded to list: with property values, a resource is missing if only an attribute of one that is modified in place may change it. It is updated all the same.
- The description of an output alone is a change, as its value is.

## Differences that every user meets

- A load balancer's DNS name is `127.0.0.1:<port>`: the port goes with the name, because only the superuser may listen on port 80. Where another program has taken it while the local cloud was down, the load balancer's state is `failed` with the reason, until the port is free again.
- Time: AWS's waits (health check intervals, deregistration delay, bake, back-off) pass 12 times faster unless `--speed` says otherwise, and after a restart as fast as before. Limits of requests, and the time between SIGTERM and SIGKILL, are never shortened, and a request in flight on a target that drains has AWS's own time to end.
- Metrics: timestamps are the clock's own, and a period of 60 s is a metric minute, which lasts 60 s divided by the speed. So at the usual speed the data points of a `Period` of 60 are 5 s apart, and the three hours that are kept are the last 15 minutes of the clock. After a restart at another speed there are no metrics from before it; states and histories of alarms stay.
- Metric lag: a minute's metrics can be read, and are evaluated by alarms, `--metric-lag` of AWS's minutes after the minute's end (0 to 10, at first 2, and after a restart as before; on AWS 52 s to about 4 min). That holds for every metric, those of `PutMetricData` too. An alarm evaluates the newest published minutes, as soon as another one is published, and a minute without data counts as missing only then; AWS doesn't say when.
- Load balancer metrics: a count that is 0 has no data point, and a target group without registered targets has none at all. A request counts in `RequestCount` when its target is chosen, also if the client then leaves; AWS doesn't say when.
- Bake: with `--bake ignored`, ECS ends a deployment as soon as its tasks are healthy and the tasks before them are gone, as if `BakeTimeInMinutes` weren't set; AWS's guide says both that it can and that it can't be set for rolling deployments.
- The account is `000000000000`. Signatures must be there, as on AWS, but aren't verified.
- Whoever calls may do everything, but for builds and tasks, and for CloudFormation, pipelines and rules in their roles: they may do what the role's own policies allow, and are refused in AWS's words.
- A build is a process of this machine in a clean checkout below the local cloud's folder. It is lent where programs and compilers are, how the network is reached and where crates come from (`PATH`, `HOME`, `CARGO_HOME`, `RUSTUP_HOME`, proxies and the like), and nothing else of the environment; AWS is this local cloud for it. Repositories need `git` on the `PATH`.
- A task with a task role gets the role's credentials from the local cloud's own address: `AWS_CONTAINER_CREDENTIALS_FULL_URI` with `AWS_CONTAINER_AUTHORIZATION_TOKEN`, where ECS on AWS sets `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`. It also gets `AWS_ENDPOINT_URL`, which AWS doesn't set. Containers reach it at the gateway of Docker's default network, where it answers only calls with a task's credentials; AWS's SDKs refuse credentials from that address, because it isn't loopback. Containers of a Docker engine in a virtual machine don't reach it.
- Images live in a registry at the same address as the API. With Docker, the daemon pulls from it; with processes, the image's layers are unpacked once and its entry point runs as a child, told by `BIND_ADDRESS` and `PORT` where to listen.

## The ledger
";

/// The whole page.
pub fn markdown() -> String {
    let count = |fidelity| ledger().filter(|entry| entry.fidelity == fidelity).count();
    let mut page = format!(
        "{INTRODUCTION}Of {} properties, {} are exercised, {} approximated, {} inert.\n\n{CHAPTERS}",
        ledger().count(),
        count(Fidelity::Exercised),
        count(Fidelity::Approximated),
        count(Fidelity::Inert)
    );
    let mut chapter = "";
    for entry in ledger() {
        if entry.resource_type != chapter {
            chapter = entry.resource_type;
            // Writing to a String doesn't fail.
            let _ = write!(
                page,
                "\n### {chapter}\n\n| property | fidelity | reason |\n|---|---|---|\n"
            );
        }
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            entry.property,
            entry.fidelity.as_str(),
            entry.reason
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_the_ledgers() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fidelity.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            page == markdown(),
            "docs/fidelity.md is out of date: `cargo xtask local fidelity --markdown > docs/fidelity.md`"
        );
    }
}
