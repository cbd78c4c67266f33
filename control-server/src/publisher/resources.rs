//! The published state as messages, and what of it a node lacks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use mux::config::Name;
use proto::v1::{self, resource, resource_name};

use super::clusters::ClusterSpec;

/// Changed resources that are remembered. A node that is further behind gets the full state.
pub const LOG_ENTRIES_MAX: usize = 10_000;
/// Encoded bytes of one message to a node. A single resource may be larger than this and then travels alone. Small, since
/// what a node needs to take one apart stays in its memory for good.
pub const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// Names one resource. The order is that of a full state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Provider(String),
    Workspace(String),
    Session(String),
    /// By its id.
    Virtual(u64),
}

/// What became of a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    Upsert(v1::Resource),
    Removal(Key),
}

impl Edit {
    /// What a resource becomes; none: it goes.
    fn outcome(&self) -> Option<(Key, Option<&v1::Resource>)> {
        match self {
            Self::Upsert(resource) => key_of(resource).map(|key| (key, Some(resource))),
            Self::Removal(key) => Some((key.clone(), None)),
        }
    }
}

/// A resource and its length on the wire.
#[derive(Debug)]
struct Sized {
    resource: v1::Resource,
    encoded_bytes: usize,
}

/// All resources at one revision, and which of them changed lately. The log holds keys alone, so a node that is several
/// revisions behind gets each resource once, at its newest.
#[derive(Default)]
pub struct Resources {
    revision: u64,
    /// Everything that changed after this revision is in the log.
    log_reaches: u64,
    log: VecDeque<(u64, Key)>,
    by_key: BTreeMap<Key, Arc<Sized>>,
    /// Workspaces that have deployments.
    deploying: BTreeSet<Key>,
}

/// What brings a node to `revision`.
#[derive(Debug)]
pub struct Update {
    /// 0: a full state.
    pub base_revision: u64,
    pub revision: u64,
    upserts: Vec<Arc<Sized>>,
    removals: Vec<Key>,
}

impl Resources {
    pub fn new(revision: u64, resources: impl IntoIterator<Item = v1::Resource>) -> Self {
        let mut this = Self { revision, log_reaches: revision, ..Self::default() };
        for resource in resources {
            this.put(resource);
        }
        this
    }

    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn apply(&mut self, revision: u64, edits: Vec<Edit>) {
        self.revision = revision;
        for edit in edits {
            let key = match edit {
                Edit::Upsert(resource) => self.put(resource),
                Edit::Removal(key) => {
                    self.by_key.remove(&key);
                    self.deploying.remove(&key);
                    Some(key)
                }
            };
            self.log.extend(key.map(|key| (revision, key)));
        }
        while self.log.len() > LOG_ENTRIES_MAX {
            if let Some((dropped, _)) = self.log.pop_front() {
                self.log_reaches = dropped;
            }
        }
    }

    /// What a node lacks that holds `base`, or nothing at all; `None`: it is up to date.
    pub fn update_for(&self, base: Option<u64>) -> Option<Update> {
        match base {
            Some(base) if base == self.revision => None,
            Some(base) if (self.log_reaches..self.revision).contains(&base) => Some(self.delta(base)),
            _ => Some(self.full()),
        }
    }

    pub fn full(&self) -> Update {
        let upserts = self.by_key.values().cloned().collect();
        Update { base_revision: 0, revision: self.revision, upserts, removals: Vec::new() }
    }

    /// These workspaces, these sessions with the workspaces that are active in them, this key with what it opens, and all
    /// providers; and the revision.
    pub fn part(&self, workspaces: &[Name], sessions: &[Name], key: Option<u64>) -> (u64, Vec<v1::Resource>) {
        let mut found: BTreeMap<&Key, &Arc<Sized>> = BTreeMap::new();
        let mut take = |key: Key| {
            let (key, sized) = self.by_key.get_key_value(&key)?;
            found.insert(key, sized);
            Some(&sized.resource)
        };
        let mut workspaces: Vec<String> = workspaces.iter().map(Name::to_string).collect();
        let mut sessions: Vec<String> = sessions.iter().map(Name::to_string).collect();
        let key = key.and_then(|id| take(Key::Virtual(id)));
        if let Some(v1::Resource { resource: Some(resource::Resource::Key(key)) }) = key {
            match &key.holder {
                Some(v1::virtual_key::Holder::Workspace(name)) => workspaces.push(name.clone()),
                Some(v1::virtual_key::Holder::Session(id)) => sessions.push(id.clone()),
                None => {}
            }
        }
        for name in workspaces {
            take(Key::Workspace(name));
        }
        for id in sessions {
            if let Some(v1::Resource { resource: Some(resource::Resource::Session(session)) }) = take(Key::Session(id))
            {
                take(Key::Workspace(session.active_workspace.clone()));
            }
        }
        let is_provider = |key: &&Key| matches!(key, Key::Provider(_));
        let providers = self.by_key.iter().take_while(|(key, _)| is_provider(key));
        found.extend(providers);
        (self.revision, found.into_values().map(|sized| sized.resource.clone()).collect())
    }

