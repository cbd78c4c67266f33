//! What a key may be used for, as people write it: `"all"`, `"none"` or a list of names.

use std::fmt;

use mux::config::{Alias, SCOPE_NAMES_MAX, Scope, Scopes};
use mux::endpoint;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::super::error::FieldError;

const ALL: &str = "all";
const NONE: &str = "none";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeDraft {
    All,
    None,
    Names(Vec<String>),
}

/// What is given of the three; `None`: as it was, and for a new key everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopesDraft {
    /// Paths of endpoints without the first slash, such as `chat/completions`.
    pub endpoints: Option<ScopeDraft>,
    /// Aliases of models.
    pub models: Option<ScopeDraft>,
    /// Names of deployments.
    pub deployments: Option<ScopeDraft>,
}

impl ScopesDraft {
    /// These scopes with what is given. Aliases and deployments need not be there: they may come later, and one that
    /// goes and comes back is held again.
    pub fn over(&self, before: &Scopes) -> Result<Scopes, Vec<FieldError>> {
        let Self { endpoints, models, deployments } = self;
        let mut errors = Vec::new();
        let mut scope = |pointer: &str, draft: &Option<ScopeDraft>, before: &Scope, check: Check| match draft {
            None => before.clone(),
            Some(draft) => read(draft, pointer, check, &mut errors),
        };
        let scopes = Scopes {
            endpoints: scope("/scopes/endpoints", endpoints, &before.endpoints, check_endpoint),
            models: scope("/scopes/models", models, &before.models, check_alias),
            deployments: scope("/scopes/deployments", deployments, &before.deployments, check_alias),
        };
        if scopes.endpoints == Scope::Only(Box::default()) {
            errors.push(FieldError::new("/scopes/endpoints", format!("`{ALL}`, or a list of at least one endpoint")));
        }
        if errors.is_empty() { Ok(scopes) } else { Err(errors) }
    }
}

type Check = fn(&str) -> Result<(), String>;

fn read(draft: &ScopeDraft, pointer: &str, check: Check, errors: &mut Vec<FieldError>) -> Scope {
    let names = match draft {
        ScopeDraft::All => return Scope::All,
        ScopeDraft::None => &[][..],
        ScopeDraft::Names(names) => names,
    };
    if names.len() > SCOPE_NAMES_MAX {
        errors.push(FieldError::new(pointer, format!("at most {SCOPE_NAMES_MAX} names, not {}", names.len())));
        return Scope::default();
    }
    let wrong = names.iter().enumerate().filter_map(|(index, name)| {
        let message = check(name).err()?;
        Some(FieldError::new(format!("{pointer}/{index}"), message))
    });
    errors.extend(wrong);
    Scope::Only(names.iter().map(|name| name.as_str().into()).collect())
}

fn check_endpoint(name: &str) -> Result<(), String> {
    if endpoint::names().any(|known| known == name) {
        return Ok(());
    }
    let known: Vec<String> = endpoint::names().map(|name| format!("`{name}`")).collect();
    Err(format!("an endpoint is one of {}", known.join(", ")))
}

fn check_alias(name: &str) -> Result<(), String> {
    name.parse::<Alias>().map(|_| ()).map_err(|error| error.to_string())
}

impl From<&Scopes> for ScopesDraft {
    fn from(scopes: &Scopes) -> Self {
        let Scopes { endpoints, models, deployments } = scopes;
        let draft = |scope: &Scope| {
            Some(match scope {
                Scope::All => ScopeDraft::All,
                Scope::Only(names) if names.is_empty() => ScopeDraft::None,
                Scope::Only(names) => ScopeDraft::Names(names.iter().map(ToString::to_string).collect()),
            })
        };
        Self { endpoints: draft(endpoints), models: draft(models), deployments: draft(deployments) }
    }
}

impl Serialize for ScopeDraft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str(ALL),
            Self::None => serializer.serialize_str(NONE),
            Self::Names(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ScopeDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrList)
    }
}

struct WordOrList;

impl<'de> Visitor<'de> for WordOrList {
    type Value = ScopeDraft;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{ALL}\", \"{NONE}\" or a list of names")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ScopeDraft, E> {
        match text {
            ALL => Ok(ScopeDraft::All),
            NONE => Ok(ScopeDraft::None),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, names: A) -> Result<ScopeDraft, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(names)).map(ScopeDraft::Names)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(scopes: Value) -> Result<Scopes, Vec<String>> {
        let draft: ScopesDraft = serde_json::from_value(scopes).unwrap();
        let over = draft.over(&Scopes::default());
        over.map_err(|errors| errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn scopes_read_as_they_are_written() {
        for (given, written) in [
            (json!({}), json!({"endpoints": "all", "models": "all", "deployments": "all"})),
            (
                json!({"endpoints": ["messages/count_tokens", "models"], "models": [], "deployments": "none"}),
                json!({"endpoints": ["messages/count_tokens", "models"], "models": "none", "deployments": "none"}),
            ),
            (
                json!({"models": ["gpt-4o", "Later:8b"], "deployments": ["d.1"]}),
                json!({"endpoints": "all", "models": ["gpt-4o", "Later:8b"], "deployments": ["d.1"]}),
            ),
        ] {
            let scopes = read(given).unwrap();
            let again = serde_json::to_value(ScopesDraft::from(&scopes)).unwrap();
            assert_eq!(again, written);
            assert_eq!(read(again).unwrap(), scopes);
        }
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        let many: Vec<String> = (0..=SCOPE_NAMES_MAX).map(|number| format!("m{number}")).collect();
        for (given, pointers) in [
            (json!({"endpoints": "none"}), &["/scopes/endpoints"][..]),
            (json!({"endpoints": []}), &["/scopes/endpoints"]),
            (json!({"endpoints": ["models", "/messages", "v1"]}), &["/scopes/endpoints/1", "/scopes/endpoints/2"]),
            (json!({"models": ["a", "p/m"], "deployments": ["mux"]}), &["/scopes/models/1", "/scopes/deployments/0"]),
            (json!({ "models": many }), &["/scopes/models"]),
        ] {
            assert_eq!(read(given.clone()).unwrap_err(), pointers, "{given}");
        }
        for bad in [json!({"models": "some"}), json!({"models": 1}), json!({"models": [1]}), json!({"colour": "all"})] {
            assert!(serde_json::from_value::<ScopesDraft>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_given_changes() {
        let before = read(json!({"endpoints": ["messages"], "models": ["a"]})).unwrap();
        let draft: ScopesDraft = serde_json::from_value(json!({"models": "none"})).unwrap();
        let after = draft.over(&before).unwrap();
        assert_eq!((&after.endpoints, &after.deployments), (&before.endpoints, &Scope::All));
        assert_eq!(after.models, Scope::Only(Box::default()));
    }
}
