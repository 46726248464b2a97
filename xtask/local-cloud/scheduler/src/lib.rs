//! The ECS service scheduler as a pure state machine.