    /// The clusters that nodes may route to.
    pub fn cluster_names(&self) -> BTreeSet<String> {
        let providers = self.by_key.values().filter_map(|sized| match &sized.resource.resource {
            Some(resource::Resource::Provider(provider)) => Some(provider.cluster.clone()),
            _ => None,
        });
        providers.chain(self.sequences(&[]).into_iter().map(|spec| spec.name)).collect()
    }

    /// The clusters that deployments go through once these edits are applied.
    pub fn sequences(&self, edits: &[Edit]) -> Vec<ClusterSpec> {
        let edited: BTreeMap<Key, Option<&v1::Resource>> = edits.iter().filter_map(Edit::outcome).collect();
        let newest = |key: &Key| match edited.get(key) {
            Some(outcome) => *outcome,
            None => self.by_key.get(key).map(|sized| &sized.resource),
        };
        let cluster_of = |provider: &Name| match newest(&Key::Provider(provider.to_string()))?.resource.as_ref()? {
            resource::Resource::Provider(provider) => Some(provider.cluster.as_str()),
            _ => None,
        };
        let workspaces: BTreeSet<&Key> = self.deploying.iter().chain(edited.keys()).collect();
        let mut specs = BTreeMap::new();
        for key in workspaces {
            let Some(resource::Resource::Workspace(workspace)) =
                newest(key).and_then(|resource| resource.resource.as_ref())
            else {
                continue;
            };
            let v1::Workspace { models, deployments, .. } = workspace;
            // What does not convert is not routed by either.
            let models: Vec<_> = models.iter().filter_map(|own| own.clone().try_into().ok()).collect();
            let deployments: Vec<_> = deployments.iter().filter_map(|own| own.clone().try_into().ok()).collect();
            for sequence in mux::config::sequences(&models, &deployments, cluster_of) {
                let spec = ClusterSpec::sequence(&sequence);
                specs.insert(spec.name.clone(), spec);
            }
        }
        specs.into_values().collect()
    }

    fn delta(&self, base: u64) -> Update {
        let changed: BTreeSet<&Key> =
            self.log.iter().rev().take_while(|(revision, _)| *revision > base).map(|(_, key)| key).collect();
        let (mut upserts, mut removals) = (Vec::new(), Vec::new());
        for key in changed {
            match self.by_key.get(key) {
                Some(resource) => upserts.push(Arc::clone(resource)),
                None => removals.push(key.clone()),
            }
        }
        Update { base_revision: base, revision: self.revision, upserts, removals }
    }

    fn put(&mut self, resource: v1::Resource) -> Option<Key> {
        let key = key_of(&resource)?;
        let encoded_bytes = prost::Message::encoded_len(&resource);
        match &resource.resource {
            Some(resource::Resource::Workspace(workspace)) if !workspace.deployments.is_empty() => {
                self.deploying.insert(key.clone());
            }
            _ => _ = self.deploying.remove(&key),
        }
        self.by_key.insert(key.clone(), Arc::new(Sized { resource, encoded_bytes }));
        Some(key)
    }
}

