mod alarms;
mod clock;
mod expressions;
mod properties;
mod statistics;
