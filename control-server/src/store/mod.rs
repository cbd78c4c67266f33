//! What is kept: the only module that speaks SQL. Every change is one transaction that counts the revision up by one
//! and logs what it touched; a refused change leaves nothing.

mod changes;
mod error;

pub use changes::{Change, Changes, State};
pub use error::{Kind, RuleUse, StoreError};
