//! Hundreds of tasks cost little.

use super::world::{Behaviour, World, settings};

/// Processor time that this thread has used, in nanoseconds.
fn processor_nanoseconds() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[test]
fn an_update_of_four_hundred_tasks_is_quick() {
    let mut world = World::new();
    world.deploy("v1", Behaviour::Good, settings(), Some(400));
    world.run_for(100);
    assert!(world.service.is_steady());
    let before = world.delivered.len();
    world.deploy("v2", Behaviour::Good, settings(), None);
    world.run_for(200);
    assert!(world.service.is_steady());

    // The same events again to the service alone, without the world's own work.
    let events = world.delivered.clone();
    let mut alone = World::new();
    alone.deploy("v1", Behaviour::Good, settings(), Some(400));
    let mut service = alone.service;
    for event in &events[1..before] {
        service.step(world.now, event.clone());
    }
    let start = processor_nanoseconds();
    for event in &events[before..] {
        service.step(world.now, event.clone());
    }
    assert!(service.is_steady());
    if let (Some(start), Some(end)) = (start, processor_nanoseconds()) {
        let milliseconds = (end - start) / 1_000_000;
        println!("{} events in {milliseconds} ms", events.len() - before);
        assert!(milliseconds < 500, "{milliseconds} ms");
    }
}
