mod alarms;
mod expressions;
mod properties;
mod statistics;
