//! What a check came to.

use std::fmt;

use serde_json::{Value, json};

use crate::cli::client::out::clean;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Ok,
    /// Works, but not as well as it could, or not for everything.
    Warn,
    /// Prompts fail.
    Fail,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub level: Level,
    /// What was looked at.
    pub check: &'static str,
    /// What was seen, and what to change.
    pub detail: String,
}

impl Finding {
    pub fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Ok, check, detail: detail.into() }
    }

    pub fn warn(check: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Warn, check, detail: detail.into() }
    }

    pub fn fail(check: &'static str, detail: impl Into<String>) -> Self {
        Self { level: Level::Fail, check, detail: detail.into() }
    }

    /// `ok` if it holds, else the failure.
    pub fn demand(check: &'static str, holds: bool, ok: &str, failure: impl FnOnce() -> String) -> Self {
        if holds { Self::ok(check, ok) } else { Self::fail(check, failure()) }
    }

    /// Says which of several it is about.
    pub fn of(self, place: &str) -> Self {
        Self { detail: format!("{place} {}", self.detail), ..self }
    }

    /// A failure here does not stop prompts.
    pub fn soften(self) -> Self {
        let level = if self.level == Level::Fail { Level::Warn } else { self.level };
        Self { level, ..self }
    }

    pub fn to_json(&self) -> Value {
        let Self { level, check, detail } = self;
        json!({"level": level.to_string().to_lowercase(), "check": check, "detail": detail})
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}

/// One line each, which a search for `FAIL` finds.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, check, detail } = self;
        write!(formatter, "{level:4}  {check}: {}", clean(detail).replace('\n', " "))
    }
}
