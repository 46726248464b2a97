//! How much faster than on AWS the waits pass.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variable that tells the speed to builds, next to the endpoint: `xtask` waits in AWS's minutes.
pub const SPEED_VARIABLE: &str = "LOCAL_CLOUD_SPEED";

/// A factor from 1, AWS's own pace, to 1000. It shortens AWS's waits and never a request.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Speed(f64);

impl Speed {
    /// AWS's own pace.
    pub(crate) const AS_ON_AWS: Self = Self(1.0);

    /// # Errors
    /// When the factor isn't from 1 to 1000.
    pub(crate) fn new(factor: f64) -> anyhow::Result<Self> {
        anyhow::ensure!(
            (1.0..=1000.0).contains(&factor),
            "the speed is {factor}, but it must be from 1 to 1000"
        );
        Ok(Self(factor))
    }

    /// The factor.
    pub(crate) fn factor(self) -> f64 {
        self.0
    }

    /// The wait as long as it is here.
    pub(crate) fn scale(self, wait: Duration) -> Duration {
        wait.div_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_shrink() {
        assert_eq!(
            Speed::new(12.0).unwrap().scale(Duration::from_mins(1)),
            Duration::from_secs(5)
        );
        for factor in [0.5, 1001.0, f64::NAN] {
            assert!(Speed::new(factor).is_err(), "{factor}");
        }
    }
}
