//! Names, ports, weights and thresholds, each with its reason.
