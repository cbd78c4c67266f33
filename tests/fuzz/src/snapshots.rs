//! Messages of the control server: from bytes to rules in force.

use arbitrary::{Result, Unstructured};
use mux::config::{Key, Provider, Session, Workspace};
use mux::endpoint::address;
use mux::route::{self, Credentials, Request, caller};
use mux::snapshot::{Snapshot, Update};
use prost::Message;
use proto::convert;
use proto::v1::{self, resource, resource_name};

use crate::prompts;

pub fn check(input: &[u8]) {
    let message = match input.split_first() {
        Some((&first, choices)) if first >= 0x80 => {
            let made = response(&mut Unstructured::new(choices)).unwrap_or_default();
            assert_eq!(v1::SubscribeResponse::decode(&*made.encode_to_vec()).as_ref(), Ok(&made));
            made
        }
        _ => match v1::SubscribeResponse::decode(input) {
            Ok(message) => message,
            Err(_) => return,
        },
    };
    let Some(update) = update(message) else { return };
    let mut snapshot = Snapshot::default();
    let (revision, base, names) = (update.revision, update.base_revision, workspace_names(&update));
    let is_applied = snapshot.apply(update).is_ok();
    assert!(base == 0 || !is_applied, "nothing is held that a delta builds on");
    assert_eq!(snapshot.revision(), if is_applied { revision } else { 0 });
    for name in names {
        assert_eq!(snapshot.workspace(&name).is_some(), is_applied);
        if is_applied {
            ask(&snapshot, &name);
        }
    }
}

fn workspace_names(update: &Update) -> Vec<String> {
    update.workspaces.iter().map(|workspace| workspace.name.to_string()).collect()
}

/// What the message means; each part also goes back into a message that means the same.
fn update(message: v1::SubscribeResponse) -> Option<Update> {
    let v1::SubscribeResponse { store_id, base_revision, revision, last_chunk: _, upserts, removals } = message;
    let mut update = Update { store_id, base_revision, revision, ..Update::default() };
    for resource in upserts {
        convert::add(&mut update, resource).ok()?;
    }
    for name in removals {
        convert::remove(&mut update, name).ok()?;
    }
    for workspace in &update.workspaces {
        assert_eq!(Workspace::try_from(v1::Workspace::from(workspace.clone())).as_ref(), Ok(workspace));
    }
    for session in &update.sessions {
        assert_eq!(Session::try_from(v1::Session::from(session.clone())).as_ref(), Ok(session));
    }
    for key in &update.keys {
        assert_eq!(Key::try_from(v1::VirtualKey::from(key.clone())).as_ref(), Ok(key));
    }
    for provider in &update.providers {
        assert_eq!(Provider::try_from(v1::Provider::from(provider.clone())).as_ref(), Ok(provider));
    }
    Some(update)
}

const BODY: &str = r#"{"model":"p/m","tools":[{}],"messages":[{"role":"user","content":"fix main.rs and src/a/b.py"},
    {"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"read","arguments":"{\"path\":\"web/client.ts\"}"}}]},
    {"role":"tool","tool_call_id":"1","content":"x"},{"role":"user","content":"```py src/app.py\nx\n```"}]}"#;

/// Rules of any kind decide, and say why.
fn ask(snapshot: &Snapshot, workspace: &str) {
    let Some(address) = address("/v1/mux/chat/completions") else { return };
    let headers = [("x-team".to_owned(), b"red".to_vec())];
    let request =
        Request { address, workspace: Some(workspace), session: None, headers: &headers, body: BODY.as_bytes() };
    for credentials in [Credentials::None, Credentials::Id(0), Credentials::Id(1), Credentials::Waived] {
        if let Ok(caller) = caller(snapshot, &request, credentials, 1) {
            prompts::judge(snapshot, &caller, &request);
            let names = route::models(snapshot, &caller);
            assert!(caller.key.is_none() || !names.is_empty());
        }
    }
}

const WORDS: [&str; 18] = [
    "default",
    "p",
    "p/m",
    "requested",
    "*.py",
    "**/*.p?",
    "[a-c]*",
    "{a,b}/**",
    ".ts",
    "src",
    "*",
    "",
    "python",
    "x-team",
    "r*d",
    "[",
    "*a*b*c*d*e*f*g*h*i*j*",
    "\\",
];

fn word(choices: &mut Unstructured) -> Result<String> {
    Ok(if choices.ratio(3, 4)? { (*choices.choose(&WORDS)?).to_owned() } else { choices.arbitrary()? })
}

fn words(choices: &mut Unstructured) -> Result<Vec<String>> {
    (0..choices.int_in_range(0..=3)?).map(|_| word(choices)).collect()
}

fn response(choices: &mut Unstructured) -> Result<v1::SubscribeResponse> {
    let base_revision = choices.int_in_range(0..=1)?;
    let upserts = (0..choices.int_in_range(0..=4)?).map(|_| upsert(choices)).collect::<Result<_>>()?;
    let removals = (0..choices.int_in_range(0..=2)?).map(|_| removal(choices)).collect::<Result<_>>()?;
    Ok(v1::SubscribeResponse { store_id: "s".into(), base_revision, revision: 5, last_chunk: true, upserts, removals })
}

