//! The management API, one file per branch of its URL tree.

mod audit;
mod events;
mod explain;
mod models;
mod nodes;
mod openapi;
mod personas;
mod providers;
mod sessions;
mod support;
mod system;
mod usage;
mod workspaces;
