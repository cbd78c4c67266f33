//! That a key opens what it is for and nothing else: every scope, endpoint, model and workspace against a table of what
//! should come of it.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::{Credentials, InOrder, Request, caller, decide, models};
use crate::config::{
    Access, Auth, Breaker, Collection, CollectionModel, Deployment, DeploymentTarget, Holder, Key, KeyHash, Policy,
    Provider, Rule, Scope, Scopes, Session, Target, When, Workspace,
};
use crate::dialect::Dialect;
use crate::endpoint::{Endpoint, address};
use crate::refusal::Code;
use crate::snapshot::{Snapshot, Update};

/// A scope over endpoints, models or deployments: all, none, or the one that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    All,
    None,
    One,
}

impl Held {
    const ALL: [Self; 3] = [Self::All, Self::None, Self::One];

    fn scope(self, name: &str) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::None => Scope::Only(Box::default()),
            Self::One => Scope::Only(Box::new([name.into()])),
        }
    }

    fn holds_one(self) -> bool {
        self != Self::None
    }
}

/// Endpoints, whether a scope of `chat/completions` alone holds them, and a body that names `@`.
const ENDPOINTS: [(&str, bool, &str); 7] = [
    ("chat/completions", true, r#"{"model":"@","messages":[]}"#),
    ("completions", false, r#"{"model":"@","prompt":"p"}"#),
    ("embeddings", false, r#"{"model":"@","input":"p"}"#),
    ("responses", false, r#"{"model":"@","input":"p"}"#),
    ("messages", false, r#"{"model":"@","max_tokens":1,"messages":[]}"#),
    ("messages/count_tokens", false, r#"{"model":"@","messages":[]}"#),
    ("models", true, ""),
];

/// What a client names, and what that is.
const NAMES: [(&str, Kind); 12] = [
    ("alpha-one", Kind::Model { is_scoped: true }),
    ("alpha-two", Kind::Model { is_scoped: false }),
    ("alpha-off", Kind::Off),
    ("alpha-pool", Kind::Deployment { is_scoped: true }),
    ("alpha-spare", Kind::Deployment { is_scoped: false }),
    // The rules of the key's workspace lead to the model that is in scope.
    ("mux", Kind::Model { is_scoped: true }),
    ("shared/m-one", Kind::Full { is_scoped: true }),
    ("shared/m-two", Kind::Full { is_scoped: false }),
    ("shared/m-beta", Kind::Full { is_scoped: false }),
    ("beta-one", Kind::Unknown),
    ("beta-pool", Kind::Unknown),
    ("no-such", Kind::Unknown),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Model {
        is_scoped: bool,
    },
    Deployment {
        is_scoped: bool,
    },
    /// `provider/model`, which only an open workspace takes.
    Full {
        is_scoped: bool,
    },
    Off,
    Unknown,
}

/// Where a request says that it belongs, and whether that is what the key opens.
#[derive(Clone, Copy, Debug)]
struct Where {
    prefix: &'static str,
    workspace: Option<&'static str>,
    session: Option<&'static str>,
    /// To a key of workspace `alpha`, and to one of session `alpha-session`.
    is_own: [bool; 2],
}

const fn place(prefix: &'static str, workspace: &'static str, session: &'static str, is_own: [bool; 2]) -> Where {
    let workspace = if workspace.is_empty() { None } else { Some(workspace) };
    let session = if session.is_empty() { None } else { Some(session) };
    Where { prefix, workspace, session, is_own }
}

const PLACES: [Where; 14] = [
    place("", "", "", [true, true]),
    place("/w/alpha", "", "", [true, true]),
    place("", "Alpha", "", [true, true]),
    place("/s/alpha-session", "", "", [false, true]),
    place("", "", "alpha-session", [false, true]),
    place("/w/beta", "", "", [false, false]),
    place("", "beta", "", [false, false]),
    place("/s/beta-session", "", "", [false, false]),
    place("", "", "beta-session", [false, false]),
    place("/w/nowhere", "", "", [false, false]),
    place("", "nowhere", "", [false, false]),
    place("/s/nowhere", "", "", [false, false]),
    // One of them right does not make up for the other.
    place("/w/alpha", "beta", "", [false, false]),
    place("/w/alpha", "", "default", [false, false]),
];

fn model(alias: &str, model: &str, enabled: bool) -> CollectionModel {
    let (alias, model) = (alias.parse().unwrap(), model.parse().unwrap());
    CollectionModel { alias, model, enabled, requests_per_minute: None }
}

fn deployment(name: &str, alias: &str) -> Deployment {
    Deployment {
        name: name.parse().unwrap(),
        policy: Policy::Ordered,
        targets: vec![DeploymentTarget { alias: alias.parse().unwrap(), weight: 1 }],
        retry_on: Vec::new(),
        try_timeout_ms: 0,
        breaker: Breaker::default(),
        cache_ttl_s: None,
    }
}

fn key(id: u64, holder: Holder, [endpoints, models, deployments]: [Held; 3]) -> Key {
    Key {
        id,
        hash: KeyHash::of(&text_of(id)),
        previous: None,
        holder,
        expires_at_ms: None,
        scopes: Scopes {
            endpoints: endpoints.scope("chat/completions"),
            models: models.scope("alpha-one"),
            deployments: deployments.scope("alpha-pool"),
        },
        requests_per_minute: None,
        tokens_per_minute: None,
    }
}

fn text_of(id: u64) -> String {
    format!("vk_{id}")
}

/// Two workspaces that share a provider, a session in each, and these keys of the first.
fn snapshot(is_open: bool, keys: Vec<Key>) -> Snapshot {
    let workspace = |name: &str, target: &str, models: Vec<CollectionModel>, deployments: Vec<Deployment>| {
        let target = Target::Named(target.parse().unwrap());
        let rules = vec![Rule::new(format!("{name}-rule"), When::default(), target)];
        let collection = Collection { is_open, models };
        let access = Access::KeyOnly;
        Workspace { collection, deployments, access, ..Workspace::new(name.parse().unwrap(), rules) }
    };
    let alpha = workspace(
        "alpha",
        "alpha-one",
        vec![
            model("alpha-one", "shared/m-one", true),
            model("alpha-two", "shared/m-two", true),
            model("alpha-off", "shared/m-off", false),
        ],
        vec![deployment("alpha-pool", "alpha-two"), deployment("alpha-spare", "alpha-one")],
    );
    let beta = workspace(
        "beta",
        "beta-one",
        vec![model("beta-one", "shared/m-beta", true)],
        vec![deployment("beta-pool", "beta-one")],
    );
    let provider = Provider {
        name: "shared".parse().unwrap(),
        cluster: "c".into(),
        authority: "host".into(),
        base_path: "/v1".into(),
        auth: Auth::None,
        dialects: [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Completions, Dialect::Embeddings]
            .into(),
        extensions: false,
        output_limits: Box::default(),
    };
    let session =
        |id: &str, active: &str| Session { id: id.parse().unwrap(), active_workspace: active.parse().unwrap() };
    let update = Update {
        revision: 1,
        workspaces: vec![alpha, beta],
        sessions: vec![session("alpha-session", "alpha"), session("beta-session", "beta"), session("default", "beta")],
        providers: vec![provider],
        keys,
        ..Update::default()
    };
    let mut snapshot = Snapshot::default();
    snapshot.apply(update).unwrap();
    snapshot
}

/// What should come of a request, without a look at how it is found out; none: it is served.
fn expected(
    is_own: bool,
    is_endpoint_held: bool,
    is_open: bool,
    [models, deployments]: [Held; 2],
    kind: Kind,
) -> Option<Code> {
    if !is_own || !is_endpoint_held {
        return Some(Code::NotAllowed);
    }
    let of_scope = |held: Held, is_scoped: bool| match held {
        Held::All => None,
        Held::One if is_scoped => None,
        Held::One | Held::None => Some(Code::NotAllowed),
    };
    match kind {
        Kind::Model { is_scoped } => of_scope(models, is_scoped),
        Kind::Deployment { is_scoped } => of_scope(deployments, is_scoped),
        Kind::Full { is_scoped } if is_open => of_scope(models, is_scoped),
        Kind::Full { .. } | Kind::Unknown => Some(Code::ModelNotFound),
        Kind::Off => Some(Code::NotAllowed),
    }
}

/// What the list of models should hold.
fn expected_models([models, deployments]: [Held; 2]) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut add = |is_there: bool, name| names.extend(is_there.then_some(name));
    add(models.holds_one(), "mux");
    add(models.holds_one(), "alpha-one");
    add(deployments.holds_one(), "alpha-pool");
    add(deployments == Held::All, "alpha-spare");
    add(models == Held::All, "alpha-two");
    names
}

/// Asserts that a text has nothing of the other workspace but what the client said itself.
fn assert_silent(text: &str, said: &[&str], cell: &str) {
    let mut text = text.to_owned();
    for own in said.iter().filter(|own| !own.is_empty()) {
        text = text.replace(own, "");
    }
    for foreign in ["beta", "nowhere"] {
        assert!(!text.contains(foreign), "{cell}: {text}");
    }
}

#[test]
fn a_key_opens_what_it_is_for_and_nothing_else() {
    let mut cells = 0;
    let mut served = 0;
    for is_open in [false, true] {
        for (holder, own) in
            [(Holder::Workspace("alpha".parse().unwrap()), 0), (Holder::Session("alpha-session".parse().unwrap()), 1)]
        {
            let scopes = Held::ALL.map(|one| Held::ALL.map(|two| Held::ALL.map(|three| [one, two, three])));
            let scopes: Vec<[Held; 3]> = scopes.into_iter().flatten().flatten().collect();
            let keys = scopes.iter().zip(0..).map(|(scopes, id)| key(id, holder.clone(), *scopes)).collect();
            let snapshot = snapshot(is_open, keys);
            for (scopes, id) in scopes.into_iter().zip(0..) {
                let cell = Cell { snapshot: &snapshot, is_open, key: text_of(id), scopes };
                for place in PLACES {
                    let (one, other) = cell.check_all(place, place.is_own[own]);
                    cells += one;
                    served += other;
                }
            }
        }
    }
    println!("{cells} cells, {served} of them served");
    assert!(served > 0 && served < cells);
}

struct Cell<'a> {
    snapshot: &'a Snapshot,
    is_open: bool,
    key: String,
    scopes: [Held; 3],
}

impl Cell<'_> {
    /// Every endpoint with every name: how many that are, and how many were served.
    fn check_all(&self, place: Where, is_own: bool) -> (usize, usize) {
        let [endpoints, models, deployments] = self.scopes;
        let mut counts = (0, 0);
        for (endpoint, is_scoped, body) in ENDPOINTS {
            let path = format!("{}/v1/{endpoint}", place.prefix);
            let is_held = endpoint == "models" || endpoints == Held::All || (endpoints == Held::One && is_scoped);
            if endpoint == "models" {
                counts.0 += 1;
                counts.1 += usize::from(self.check_list(&path, place, is_own));
                continue;
            }
            for (name, kind) in NAMES {
                let expected = expected(is_own, is_held, self.is_open, [models, deployments], kind);
                let what = format!("{:?} {} {place:?} {path} {name}", self.scopes, self.is_open);
                let body = body.replace('@', name);
                let request = Request {
                    address: address(&path).unwrap(),
                    workspace: place.workspace,
                    session: place.session,
                    headers: &[],
                    body: body.as_bytes(),
                };
                let decided = caller(self.snapshot, &request, Credentials::Key(&self.key), 0).and_then(|caller| {
                    assert_eq!(caller.workspace.name.as_str(), "alpha", "{what}");
                    decide(self.snapshot, &caller, &request, &mut InOrder)
                });
                counts.0 += 1;
                match decided {
                    Ok(_) => {
                        assert_eq!(expected, None, "{what}");
                        counts.1 += 1;
                    }
                    Err(refusal) => {
                        assert_eq!(Some(refusal.code), expected, "{what}: {}", refusal.message);
                        assert_silent(&refusal.message, &[name], &what);
                    }
                }
            }
        }
        counts
    }

    /// Whether the list was given, which holds what it should.
    fn check_list(&self, path: &str, place: Where, is_own: bool) -> bool {
        let [_, models_held, deployments_held] = self.scopes;
        let what = format!("{:?} {} {place:?} {path}", self.scopes, self.is_open);
        let address = address(path).unwrap();
        assert_eq!(address.endpoint, Endpoint::Models);
        let (workspace, session) = (place.workspace, place.session);
        let request = Request { address, workspace, session, headers: &[], body: b"" };
        match caller(self.snapshot, &request, Credentials::Key(&self.key), 0) {
            Ok(caller) => {
                assert!(is_own, "{what}");
                let names = models(self.snapshot, &caller);
                assert_eq!(names, expected_models([models_held, deployments_held]), "{what}");
                true
            }
            Err(refusal) => {
                assert_eq!((is_own, refusal.code), (false, Code::NotAllowed), "{what}");
                assert_silent(&refusal.message, &[], &what);
                false
            }
        }
    }
}

#[test]
fn what_is_elsewhere_is_refused_in_the_same_words() {
    let holder = Holder::Workspace("alpha".parse().unwrap());
    let snapshot = snapshot(false, vec![key(0, holder, [Held::All; 3])]);
    let refusals: Vec<_> = PLACES
        .iter()
        .filter(|place| !place.is_own[0])
        .map(|Where { prefix, workspace, session, .. }| {
            let path = format!("{prefix}/v1/models");
            let (workspace, session) = (*workspace, *session);
            let request = Request { address: address(&path).unwrap(), workspace, session, headers: &[], body: b"" };
            caller(&snapshot, &request, Credentials::Key("vk_0"), 0).unwrap_err()
        })
        .collect();
    assert!(refusals.len() > 5 && refusals.windows(2).all(|pair| pair[0] == pair[1]), "{refusals:?}");
}

#[test]
fn a_key_that_is_none_opens_nothing_at_all() {
    let holder = |name: &str| Holder::Session(name.parse().unwrap());
    let rotated =
        Key { previous: Some((KeyHash::of("vk_old"), 50)), ..key(1, holder("alpha-session"), [Held::All; 3]) };
    let expiring = Key { expires_at_ms: Some(40), ..key(2, holder("alpha-session"), [Held::All; 3]) };
    let lost = key(3, holder("gone"), [Held::All; 3]);
    let mut snapshot = snapshot(false, vec![rotated, expiring, lost]);
    let open = Workspace::new("open".parse().unwrap(), Vec::new());
    let session = Session { id: "default".parse().unwrap(), active_workspace: open.name.clone() };
    let update =
        Update { base_revision: 1, revision: 2, workspaces: vec![open], sessions: vec![session], ..Update::default() };
    snapshot.apply(update).unwrap();
    for (credentials, now_ms, expected) in [
        (Credentials::None, 0, Ok(("open", Some("default")))),
        (Credentials::Key("vk_1"), 60, Ok(("alpha", Some("alpha-session")))),
        (Credentials::Key("vk_old"), 49, Ok(("alpha", Some("alpha-session")))),
        (Credentials::Key("vk_old"), 50, Err(Code::InvalidApiKey)),
        (Credentials::Key("vk_2"), 39, Ok(("alpha", Some("alpha-session")))),
        (Credentials::Key("vk_2"), 40, Err(Code::InvalidApiKey)),
        (Credentials::Key("vk_3"), 0, Err(Code::NotAllowed)),
        (Credentials::Key("vk_9"), 0, Err(Code::InvalidApiKey)),
        (Credentials::Unusable, 0, Err(Code::InvalidApiKey)),
    ] {
        let address = address("/v1/models").unwrap();
        let request = Request { address, workspace: None, session: None, headers: &[], body: b"" };
        let outcome = caller(&snapshot, &request, credentials, now_ms);
        let outcome = outcome
            .as_ref()
            .map(|caller| (caller.workspace.name.as_str(), caller.session.as_ref().map(|id| id.as_str())));
        assert_eq!(outcome.map_err(|refusal| refusal.code), expected, "{credentials:?} at {now_ms}");
    }
}

#[test]
fn where_keys_are_needed_nothing_else_will_do() {
    let snapshot = snapshot(false, Vec::new());
    for path in ["/v1/models", "/w/alpha/v1/models", "/s/beta-session/v1/models"] {
        let request =
            Request { address: address(path).unwrap(), workspace: None, session: None, headers: &[], body: b"" };
        let refusal = caller(&snapshot, &request, Credentials::None, 0).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidApiKey);
        assert_silent(&refusal.message, &[], path);
        assert!(caller(&snapshot, &request, Credentials::Waived, 0).is_ok());
    }
}