impl Update {
    /// The messages that carry this update. There is always at least one; the last says so.
    pub fn into_chunks(self, store_id: &str) -> Vec<v1::SubscribeResponse> {
        let Self { base_revision, revision, upserts, removals } = self;
        let empty = || v1::SubscribeResponse {
            store_id: store_id.to_owned(),
            base_revision,
            revision,
            last_chunk: false,
            upserts: Vec::new(),
            removals: Vec::new(),
        };
        let overhead = prost::Message::encoded_len(&empty()) + MESSAGE_OVERHEAD_BYTES;
        let mut chunks = vec![empty()];
        let mut room = CHUNK_BYTES_MAX.saturating_sub(overhead);
        let mut place = |encoded_bytes: usize, put: &mut dyn FnMut(&mut v1::SubscribeResponse)| {
            let needed = encoded_bytes + FIELD_OVERHEAD_BYTES;
            let is_empty = chunks.last().is_none_or(|chunk| chunk.upserts.is_empty() && chunk.removals.is_empty());
            if needed > room && !is_empty {
                chunks.push(empty());
                room = CHUNK_BYTES_MAX.saturating_sub(overhead);
            }
            room = room.saturating_sub(needed);
            chunks.last_mut().into_iter().for_each(put);
        };
        for key in removals {
            let name = name_of(key);
            place(prost::Message::encoded_len(&name), &mut |chunk| chunk.removals.push(name.clone()));
        }
        for sized in upserts {
            place(sized.encoded_bytes, &mut |chunk| chunk.upserts.push(sized.resource.clone()));
        }
        if let Some(last) = chunks.last_mut() {
            last.last_chunk = true;
        }
        chunks
    }

    /// The whole update in one message, credentials masked: for people.
    pub fn into_masked(self, store_id: &str) -> v1::SubscribeResponse {
        let Self { base_revision, revision, upserts, removals } = self;
        v1::SubscribeResponse {
            store_id: store_id.to_owned(),
            base_revision,
            revision,
            last_chunk: true,
            upserts: upserts.iter().map(|sized| masked(sized.resource.clone())).collect(),
            removals: removals.into_iter().map(name_of).collect(),
        }
    }
}

/// Tag and length of one element of a repeated field.
const FIELD_OVERHEAD_BYTES: usize = 8;
/// Tag and value of `last_chunk`.
const MESSAGE_OVERHEAD_BYTES: usize = 2;

fn key_of(resource: &v1::Resource) -> Option<Key> {
    Some(match resource.resource.as_ref()? {
        resource::Resource::Workspace(workspace) => Key::Workspace(workspace.name.clone()),
        resource::Resource::Session(session) => Key::Session(session.id.clone()),
        resource::Resource::Provider(provider) => Key::Provider(provider.name.clone()),
        resource::Resource::Key(key) => Key::Virtual(key.id),
    })
}

fn name_of(key: Key) -> v1::ResourceName {
    let name = match key {
        Key::Workspace(name) => resource_name::Name::Workspace(name),
        Key::Session(name) => resource_name::Name::Session(name),
        Key::Provider(name) => resource_name::Name::Provider(name),
        Key::Virtual(id) => resource_name::Name::Key(id),
    };
    v1::ResourceName { name: Some(name) }
}

/// Stands for what people do not see.
const MASK: &str = "***";

