//! Messages to `mux` values and back. Every field is named on both sides, so that a new one does not get lost.

mod gateway;

use mux::config::{self, Access, Auth, HeaderCondition, KeyHeader, RequestKind, Switch, Turns};
use mux::dialect::Dialect;
use mux::snapshot::Update;

use crate::v1;

/// A message that no snapshot can be built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

impl std::fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Malformed {}

fn name(field: &str, text: &str) -> Result<config::Name, Malformed> {
    text.parse().map_err(|error| Malformed(format!("{field} `{text}`: {error}")))
}

/// Adds a resource to an update.
pub fn add(update: &mut Update, message: v1::Resource) -> Result<(), Malformed> {
    use v1::resource::Resource;
    match message.resource {
        Some(Resource::Workspace(workspace)) => update.workspaces.push(workspace.try_into()?),
        Some(Resource::Session(session)) => update.sessions.push(session.try_into()?),
        Some(Resource::Provider(provider)) => update.providers.push(provider.try_into()?),
        Some(Resource::Key(key)) => update.keys.push(key.try_into()?),
        None => return Err(Malformed("a resource of a kind that this build does not know".into())),
    }
    Ok(())
}

/// Adds a removal to an update.
pub fn remove(update: &mut Update, message: v1::ResourceName) -> Result<(), Malformed> {
    use v1::resource_name::Name;
    match message.name {
        Some(Name::Workspace(text)) => update.removed_workspaces.push(name("workspace", &text)?),
        Some(Name::Session(text)) => update.removed_sessions.push(name("session", &text)?),
        Some(Name::Provider(text)) => update.removed_providers.push(name("provider", &text)?),
        Some(Name::Key(id)) => update.removed_keys.push(id),
        None => return Err(Malformed("a removal of a kind that this build does not know".into())),
    }
    Ok(())
}

impl TryFrom<v1::Workspace> for config::Workspace {
    type Error = Malformed;

    fn try_from(message: v1::Workspace) -> Result<Self, Malformed> {
        let v1::Workspace {
            name: workspace,
            rules,
            instructions,
            switch_by_user_turn,
            key_only,
            models,
            open_collection,
            deployments,
            cache_ttl_s,
            cache_epoch,
        } = message;
        let models = models.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Self {
            name: name("workspace", &workspace)?,
            rules: rules.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            instructions,
            switch: if switch_by_user_turn { Switch::UserTurn } else { Switch::Anytime },
            access: if key_only { Access::KeyOnly } else { Access::Anonymous },
            collection: config::Collection { is_open: open_collection, models },
            deployments: deployments.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            cache_ttl_s,
            cache_epoch,
        })
    }
}

impl From<config::Workspace> for v1::Workspace {
    fn from(value: config::Workspace) -> Self {
        let config::Workspace {
            name,
            rules,
            instructions,
            switch,
            access,
            collection,
            deployments,
            cache_ttl_s,
            cache_epoch,
        } = value;
        let config::Collection { is_open, models } = collection;
        Self {
            name: name.to_string(),
            rules: rules.into_iter().map(Into::into).collect(),
            instructions,
            switch_by_user_turn: switch == Switch::UserTurn,
            key_only: access == Access::KeyOnly,
            models: models.into_iter().map(Into::into).collect(),
            open_collection: is_open,
            deployments: deployments.into_iter().map(Into::into).collect(),
            cache_ttl_s,
            cache_epoch,
        }
    }
}

impl TryFrom<v1::Rule> for config::Rule {
    type Error = Malformed;

    fn try_from(message: v1::Rule) -> Result<Self, Malformed> {
        let v1::Rule { name, when, target, last_turn, instructions } = message;
        let malformed = |what: String| Malformed(format!("rule `{name}`: {what}"));
        let target = target.parse().map_err(|error| malformed(format!("target `{target}`: {error}")))?;
        let when = when.unwrap_or_default().try_into().map_err(|Malformed(what)| malformed(what))?;
        let turns = if last_turn { Turns::Last } else { Turns::All };
        Ok(Self { name, when, turns, target, instructions })
    }
}

impl From<config::Rule> for v1::Rule {
    fn from(value: config::Rule) -> Self {
        let config::Rule { name, when, turns, target, instructions } = value;
        let (when, last_turn) = (Some(when.into()), turns == Turns::Last);
        Self { name, when, target: target.to_string(), last_turn, instructions }
    }
}

impl TryFrom<v1::When> for config::When {
    type Error = Malformed;

    fn try_from(message: v1::When) -> Result<Self, Malformed> {
        let v1::When {
            file,
            mention,
            language,
            request,
            model,
            header,
            min_tokens,
            max_tokens,
            tools,
            images,
            thinking,
        } = message;
        let header = header.into_iter().map(|v1::HeaderCondition { name, value }| HeaderCondition { name, value });
        Ok(Self {
            file,
            mention,
            language,
            request: request.into_iter().map(request_kind).collect::<Result<_, _>>()?,
            model,
            header: header.collect(),
            min_tokens,
            max_tokens,
            tools,
            images,
            thinking,
        })
    }
}

impl From<config::When> for v1::When {
    fn from(value: config::When) -> Self {
        let config::When {
            file,
            mention,
            language,
            request,
            model,
            header,
            min_tokens,
            max_tokens,
            tools,
            images,
            thinking,
        } = value;
        let header = header.into_iter().map(|HeaderCondition { name, value }| v1::HeaderCondition { name, value });
        Self {
            file,
            mention,
            language,
            request: request.into_iter().map(|kind| request_number(kind).into()).collect(),
            model,
            header: header.collect(),
            min_tokens,
            max_tokens,
            tools,
            images,
            thinking,
        }
    }
}

