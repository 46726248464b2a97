//! What a local cloud is started with.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How many times faster than AWS's the waits pass, if nobody has ever said: a minute takes five seconds.
pub const DEFAULT_SPEED: f64 = 12.0;

/// How many of AWS's minutes after its end a minute's metrics are published, unless `--metric-lag` says otherwise.
///
/// On AWS they are 52 s to about 4 min late: <https://serverfault.com/questions/968465>,
/// <https://stackoverflow.com/questions/64045238>.
pub const DEFAULT_METRIC_LAG_MINUTES: f64 = 2.0;

/// What ECS makes of the bake time of a rolling deployment.
///
/// It isn't confirmed that ECS honours `BakeTimeInMinutes` there: the guide says both that it can and that it can't be set.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bake {
    /// A deployment ends, and its alarms are watched, until the bake time has passed.
    #[default]
    Honoured,
    /// A deployment ends as soon as its tasks are healthy and the tasks before them are gone.
    Ignored,
}

impl Bake {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Honoured, Self::Ignored];

    /// The value as it is written on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Honoured => "honoured",
            Self::Ignored => "ignored",
        }
    }
}

/// What runs the tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuntimeChoice {
    /// What ran the tasks before; at first Docker where it answers, otherwise processes.
    #[default]
    Auto,
    /// Each task is a container of the Docker daemon; an error where none answers.
    Docker,
    /// Each task is a child process.
    Process,
}

/// How to start a local cloud.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder that holds its state, one local cloud a folder.
    pub home: PathBuf,
    /// The port on 127.0.0.1; none means the one used before, or else the first free one from 4566.
    pub port: Option<u16>,
    /// What runs the tasks.
    pub runtime: RuntimeChoice,
    /// How many times faster than on AWS its waits pass; from 1 to 1000. None means as they passed before, or else
    /// [`DEFAULT_SPEED`]. Requests are never scaled.
    pub speed: Option<f64>,
    /// How many of AWS's minutes after its end a minute's metrics are published; from 0 to 10. `None` means as before, or
    /// else [`DEFAULT_METRIC_LAG_MINUTES`].
    pub metric_lag_minutes: Option<f64>,
    /// Whether ECS honours the bake time of a rolling deployment; `None` means as before, or else the default.
    pub bake: Option<Bake>,
    /// The region that it plays; none means that of its state, or else the default one.
    pub region: Option<String>,
    /// The region of a new one that is asked for none.
    pub default_region: String,
    /// What the caches of builds begin with; none means with nothing.
    pub cache_seed: Option<CacheSeed>,
}

/// Fills a folder that a build's cache names and doesn't have yet, as a build host of `CodeBuild`'s may have one from
/// earlier builds.
///
/// It is told the folder's path in the checkout, and the empty folder to fill. Where it fails, the cache begins empty.
#[derive(Clone)]
pub struct CacheSeed(Arc<Fill>);

type Fill = dyn Fn(&Path, &Path) -> io::Result<()> + Send + Sync;

impl CacheSeed {
    /// A seed that fills folders by a function.
    pub fn new(fill: impl Fn(&Path, &Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    pub(crate) fn fill(&self, path: &Path, folder: &Path) -> io::Result<()> {
        (self.0)(path, folder)
    }
}

impl fmt::Debug for CacheSeed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CacheSeed").finish_non_exhaustive()
    }
}
