//! The compiled state that a filter routes by: one revision of all workspaces, sessions and providers.
//!
//! An [`Update`] is applied as a whole or not at all.

mod gateway;
mod keys;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::config::{self, Access, Alias, CollectionModel, Deployment, Holder, KeyHash, Name, Switch, Target};
use crate::rules::{self, Rules};
use keys::Keys;
pub use keys::{Key, Validity};

/// One thing wrong with one field of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct CompileError {
    /// JSON pointer into the workspace, such as `/rules/3/when/file/0`.
    pub pointer: String,
    pub message: String,
}

/// Every reason why a workspace cannot be compiled; none: it can.
pub fn check_workspace(workspace: &config::Workspace) -> Vec<CompileError> {
    let config::Workspace {
        name: _,
        rules,
        instructions,
        switch: _,
        access: _,
        collection,
        deployments,
        cache_ttl_s: _,
        cache_epoch: _,
    } = workspace;
    let mut errors = rules::check(rules);
    errors.extend(gateway::check(collection, deployments));
    if let Err(message) = rules::check_instructions(instructions) {
        errors.push(CompileError { pointer: "/instructions".into(), message });
    }
    errors
}

/// What turns one revision into another, or into a first one.
#[derive(Clone, Debug, Default)]
pub struct Update {
    pub store_id: String,
    /// The revision that this builds on; 0: nothing, this is a full state.
    pub base_revision: u64,
    pub revision: u64,
    pub workspaces: Vec<config::Workspace>,
    pub sessions: Vec<config::Session>,
    pub providers: Vec<config::Provider>,
    pub keys: Vec<config::Key>,
    pub removed_workspaces: Vec<Name>,
    pub removed_sessions: Vec<Name>,
    pub removed_providers: Vec<Name>,
    /// Ids.
    pub removed_keys: Vec<u64>,
}

/// Why an update was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError {
    #[error("builds on revision {base} of another state than the one held, {held}")]
    OtherBase { base: u64, held: u64 },
    #[error("workspace `{workspace}`: {error}")]
    Workspace { workspace: Name, error: CompileError },
}

#[derive(Debug, Default)]
pub struct Snapshot {
    store_id: String,
    revision: u64,
    workspaces: HashMap<Name, Rc<Workspace>>,
    sessions: HashMap<Name, Name>,
    providers: HashMap<Name, Rc<config::Provider>>,
    keys: Keys,
}

#[derive(Debug)]
pub struct Workspace {
    pub name: Name,
    pub rules: Rules,
    pub instructions: String,
    pub switch: Switch,
    pub access: Access,
    /// Every model of every provider may be named, as `provider/model-id`.
    pub is_open: bool,
    pub models: BTreeMap<Alias, CollectionModel>,
    pub deployments: BTreeMap<Alias, Rc<Deployment>>,
    /// For how long answers are kept; 0: they are not.
    pub cache_ttl_s: u32,
    /// Part of what answers are kept by: a later workspace of the same name has another.
    pub cache_epoch: u64,
}

impl From<config::Workspace> for Workspace {
    fn from(workspace: config::Workspace) -> Self {
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
        } = workspace;
        let config::Collection { is_open, models } = collection;
        Self {
            name,
            rules: Rules::new(rules),
            instructions,
            switch,
            access,
            is_open,
            models: models.into_iter().map(|model| (model.alias.clone(), model)).collect(),
            deployments: deployments.into_iter().map(|own| (own.name.clone(), Rc::new(own))).collect(),
            cache_ttl_s,
            cache_epoch,
        }
    }
}

