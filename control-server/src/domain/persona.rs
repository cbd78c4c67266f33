//! A persona: a global, reusable description of a kind of work.

use mux::config::{INSTRUCTIONS_BYTES_MAX, Name};
use serde_json::{Value, json};

use super::error::FieldError;
use super::provider::DESCRIPTION_BYTES_MAX;

/// Personas that there may be.
pub const PERSONAS_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persona {
    pub name: Name,
    pub text: PersonaText,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
}

/// What a persona says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonaText {
    description: String,
    instructions: String,
}

/// What changes about a persona; `None`: it stays.
#[derive(Clone, Debug, Default)]
pub struct PersonaPatch {
    pub name: Option<Name>,
    pub description: Option<String>,
    pub instructions: Option<String>,
}

impl PersonaText {
    /// Checks both, and says all that is wrong.
    pub fn new(description: String, instructions: String) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        if description.trim().is_empty() {
            let message = "a persona has a description: say what kind of work it is for";
            errors.push(FieldError::new("/description", message));
        }
        if description.len() > DESCRIPTION_BYTES_MAX {
            let message = format!("a description has at most {DESCRIPTION_BYTES_MAX} bytes");
            errors.push(FieldError::new("/description", message));
        }
        if instructions.len() > INSTRUCTIONS_BYTES_MAX {
            let message = format!("instructions have at most {INSTRUCTIONS_BYTES_MAX} bytes");
            errors.push(FieldError::new("/instructions", message));
        }
        if errors.is_empty() { Ok(Self { description, instructions }) } else { Err(errors) }
    }

    /// Never empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Empty: none.
    pub fn instructions(&self) -> &str {
        &self.instructions
    }
}

impl Persona {
    /// What it becomes by a patch, if that is a persona.
    pub fn patched(&self, patch: &PersonaPatch) -> Result<Self, Vec<FieldError>> {
        let PersonaPatch { name, description, instructions } = patch.clone();
        let PersonaText { description: description_before, instructions: instructions_before } = self.text.clone();
        let text =
            PersonaText::new(description.unwrap_or(description_before), instructions.unwrap_or(instructions_before))?;
        Ok(Self { name: name.unwrap_or_else(|| self.name.clone()), text, ..*self })
    }

    /// As the API shows it, for the log of changes.
    pub fn audit_value(&self) -> Value {
        let Self { name, text: PersonaText { description, instructions }, created_at_ms: _, updated_at_ms: _ } = self;
        json!({"name": name, "description": description, "instructions": instructions})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_bounds() {
        let rows: [(usize, usize, &[&str]); 5] = [
            (DESCRIPTION_BYTES_MAX, INSTRUCTIONS_BYTES_MAX, &[]),
            (1, 0, &[]),
            (0, 0, &["/description"]),
            (DESCRIPTION_BYTES_MAX + 1, 0, &["/description"]),
            (0, INSTRUCTIONS_BYTES_MAX + 1, &["/description", "/instructions"]),
        ];
        for (description, instructions, expected) in rows {
            let made = PersonaText::new("x".repeat(description), "y".repeat(instructions));
            let pointers: Vec<String> =
                made.err().into_iter().flatten().map(|FieldError { pointer, .. }| pointer).collect();
            assert_eq!(pointers, expected, "{description} {instructions}");
        }
        assert!(PersonaText::new(" \n".to_owned(), String::new()).is_err());
    }
}
