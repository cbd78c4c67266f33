//! The command line as people and scripts use it: the built binary against a server.
//!
//! Where only the outcome of a command matters, the real API runs in this process; where an answer must be of a certain
//! shape, or what was asked is judged, a small server answers as it is told.

mod apply;
mod connection;
mod doctor;
mod edit;
mod explain;
mod gateway;
mod keys;
mod logs;
mod providers;
mod real;
mod rules;
mod sessions;
mod status;
mod support;
mod workspaces;
