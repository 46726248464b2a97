//! Everything that the local cloud holds, stacks apart: the records behind the resources.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use journal::Journal;
use serde::{Deserialize, Serialize};

use crate::autoscaling::ScalableTarget;
use crate::cloudwatch::CloudWatch;
use crate::code::{Code, CodeEffect};
use crate::ecr::{Images, NoImages, Repository};
use crate::ecs::Ecs;
use crate::elb::Elb;
use crate::faults::Faults;
use crate::iam::task_credentials;
use crate::ids::{Ids, Place};
use crate::options::Bake;
use crate::plain::Records;
use crate::speed::Speed;

/// The records, and what has to be done because they changed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cloud {
    pub(crate) place: Place,
    pub(crate) ids: Ids,
    /// `127.0.0.1:4566`: where the registry is, as part of every image's reference.
    pub(crate) registry_host: String,
    pub(crate) plain: Records,
    /// By name.
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// The names of deleted ones whose images may still be in the registry.
    #[serde(default)]
    pub(crate) deleted_repositories: BTreeSet<String>,
    pub(crate) elb: Elb,
    pub(crate) ecs: Ecs,
    /// By resource id, `service/<cluster>/<service>`.
    pub(crate) scalable_targets: BTreeMap<String, ScalableTarget>,
    #[serde(default)]
    pub(crate) cloudwatch: CloudWatch,
    /// Repositories, builds, pipelines and rules.
    #[serde(default)]
    pub(crate) code: Code,
    /// The faults that were asked for.
    #[serde(default)]
    pub(crate) faults: Faults,
    /// What tasks' secrets are made from.
    #[serde(skip)]
    pub(crate) credentials_key: task_credentials::Key,
    /// Where tasks reach this local cloud, unless it is `registry_host`.
    #[serde(skip)]
    pub(crate) tasks_reach: Option<SocketAddr>,
    #[serde(skip, default = "no_speed")]
    pub(crate) speed: Speed,
    /// How late metrics are published, in AWS's time.
    #[serde(skip)]
    pub(crate) metric_lag: Duration,
    /// What ECS makes of bake times.
    #[serde(skip)]
    pub(crate) bake: Bake,
    #[serde(skip, default = "no_images")]
    pub(crate) images: Arc<dyn Images>,
    /// What tasks and builds have said.
    #[serde(skip)]
    pub(crate) journal: Journal,
    /// What to do outside, in order, once the records are safe on disk.
    #[serde(skip)]
    pub(crate) effects: Vec<Effect>,
}

/// Something to do outside the records. What comes of it returns as an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Find a free port for a load balancer that is being made.
    FindPort {
        /// The load balancer.
        load_balancer_arn: String,
    },
    /// Accept connections for a listener.
    Listen {
        /// The listener.
        listener_arn: String,
        /// The port, or any free one.
        port: Option<u16>,
    },
    /// Accept no more connections for a listener.
    CloseListener {
        /// The listener.
        listener_arn: String,
    },
    /// Tell the data plane of the listeners, rules, groups and targets as they are now.
    ApplyPlan,
    /// Start a task.
    StartTask {
        /// Its id.
        task: String,
    },
    /// Stop a task, which may be still starting.
    StopTask {
        /// Its id.
        task: String,
    },
    /// Read what the balancer has counted and the tasks have used, now that a metric minute is over.
    Measure {
        /// The minute that is over.
        minute: monitor::Minute,
        /// The tasks that run.
        tasks: Vec<String>,
    },
    /// Add a line to the file that keeps metrics over a restart.
    KeepMetrics {
        /// The line.
        line: String,
    },
    /// Remove all that was said in a log group.
    DeleteLogGroup {
        /// Its name.
        name: String,
    },
    /// Remove a repository's images from the registry.
    DeleteRepository {
        /// Its name.
        name: String,
    },
    /// Something between a push and a deployment.
    Code(CodeEffect),
}

impl Cloud {
    /// With nothing in it.
    pub(crate) fn new(place: Place, seed: u64, registry_host: String) -> Self {
        Self {
            place,
            ids: Ids::new(seed),
            registry_host,
            plain: Records::new(),
            repositories: BTreeMap::new(),
            deleted_repositories: BTreeSet::new(),
            elb: Elb::default(),
            ecs: Ecs::default(),
            scalable_targets: BTreeMap::new(),
            cloudwatch: CloudWatch::default(),
            code: Code::default(),
            faults: Faults::default(),
            credentials_key: task_credentials::Key::default(),
            tasks_reach: None,
            speed: no_speed(),
            metric_lag: Duration::ZERO,
            bake: Bake::default(),
            images: no_images(),
            journal: Journal::default(),
            effects: Vec::new(),
        }
    }
}

fn no_speed() -> Speed {
    Speed::AS_ON_AWS
}

fn no_images() -> Arc<dyn Images> {
    Arc::new(NoImages)
}
