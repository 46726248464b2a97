//! Logs by group and stream, kept over a folder: what programs said outlives them, and a kill -9 of whoever keeps it.
//!
//! A [`Journal`] is written to in two ways: [`Journal::append`] takes lines, and a [`Follower`] reads what a program
//! appends to a file of its own, which costs the program nothing. Nothing here knows a clock: times are arguments.
//!
//! Everything is bounded: a stream keeps its newest [`STREAM_BYTES`], a group its newest [`STREAMS_KEPT`] streams.

mod chunk;
mod event;
mod follower;
mod journal;
mod pattern;
mod stream;
#[cfg(test)]
mod tests;

pub use event::Event;
pub use follower::{Follower, Source};
pub use journal::{Journal, STREAMS_KEPT, StreamSummary};
pub use pattern::{Pattern, UnsupportedPattern};
pub use stream::STREAM_BYTES;
