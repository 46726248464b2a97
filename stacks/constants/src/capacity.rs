//! How much of everything there is.

use crate::alarm::UNHEALTHY_PERCENT;
use crate::deployment::MAXIMUM_PERCENT;
use crate::network::{TASKS_PER_ZONE, ZONES_BUT_ONE};

/// CPU units of a task; 1,024 are one virtual CPU.
pub const CPU_UNITS: u32 = 512;

/// Memory of a task in MiB.
pub const MEMORY_MIB: u32 = 2048;

/// The fewest Onebox tasks: one for each zone.
pub const ONEBOX_MINIMUM: i64 = 3;

/// The most Onebox tasks.
pub const ONEBOX_MAXIMUM: i64 = 10;

/// The fewest Fleet tasks.
pub const FLEET_MINIMUM: i64 = 10;

/// The most Fleet tasks.
pub const FLEET_MAXIMUM: i64 = 1000;

/// The CPU use that scaling aims at, in per cent: the rest carries the load of a lost zone until new tasks run.
pub const CPU_TARGET_PERCENT: u8 = 75;

const _: () = assert!(ONEBOX_MINIMUM > ZONES_BUT_ONE);
const _: () = assert!(ONEBOX_MINIMUM < FLEET_MINIMUM);
const _: () = assert!(0 < CPU_TARGET_PERCENT && CPU_TARGET_PERCENT < 100);
// Both stages at their largest, doubled by a deployment, with one zone lost.
const _: () = assert!((ONEBOX_MAXIMUM + FLEET_MAXIMUM) * MAXIMUM_PERCENT / 100 <= TASKS_PER_ZONE * ZONES_BUT_ONE);
// One of Onebox's tasks breaches even beside as many old ones and its replacement; one of Fleet's doesn't.
const _: () = assert!(100 >= UNHEALTHY_PERCENT as i64 * (2 * ONEBOX_MINIMUM + 1));
const _: () = assert!(100 < UNHEALTHY_PERCENT as i64 * FLEET_MINIMUM);
