use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};

use mux::config::{Auth, Holder, Key as KeyConfig, KeyHash, Provider, Scopes, Workspace};
use mux::endpoint::address;
use mux::route::{Aim, Caller, Credentials, Request, caller};
use mux::snapshot::{Snapshot, Update};
use proto::v1;

use super::{Limits, Store, Unavailable, Versioned, Written};

/// What the workers of an Envoy share, with other writes in between at will.
#[derive(Clone, Debug, Default)]
struct Contended {
    held: Arc<Mutex<(Option<Versioned>, u64)>>,
    /// Writes that come too late before one does not.
    too_late: u64,
}

impl Store for Contended {
    fn read(&self, _: &str) -> Result<Option<Versioned>, Unavailable> {
        Ok(self.held.lock().unwrap().0.clone())
    }

    fn write(&self, _: &str, value: &[u8], version: Option<u32>) -> Result<Written, Unavailable> {
        let mut held = self.held.lock().unwrap();
        held.1 += 1;
        if held.0.as_ref().map(|(_, version)| *version) != version || held.1 <= self.too_late {
            return Ok(Written::TooLate);
        }
        held.0 = Some((value.to_vec(), version.unwrap_or(0) + 1));
        Ok(Written::Yes)
    }
}

#[derive(Debug)]
struct Gone;

impl Store for Gone {
    fn read(&self, _: &str) -> Result<Option<Versioned>, Unavailable> {
        Err(Unavailable)
    }

    fn write(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<Written, Unavailable> {
        Err(Unavailable)
    }
}

#[derive(Debug)]
struct Untouched;

impl Store for Untouched {
    fn read(&self, key: &str) -> Result<Option<Versioned>, Unavailable> {
        panic!("{key} is read")
    }