impl Snapshot {
    /// 0 before the first update.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    pub fn workspace(&self, name: &str) -> Option<&Rc<Workspace>> {
        self.workspaces.get(name)
    }

    /// Name of the workspace that is active in a session.
    pub fn active_workspace(&self, session: &str) -> Option<&Name> {
        self.sessions.get(session)
    }

    pub fn provider(&self, name: &str) -> Option<&Rc<config::Provider>> {
        self.providers.get(name)
    }

    /// The key with this hash, or the one that replaced it.
    pub fn key(&self, hash: &KeyHash) -> Option<&Rc<Key>> {
        self.keys.find(hash)
    }

    pub fn key_by_id(&self, id: u64) -> Option<&Rc<Key>> {
        self.keys.by_id(id)
    }

    /// Applies an update; on an error nothing has changed. A request that is under way keeps what it holds.
    pub fn apply(&mut self, update: Update) -> Result<(), UpdateError> {
        let Update { store_id, base_revision, revision, .. } = &update;
        let continues = *base_revision == self.revision && *store_id == self.store_id;
        if *base_revision != 0 && !continues {
            return Err(UpdateError::OtherBase { base: *base_revision, held: self.revision });
        }
        for workspace in &update.workspaces {
            if let Some(error) = check_workspace(workspace).into_iter().next() {
                return Err(UpdateError::Workspace { workspace: workspace.name.clone(), error });
            }
        }
        if *base_revision == 0 {
            *self = Self { store_id: store_id.clone(), ..Self::default() };
        }
        self.revision = *revision;
        self.change(update);
        Ok(())
    }

    fn change(&mut self, update: Update) {
        let Update {
            store_id: _,
            base_revision: _,
            revision: _,
            workspaces,
            sessions,
            providers,
            keys,
            removed_workspaces,
            removed_sessions,
            removed_providers,
            removed_keys,
        } = update;
        for name in removed_workspaces {
            self.workspaces.remove(&name);
        }
        for id in removed_sessions {
            self.sessions.remove(&id);
        }
        for name in removed_providers {
            self.providers.remove(&name);
        }
        for id in removed_keys {
            self.keys.remove(id);
        }
        self.providers.extend(providers.into_iter().map(|provider| (provider.name.clone(), Rc::new(provider))));
        for mut workspace in workspaces {
            workspace.rules.iter_mut().for_each(|rule| self.share_provider(&mut rule.target));
            self.workspaces.insert(workspace.name.clone(), Rc::new(workspace.into()));
        }
        self.sessions
            .extend(sessions.into_iter().map(|config::Session { id, active_workspace }| (id, active_workspace)));
        for key in keys {
            let holder = self.shared(key.holder);
            self.keys.put(config::Key { holder, ..key }.into());
        }
    }

    /// Names a provider in the provider's own words: very many rules name few of them.
    fn share_provider(&self, target: &mut Target) {
        if let Target::Model(model) = target
            && let Some((own, _)) = self.providers.get_key_value(&model.provider)
        {
            model.provider = own.clone();
        }
    }

    /// The same, in the words that the workspace or session itself has: many keys open few of them.
    fn shared(&self, holder: Holder) -> Holder {
        match holder {
            Holder::Workspace(name) => {
                let own = self.workspaces.get_key_value(&name).map(|(own, _)| own.clone());
                Holder::Workspace(own.unwrap_or(name))
            }
            Holder::Session(id) => {
                let own = self.sessions.get_key_value(&id).map(|(own, _)| own.clone());
                Holder::Session(own.unwrap_or(id))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{Snapshot, Update, UpdateError};
    use crate::config::{Holder, Key, KeyHash, Rule, Scopes, When, Workspace};

    fn workspace(name: &str, rules: &[&str]) -> Workspace {
        let rules = rules.iter().map(|name| Rule::new(*name, When::default(), "p/m".parse().unwrap())).collect();
        Workspace::new(name.parse().unwrap(), rules)
    }

    fn update(base_revision: u64, revision: u64, workspaces: Vec<Workspace>) -> Update {
        Update { store_id: "s".into(), base_revision, revision, workspaces, ..Update::default() }
    }

    #[test]
    fn deltas_build_on_the_revision_held() {
        let mut snapshot = Snapshot::default();
        snapshot.apply(update(0, 5, vec![workspace("a", &["x"]), workspace("b", &[])])).unwrap();
        let removed =
            Update { removed_workspaces: vec!["b".parse().unwrap()], ..update(5, 6, vec![workspace("a", &["y"])]) };
        snapshot.apply(removed).unwrap();
        assert_eq!(snapshot.revision(), 6);
        assert_eq!(snapshot.workspace("a").unwrap().rules.iter().next().unwrap().name, "y");
        assert!(snapshot.workspace("b").is_none());
        assert_eq!(snapshot.apply(update(5, 7, vec![])), Err(UpdateError::OtherBase { base: 5, held: 6 }));
        let elsewhere = Update { store_id: "t".into(), ..update(6, 7, vec![]) };
        assert_eq!(snapshot.apply(elsewhere), Err(UpdateError::OtherBase { base: 6, held: 6 }));
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let mut snapshot = Snapshot::default();
        snapshot.apply(update(0, 1, vec![workspace("a", &["x"])])).unwrap();
        let bad = update(1, 2, vec![workspace("c", &[]), workspace("a", &["y", "y"])]);
        assert!(matches!(snapshot.apply(bad), Err(UpdateError::Workspace { .. })));
        assert_eq!(snapshot.revision(), 1);
        assert_eq!(snapshot.workspace("a").unwrap().rules.iter().next().unwrap().name, "x");
        assert!(snapshot.workspace("c").is_none());
    }

    #[test]
    fn a_full_state_replaces_everything() {
        let mut snapshot = Snapshot::default();
        snapshot.apply(update(0, 9, vec![workspace("a", &[])])).unwrap();
        snapshot.apply(update(0, 2, vec![workspace("b", &[])])).unwrap();
        assert_eq!(snapshot.revision(), 2);
        assert!(snapshot.workspace("a").is_none());
    }

    #[test]
    fn a_key_is_found_by_its_hashes_until_it_goes() {
        let (old, new, third) = (KeyHash::of("vk_old"), KeyHash::of("vk_new"), KeyHash::of("vk_third"));
        let key = |hash, previous| Key {
            id: 7,
            hash,
            previous,
            holder: Holder::Workspace("w".parse().unwrap()),
            expires_at_ms: None,
            scopes: Scopes::default(),
            requests_per_minute: None,
            tokens_per_minute: None,
        };
        let mut snapshot = Snapshot::default();
        let keys = |keys| Update { keys, ..update(0, 1, vec![]) };
        snapshot.apply(keys(vec![key(old, None)])).unwrap();
        let found = |snapshot: &Snapshot| [old, new, third].map(|hash| snapshot.key(&hash).is_some());
        assert_eq!(found(&snapshot), [true, false, false]);
        snapshot.apply(Update { base_revision: 1, ..keys(vec![key(new, Some((old, 5)))]) }).unwrap();
        assert_eq!(found(&snapshot), [true, true, false]);
        snapshot.apply(Update { base_revision: 1, ..keys(vec![key(third, Some((new, 5)))]) }).unwrap();
        assert_eq!(found(&snapshot), [false, true, true]);
        snapshot.apply(Update { removed_keys: vec![7], ..update(1, 2, vec![]) }).unwrap();
        assert_eq!(found(&snapshot), [false, false, false]);
    }
}