fn upsert(choices: &mut Unstructured) -> Result<v1::Resource> {
    let resource = match choices.int_in_range(0..=6)? {
        6 => resource::Resource::Key(key(choices)?),
        0 => resource::Resource::Session(v1::Session { id: word(choices)?, active_workspace: word(choices)? }),
        1 | 2 => resource::Resource::Provider(provider(choices)?),
        _ => resource::Resource::Workspace(v1::Workspace {
            name: "default".into(),
            rules: (0..choices.int_in_range(0..=4)?).map(|_| rule(choices)).collect::<Result<_>>()?,
            instructions: word(choices)?,
            switch_by_user_turn: choices.arbitrary()?,
            key_only: choices.ratio(1, 8)?,
            models: (0..choices.int_in_range(0..=3)?).map(|_| model(choices)).collect::<Result<_>>()?,
            open_collection: choices.arbitrary()?,
            deployments: (0..choices.int_in_range(0..=2)?).map(|_| deployment(choices)).collect::<Result<_>>()?,
            cache_ttl_s: choices.int_in_range(0..=2)?,
            cache_epoch: choices.int_in_range(0..=2)?,
        }),
    };
    Ok(v1::Resource { resource: Some(resource) })
}

/// Few, so that deployments and rules name them.
const ALIASES: [&str; 4] = ["a", "b", "d", "mux"];

fn alias(choices: &mut Unstructured) -> Result<String> {
    Ok(if choices.ratio(7, 8)? { (*choices.choose(&ALIASES)?).to_owned() } else { word(choices)? })
}

fn model(choices: &mut Unstructured) -> Result<v1::CollectionModel> {
    Ok(v1::CollectionModel {
        alias: alias(choices)?,
        model: if choices.ratio(7, 8)? { "p/m".to_owned() } else { word(choices)? },
        disabled: choices.ratio(1, 4)?,
        requests_per_minute: choices.int_in_range(0..=1)?,
    })
}

fn deployment(choices: &mut Unstructured) -> Result<v1::Deployment> {
    let target =
        |choices: &mut Unstructured| Ok(v1::DeploymentTarget { alias: alias(choices)?, weight: choices.arbitrary()? });
    Ok(v1::Deployment {
        name: alias(choices)?,
        policy: choices.int_in_range(0..=4)?,
        targets: (0..choices.int_in_range(0..=3)?).map(|_| target(choices)).collect::<Result<_>>()?,
        retry_on: vec![choices.int_in_range(399..=600)?],
        try_timeout_ms: choices.arbitrary()?,
        breaker: Some(v1::Breaker { failures: choices.int_in_range(0..=3)?, window_s: 1, cooldown_s: 1 }),
        cache_ttl_s: choices.arbitrary()?,
    })
}

fn key(choices: &mut Unstructured) -> Result<v1::VirtualKey> {
    use v1::virtual_key::Holder;
    let scope = |choices: &mut Unstructured| {
        Ok(if choices.arbitrary()? { None } else { Some(v1::Scope { names: vec![alias(choices)?] }) })
    };
    let hash = |choices: &mut Unstructured| Ok(vec![choices.int_in_range(0..=3)?; choices.int_in_range(15..=16)?]);
    Ok(v1::VirtualKey {
        id: choices.int_in_range(0..=3)?,
        hash: hash(choices)?,
        previous_hash: if choices.arbitrary()? { hash(choices)? } else { Vec::new() },
        previous_until_unix_ms: choices.arbitrary()?,
        holder: match choices.int_in_range(0..=4)? {
            0 => None,
            1 => Some(Holder::Session(word(choices)?)),
            _ => Some(Holder::Workspace("default".into())),
        },
        expires_at_unix_ms: choices.arbitrary()?,
        endpoints: scope(choices)?,
        models: scope(choices)?,
        deployments: scope(choices)?,
        requests_per_minute: choices.arbitrary()?,
        tokens_per_minute: choices.arbitrary()?,
    })
}

fn removal(choices: &mut Unstructured) -> Result<v1::ResourceName> {
    let name = match choices.int_in_range(0..=3)? {
        3 => resource_name::Name::Key(choices.int_in_range(0..=3)?),
        0 => resource_name::Name::Workspace(word(choices)?),
        1 => resource_name::Name::Session(word(choices)?),
        _ => resource_name::Name::Provider(word(choices)?),
    };
    Ok(v1::ResourceName { name: Some(name) })
}

fn rule(choices: &mut Unstructured) -> Result<v1::Rule> {
    let when = v1::When {
        file: words(choices)?,
        mention: words(choices)?,
        language: words(choices)?,
        request: if choices.ratio(1, 4)? { vec![choices.int_in_range(0..=7)?] } else { Vec::new() },
        model: words(choices)?,
        header: if choices.ratio(1, 4)? {
            vec![v1::HeaderCondition { name: word(choices)?, value: word(choices)? }]
        } else {
            Vec::new()
        },
        min_tokens: choices.arbitrary()?,
        max_tokens: choices.arbitrary()?,
        tools: choices.arbitrary()?,
        images: choices.arbitrary()?,
        thinking: choices.arbitrary()?,
    };
    let target = if choices.ratio(3, 4)? { "p/m".to_owned() } else { word(choices)? };
    let name = choices.arbitrary::<u16>()?.to_string();
    Ok(v1::Rule { name, when: Some(when), target, last_turn: choices.arbitrary()?, instructions: word(choices)? })
}

fn provider(choices: &mut Unstructured) -> Result<v1::Provider> {
    Ok(v1::Provider {
        name: if choices.ratio(3, 4)? { "p".to_owned() } else { word(choices)? },
        cluster: word(choices)?,
        authority: word(choices)?,
        base_path: word(choices)?,
        auth: Some(v1::Auth { kind: choices.int_in_range(0..=5)?, api_key: word(choices)? }),
        dialects: (0..choices.int_in_range(0..=3)?).map(|_| choices.int_in_range(1..=6)).collect::<Result<_>>()?,
        extensions: choices.arbitrary()?,
        output_limits: vec![v1::OutputLimit { model: word(choices)?, tokens: choices.arbitrary()? }],
    })
}
