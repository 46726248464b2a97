//! Hands the renderings on: the block to the terminal, lines to a log, objects to programs.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use super::block;
use super::log::Log;
use super::note::Note;
use super::records::Records;
use super::view::View;
use crate::context::Context;
use crate::stack::events::Event;

/// How often the live block is drawn while something is waited for: the seconds go on, and a window that was resized is
/// noticed.
const TICK: Duration = Duration::from_millis(250);

/// What was told of an operation.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    log: Log,
    records: Records,
}

impl Teller {
    /// Tells what is new in a view.
    pub(crate) fn tell(&mut self, context: &Context, view: &View, events: &[Event], now: SystemTime) {
        for (code, fields) in self.records.of(view, events, now) {
            context.output.event(code, fields);
        }
        // Kept up to date even where a live block shows the same: nothing is printed then.
        let lines = self.log.lines(view, now);
        match context.progress.size() {
            Some(size) => context.progress.show(block::render(view, now, size)),
            None => lines.iter().for_each(|line| context.progress.line(line)),
        }
    }

    /// Tells what time alone makes new: seconds in the block, and that nothing has happened for a while.
    pub(crate) fn redraw(&mut self, context: &Context, view: &View) {
        self.tell(context, view, &[], SystemTime::now());
    }

    /// Tells how it ended: on a terminal, what stays of the block.
    pub(crate) fn end(context: &Context, view: &View, now: SystemTime) {
        context.progress.clear();
        if context.progress.is_live() {
            for line in block::last(view, now) {
                context.progress.toned(&line);
            }
        }
    }
}

impl Context {
    /// Says something once.
    pub(crate) fn tell(&self, note: Note) {
        self.output.event(note.code, note.fields);
        self.progress.line(&note.text);
    }
}

/// The future's value; while it is waited for, something is done again and again.
pub(crate) async fn meanwhile<T>(future: impl Future<Output = T>, mut again: impl FnMut()) -> T {
    let mut future = pin!(future);
    loop {
        tokio::select! {
            biased;
            value = &mut future => return value,
            () = tokio::time::sleep(TICK) => again(),
        }
    }
}
