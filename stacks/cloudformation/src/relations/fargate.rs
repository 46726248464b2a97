//! The sizes that Fargate offers.

/// CPU and memory of a Fargate task, in a combination that there is.
///
/// Another combination is refused when the task definition is registered.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FargateSize {
    cpu_units: u32,
    memory_mib: u32,
}

impl FargateSize {
    /// CPU units, of which 1,024 are one virtual CPU, and MiB of memory.
    ///
    /// # Panics
    ///
    /// When Fargate has no such CPU or no such memory with it: in a constant, when compiling.
    #[track_caller]
    pub const fn new(cpu_units: u32, memory_mib: u32) -> Self {
        // The least, the most, and the step between, in GiB; the smallest task alone also has half a GiB.
        let (least, most, step) = match cpu_units {
            256 => (1, 2, 1),
            512 => (1, 4, 1),
            1024 => (2, 8, 1),
            2048 => (4, 16, 1),
            4096 => (8, 30, 1),
            8192 => (16, 60, 4),
            16384 => (32, 120, 8),
            _ => panic!("Fargate has no such CPU: use 256, 512, 1024, 2048, 4096, 8192 or 16384 units"),
        };
        let gib = memory_mib / 1024;
        let offered =
            memory_mib.is_multiple_of(1024) && least <= gib && gib <= most && (gib - least).is_multiple_of(step);
        assert!(
            offered || (cpu_units == 256 && memory_mib == 512),
            "Fargate has no such memory with this CPU"
        );
        Self { cpu_units, memory_mib }
    }

    pub(super) const fn cpu_units(self) -> u32 {
        self.cpu_units
    }

    pub(super) const fn memory_mib(self) -> u32 {
        self.memory_mib
    }
}
