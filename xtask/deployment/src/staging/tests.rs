//! Tests of staging.