    fn write(&self, key: &str, _: &[u8], _: Option<u32>) -> Result<Written, Unavailable> {
        panic!("{key} is written")
    }
}

fn with_key(requests_per_minute: Option<u32>, tokens_per_minute: Option<u32>) -> Caller {
    let key = KeyConfig {
        id: 7,
        hash: KeyHash::of("vk_a"),
        previous: None,
        holder: Holder::Workspace("w".parse().unwrap()),
        expires_at_ms: None,
        scopes: Scopes::default(),
        requests_per_minute,
        tokens_per_minute,
    };
    let mut snapshot = Snapshot::default();
    let workspaces = vec![Workspace::new("w".parse().unwrap(), Vec::new())];
    snapshot.apply(Update { revision: 1, workspaces, keys: vec![key], ..Update::default() }).unwrap();
    let address = address("/v1/chat/completions").unwrap();
    let request = Request { address, workspace: None, session: None, headers: &[], body: b"" };
    caller(&snapshot, &request, Credentials::Key("vk_a"), 0).unwrap()
}

fn aim(requests_per_minute: Option<u32>) -> Aim {
    let provider = Provider {
        name: "p".parse().unwrap(),
        cluster: "c".into(),
        authority: "host".into(),
        base_path: "/v1".into(),
        auth: Auth::None,
        dialects: Box::default(),
        extensions: false,
        output_limits: Box::default(),
    };
    let (model, alias) = ("p/m".parse().unwrap(), Some("fast".parse().unwrap()));
    Aim { provider: Rc::new(provider), model, alias, requests_per_minute }
}

fn used(tokens: u64) -> v1::Attempt {
    let usage = v1::Usage { input_tokens: tokens - 1, output_tokens: 1, ..Default::default() };
    v1::Attempt { usage: Some(usage), ..Default::default() }
}

#[test]
fn no_limit_is_no_look() {
    let limits = Limits::new(Box::new(Untouched));
    assert_eq!(limits.admit(&with_key(None, None), &aim(None), 0).unwrap().headers(), []);
    let anonymous = Caller { key: None, ..with_key(None, None) };
    limits.admit(&anonymous, &aim(None), 0).unwrap();
}

#[test]
fn requests_pass_until_the_limit_and_again_when_there_is_room() {
    let (limits, caller) = (Limits::default(), with_key(Some(3), None));
    for (now_ms, remaining) in [(1_000, "2"), (2_000, "1"), (3_000, "0")] {
        let headers = limits.admit(&caller, &aim(None), now_ms).unwrap().headers();
        assert_eq!((headers[0].1.as_str(), headers[1].1.as_str()), ("3", remaining));
    }
    for _ in 0..5 {
        let exceeded = limits.admit(&caller, &aim(None), 4_000).unwrap_err();
        assert_eq!((exceeded.refusal.code.status(), exceeded.retry_after_s), (429, 58));
        assert_eq!(exceeded.standing.headers()[1], ("x-ratelimit-remaining-requests", "0".into()));
    }
    let passes = [61_249, 61_250, 61_251].map(|now_ms| limits.admit(&caller, &aim(None), now_ms).is_ok());
    assert_eq!(passes, [false, true, false], "what was refused used nothing up");
}

#[test]
fn a_models_limit_is_its_workspaces() {
    let (limits, caller) = (Limits::default(), with_key(Some(3), None));
    let elsewhere = {
        let mut snapshot = Snapshot::default();
        let workspaces = vec![Workspace::new("v".parse().unwrap(), Vec::new())];
        snapshot.apply(Update { revision: 1, workspaces, ..Update::default() }).unwrap();
        Caller { workspace: Rc::clone(snapshot.workspace("v").unwrap()), session: None, key: None }
    };
    limits.admit(&caller, &aim(Some(1)), 0).unwrap();
    let exceeded = limits.admit(&caller, &aim(Some(1)), 0).unwrap_err();
    assert!(exceeded.refusal.message.contains("`fast`"), "{exceeded:?}");
    limits.admit(&elsewhere, &aim(Some(1)), 0).unwrap();
    // The model's refusal used up nothing of the key.
    assert_eq!(limits.admit(&caller, &aim(None), 0).unwrap().headers()[1].1, "1");
}

#[test]
fn tokens_count_when_a_request_has_ended() {
    let (limits, caller) = (Limits::default(), with_key(None, Some(100)));
    let remaining = |now_ms| limits.admit(&caller, &aim(None), now_ms).map(|standing| standing.headers()[1].1.clone());
    assert_eq!(remaining(0).unwrap(), "100");
    limits.spend(7, &[used(40), used(20)], 1_000);
    assert_eq!(remaining(1_000).unwrap(), "40");
    limits.spend(7, &[used(70)], 31_000);
    let exceeded = remaining(32_000).unwrap_err();
    assert_eq!((exceeded.refusal.code.status(), exceeded.retry_after_s), (429, 30));
    assert_eq!(remaining(62_000).unwrap(), "30");
    limits.spend(7, &[], 62_000);
    limits.spend(7, &[used(u64::from(u32::MAX) * 2)], 62_000);
    assert!(remaining(62_000).is_err());
}

#[test]
fn others_that_write_first_do_not_lose_anybodys_request() {
    let store = Contended { too_late: 20, ..Contended::default() };
    let limits = Limits::new(Box::new(store.clone()));
    assert_eq!(limits.admit(&with_key(Some(2), None), &aim(None), 0).unwrap().headers()[1].1, "1");
    let hopeless = Limits::new(Box::new(Contended { too_late: u64::MAX, ..Contended::default() }));
    let exceeded = hopeless.admit(&with_key(Some(2), None), &aim(None), 0).unwrap_err();
    assert_eq!((exceeded.refusal.code.status(), exceeded.retry_after_s), (429, 1));
}

#[test]
fn a_store_that_is_gone_refuses_nobody() {
    let limits = Limits::new(Box::new(Gone));
    for _ in 0..3 {
        limits.admit(&with_key(Some(1), Some(1)), &aim(Some(1)), 0).unwrap();
    }
    limits.spend(7, &[used(9)], 0);
}

/// Ten minutes of four times the limit by four workers, who all ask at the same times and in no order.
#[test]
fn a_steady_overload_passes_what_is_allowed() {
    const LIMIT: u64 = 600;
    const WORKERS: u64 = 4;
    const MINUTES: u64 = 10;
    const MINUTE_MS: u64 = 60_000;
    /// Each worker asks as often as the limit allows to all of them together.
    const STEP_MS: usize = (MINUTE_MS / LIMIT) as usize;
    const START_MS: u64 = 1_700_000_000_123;
    let (store, together) = (Contended::default(), Arc::new(Barrier::new(WORKERS as usize)));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let (store, together) = (store.clone(), Arc::clone(&together));
            std::thread::spawn(move || {
                let (limits, caller) = (Limits::new(Box::new(store)), with_key(Some(600), None));
                let times = (0..MINUTES * MINUTE_MS).step_by(STEP_MS);
                let passes = |at_ms: &u64| {
                    together.wait();
                    limits.admit(&caller, &aim(None), START_MS + at_ms).is_ok()
                };
                times.filter(passes).collect::<Vec<u64>>()
            })
        })
        .collect();
    let mut passed: Vec<u64> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    passed.sort_unstable();
    let total = u64::try_from(passed.len()).unwrap();
    let mut minutes = vec![0; usize::try_from(MINUTES).unwrap()];
    for at_ms in &passed {
        minutes[usize::try_from(at_ms / MINUTE_MS).unwrap()] += 1;
    }
    let mut window = VecDeque::new();
    let mut most = 0;
    for at_ms in passed {
        window.push_back(at_ms);
        while window.front().is_some_and(|first| at_ms - first >= MINUTE_MS) {
            window.pop_front();
        }
        most = most.max(window.len());
    }
    println!("passed by minute: {minutes:?}, in all {total}, at most {most} within 60 s");
    assert_eq!(most, 600, "no 60 s hold more");
    assert!(minutes.iter().all(|passed| (594..=606).contains(passed)), "{minutes:?}");
}
