//! Scripts in, transcripts out: the machine and the gate against a simulated world, under a virtual clock.
//!
//! [`world`] has the stack, the services, CloudWatch and the alarms; [`drive`] performs the machine's actions as xtask does.

mod drive;
mod interruptions;
mod limits;
mod messages;
mod scenarios;
mod scripts;
mod transcripts;
mod watch;
mod world;