fn masked(mut resource: v1::Resource) -> v1::Resource {
    match &mut resource.resource {
        Some(resource::Resource::Provider(v1::Provider { auth: Some(auth), .. })) if !auth.api_key.is_empty() => {
            auth.api_key = MASK.to_owned();
        }
        Some(resource::Resource::Key(key)) => {
            let hashes = [&mut key.hash, &mut key.previous_hash].into_iter().filter(|hash| !hash.is_empty());
            hashes.for_each(|hash| *hash = MASK.as_bytes().to_vec());
        }
        _ => {}
    }
    resource
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str, rules: usize) -> v1::Resource {
        let rule = v1::Rule { name: "r".repeat(100), target: "p/m".to_owned(), ..Default::default() };
        let workspace = v1::Workspace { name: name.to_owned(), rules: vec![rule; rules], ..Default::default() };
        v1::Resource { resource: Some(resource::Resource::Workspace(workspace)) }
    }

    fn names(update: &Update) -> (Vec<String>, Vec<Key>) {
        let upserts = update.upserts.iter().map(|sized| match key_of(&sized.resource).unwrap() {
            Key::Workspace(name) | Key::Session(name) | Key::Provider(name) => name,
            Key::Virtual(id) => id.to_string(),
        });
        (upserts.collect(), update.removals.clone())
    }

    #[test]
    fn a_delta_holds_each_change_since_the_base_once() {
        let mut resources = Resources::new(5, [workspace("a", 1), workspace("b", 1)]);
        resources.apply(6, vec![Edit::Upsert(workspace("a", 2))]);
        resources.apply(7, vec![Edit::Upsert(workspace("a", 3)), Edit::Upsert(workspace("c", 1))]);
        resources.apply(8, vec![Edit::Removal(Key::Workspace("b".to_owned()))]);
        let gone = vec![Key::Workspace("b".to_owned())];

        let update = resources.update_for(Some(5)).unwrap();
        assert_eq!((update.base_revision, update.revision), (5, 8));
        assert_eq!(names(&update), (vec!["a".to_owned(), "c".to_owned()], gone.clone()));
        let update = resources.update_for(Some(7)).unwrap();
        assert_eq!(names(&update), (vec![], gone));
        assert!(resources.update_for(Some(8)).is_none());
    }

    #[test]
    fn what_the_log_does_not_reach_is_a_full_state() {
        let mut resources = Resources::new(5, [workspace("a", 1)]);
        resources.apply(6, vec![Edit::Upsert(workspace("b", 1))]);
        for base in [None, Some(0), Some(4), Some(7)] {
            let update = resources.update_for(base).unwrap();
            assert_eq!((update.base_revision, update.revision), (0, 6), "{base:?}");
            assert_eq!(names(&update).0, ["a", "b"]);
        }
    }

    #[test]
    fn the_log_is_bounded() {
        let mut resources = Resources::new(1, []);
        let last = 2 + LOG_ENTRIES_MAX as u64;
        for revision in 2..=last {
            resources.apply(revision, vec![Edit::Upsert(workspace("a", 0))]);
        }
        assert_eq!(resources.log.len(), LOG_ENTRIES_MAX);
        assert_eq!(resources.update_for(Some(1)).unwrap().base_revision, 0);
        assert_eq!(resources.update_for(Some(2)).unwrap().base_revision, 2);
    }

    #[test]
    fn chunks_are_small_whole_and_end_once() {
        let all: Vec<_> = (0..100).map(|number| workspace(&format!("w{number:03}"), 300)).collect();
        let resources = Resources::new(3, all.clone());
        let chunks = resources.full().into_chunks("store");
        assert!(chunks.len() > 2);
        for chunk in &chunks {
            assert!(prost::Message::encoded_len(chunk) <= CHUNK_BYTES_MAX);
            assert_eq!((chunk.revision, chunk.base_revision, chunk.store_id.as_str()), (3, 0, "store"));
        }
        assert_eq!(chunks.iter().filter(|chunk| chunk.last_chunk).count(), 1);
        assert!(chunks.last().unwrap().last_chunk);
        let sent: Vec<_> = chunks.into_iter().flat_map(|chunk| chunk.upserts).collect();
        assert_eq!(sent, all);
    }

    #[test]
    fn a_huge_resource_travels_alone_and_an_empty_state_is_one_chunk() {
        let resources = Resources::new(1, [workspace("a", 1), workspace("b", 20_000), workspace("c", 1)]);
        let sizes: Vec<_> = resources.full().into_chunks("").iter().map(|chunk| chunk.upserts.len()).collect();
        assert_eq!(sizes, [1, 1, 1]);
        assert_eq!(Resources::new(1, []).full().into_chunks("").len(), 1);
    }

    #[test]
    fn people_do_not_see_keys() {
        let auth = v1::Auth { kind: v1::AuthKind::Bearer.into(), api_key: "sk-secret".to_owned() };
        let provider = v1::Provider { name: "p".to_owned(), auth: Some(auth), ..Default::default() };
        let resource = v1::Resource { resource: Some(resource::Resource::Provider(provider)) };
        let key = v1::VirtualKey { id: 7, hash: vec![1; 16], previous_hash: vec![2; 16], ..Default::default() };
        let key = v1::Resource { resource: Some(resource::Resource::Key(key)) };
        let fresh = v1::VirtualKey { id: 8, hash: vec![3; 16], ..Default::default() };
        let fresh = v1::Resource { resource: Some(resource::Resource::Key(fresh)) };
        let message = Resources::new(1, [resource, key, fresh]).full().into_masked("store");
        assert!(!format!("{message:?}").contains("sk-secret"));
        let hashes = message.upserts.iter().filter_map(|resource| match &resource.resource {
            Some(resource::Resource::Key(key)) => Some((key.hash.as_slice(), key.previous_hash.as_slice())),
            _ => None,
        });
        assert_eq!(hashes.collect::<Vec<_>>(), [(&b"***"[..], &b"***"[..]), (b"***", b"")]);
    }
}
