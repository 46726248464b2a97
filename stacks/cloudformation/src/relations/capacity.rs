//! How many tasks there may be.

use crate::generated::application_auto_scaling_scalable_target::{
    ScalableDimension, ScalableTarget, ScalableTargetRequired, ServiceNamespace,
};
use crate::generated::ecs_cluster::Cluster;
use crate::handle::Handle;
use crate::sub;
use crate::value::Integer;

/// The fewest and the most tasks of a service that scales.
///
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    minimum: Integer<0, { i64::MAX }>,
    maximum: Integer<0, { i64::MAX }>,
}

impl Capacity {
    /// The fewest tasks, 0 or more, and the most, 1 or more.
    ///
    /// # Panics
    ///
    /// When the minimum is above the maximum, or one of them is out of its range: in a constant, when compiling.
    #[track_caller]
    pub const fn new(minimum: i64, maximum: i64) -> Self {
        assert!(minimum <= maximum, "the fewest tasks are more than the most");
        assert!(1 <= maximum, "a service that may have no task at all");
        Self {
            minimum: Integer::new(minimum).expect("the fewest tasks are less than none"),
            maximum: Integer::new(maximum).expect("the most tasks are less than none"),
        }
    }

    /// The fewest tasks.
    pub const fn minimum(&self) -> i64 {
        self.minimum.get()
    }

    /// An ECS service that scales between the two; what is added to a template must depend on it.
    ///
    /// The service is named, not referred to: a reference would make every change of the service look to `CloudFormation`
    /// as if the target had perhaps to be replaced.
    pub fn of_service(&'static self, cluster: &Handle<Cluster>, service_name: &str) -> ScalableTarget {
        ScalableTarget::new(ScalableTargetRequired {
            max_capacity: self.maximum.into(),
            min_capacity: self.minimum.into(),
            resource_id: sub(&[&"service/", &cluster.reference(), &"/", &service_name.to_owned()]),
            scalable_dimension: ScalableDimension::EcsServiceDesiredCount.into(),
            service_namespace: ServiceNamespace::Ecs.into(),
        })
    }
}