fn request_kind(number: i32) -> Result<RequestKind, Malformed> {
    Ok(match v1::RequestKind::try_from(number).unwrap_or_default() {
        v1::RequestKind::Unspecified => {
            return Err(Malformed("a kind of request that this build does not know".into()));
        }
        v1::RequestKind::Chat => RequestKind::Chat,
        v1::RequestKind::Fim => RequestKind::Fim,
        v1::RequestKind::Completion => RequestKind::Completion,
        v1::RequestKind::Embedding => RequestKind::Embedding,
        v1::RequestKind::Responses => RequestKind::Responses,
        v1::RequestKind::Messages => RequestKind::Messages,
    })
}

fn request_number(kind: RequestKind) -> v1::RequestKind {
    match kind {
        RequestKind::Chat => v1::RequestKind::Chat,
        RequestKind::Fim => v1::RequestKind::Fim,
        RequestKind::Completion => v1::RequestKind::Completion,
        RequestKind::Embedding => v1::RequestKind::Embedding,
        RequestKind::Responses => v1::RequestKind::Responses,
        RequestKind::Messages => v1::RequestKind::Messages,
    }
}

impl TryFrom<v1::Session> for config::Session {
    type Error = Malformed;

    fn try_from(message: v1::Session) -> Result<Self, Malformed> {
        let v1::Session { id, active_workspace } = message;
        Ok(Self { id: name("session", &id)?, active_workspace: name("workspace", &active_workspace)? })
    }
}

impl From<config::Session> for v1::Session {
    fn from(value: config::Session) -> Self {
        let config::Session { id, active_workspace } = value;
        Self { id: id.to_string(), active_workspace: active_workspace.to_string() }
    }
}

impl TryFrom<v1::Provider> for config::Provider {
    type Error = Malformed;

    fn try_from(message: v1::Provider) -> Result<Self, Malformed> {
        let v1::Provider {
            name: provider,
            cluster,
            authority,
            base_path,
            auth: credential,
            dialects,
            extensions,
            output_limits,
        } = message;
        Ok(Self {
            name: name("provider", &provider)?,
            cluster: cluster.into(),
            authority: authority.into(),
            base_path: base_path.into(),
            auth: auth(credential.unwrap_or_default())?,
            dialects: dialects.into_iter().map(dialect).collect::<Result<_, _>>()?,
            extensions,
            output_limits: output_limits.into_iter().map(|limit| (limit.model.into(), limit.tokens)).collect(),
        })
    }
}

impl From<config::Provider> for v1::Provider {
    fn from(value: config::Provider) -> Self {
        let config::Provider { name, cluster, authority, base_path, auth, dialects, extensions, output_limits } = value;
        let limit = |(model, tokens): (Box<str>, u64)| v1::OutputLimit { model: model.into(), tokens };
        Self {
            name: name.to_string(),
            cluster: cluster.into(),
            authority: authority.into(),
            base_path: base_path.into(),
            auth: Some(auth.into()),
            dialects: dialects.iter().map(|dialect| dialect_number(*dialect).into()).collect(),
            extensions,
            output_limits: output_limits.into_iter().map(limit).collect(),
        }
    }
}

fn auth(message: v1::Auth) -> Result<Auth, Malformed> {
    let kind = message.kind();
    let v1::Auth { kind: _, api_key } = message;
    let key = |header| Auth::Key { header, key: api_key.into() };
    Ok(match kind {
        v1::AuthKind::Unspecified => {
            return Err(Malformed("a credential of a kind that this build does not know".into()));
        }
        v1::AuthKind::None => Auth::None,
        v1::AuthKind::Bearer => key(KeyHeader::Bearer),
        v1::AuthKind::XApiKey => key(KeyHeader::XApiKey),
        v1::AuthKind::Passthrough => Auth::Passthrough,
    })
}

impl From<Auth> for v1::Auth {
    fn from(value: Auth) -> Self {
        let (kind, api_key) = match value {
            Auth::None => (v1::AuthKind::None, String::new()),
            Auth::Key { header: KeyHeader::Bearer, key } => (v1::AuthKind::Bearer, key.into()),
            Auth::Key { header: KeyHeader::XApiKey, key } => (v1::AuthKind::XApiKey, key.into()),
            Auth::Passthrough => (v1::AuthKind::Passthrough, String::new()),
        };
        Self { kind: kind.into(), api_key }
    }
}

fn dialect(number: i32) -> Result<Dialect, Malformed> {
    Ok(match v1::Dialect::try_from(number).unwrap_or_default() {
        v1::Dialect::Unspecified => return Err(Malformed("a dialect that this build does not know".into())),
        v1::Dialect::Chat => Dialect::Chat,
        v1::Dialect::Messages => Dialect::Messages,
        v1::Dialect::Responses => Dialect::Responses,
        v1::Dialect::Completions => Dialect::Completions,
        v1::Dialect::Embeddings => Dialect::Embeddings,
    })
}

fn dialect_number(dialect: Dialect) -> v1::Dialect {
    match dialect {
        Dialect::Chat => v1::Dialect::Chat,
        Dialect::Messages => v1::Dialect::Messages,
        Dialect::Responses => v1::Dialect::Responses,
        Dialect::Completions => v1::Dialect::Completions,
        Dialect::Embeddings => v1::Dialect::Embeddings,
    }
}
