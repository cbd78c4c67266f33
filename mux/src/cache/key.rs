//! By what an answer is found: a digest over everything that decides it.

use std::borrow::Cow;

use memchr::memchr2;
use sha2::{Digest, Sha256};

use super::VOLATILE;
use crate::config::Name;
use crate::endpoint::Endpoint;
use crate::json::{Cursor, Error, Kind};
use crate::route::Tries;

/// Sets these digests apart from all others, and from those over other members.
const DOMAIN: &[u8] = b"muxspace response cache 1";

/// SHA-256.
pub type Key = [u8; 32];

/// What decides an answer besides the body.
#[derive(Debug)]
pub struct Origin<'a> {
    pub workspace: &'a Name,
    /// Sets workspaces apart that have or had one name.
    pub epoch: u64,
    pub endpoint: Endpoint,
    /// None: the first target alone.
    pub deployment: Option<&'a str>,
    pub tries: &'a Tries,
    /// The workspace's and the rule's.
    pub instructions: [&'a str; 2],
    /// Of the client's path, with its `?`.
    pub query: &'a str,
    /// Headers of the client's that reach the provider and mean something to it.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// A request that may be answered with what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub key: Key,
    /// Whether a stream is to tell its usage; only a client of Chat Completions says so.
    pub include_usage: bool,
}

/// The key of a request; none: its answer is drawn by chance, wanted more than once, or no function of the request.
pub fn ask(origin: &Origin, body: &[u8]) -> Option<Asked> {
    let Body { mut members, include_usage } = Body::read(body)?;
    // Those of one name keep their order: which of them holds is the provider's to say.
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    let Origin { workspace, epoch, endpoint, deployment, tries, instructions, query, headers } = origin;
    let mut hash = Sha256::new();
    put(&mut hash, DOMAIN);
    put(&mut hash, workspace.as_str().as_bytes());
    hash.update(epoch.to_le_bytes());
    put(&mut hash, endpoint.path().as_bytes());
    match deployment {
        Some(name) => {
            put(&mut hash, b"deployment");
            put(&mut hash, name.as_bytes());
        }
        None => {
            put(&mut hash, b"model");
            put(&mut hash, tries.first.model.provider.as_str().as_bytes());
            put(&mut hash, tries.first.model.id.as_bytes());
        }
    }
    instructions.iter().for_each(|text| put(&mut hash, text.as_bytes()));
    put(&mut hash, query.as_bytes());
    count(&mut hash, headers.len());
    for (name, value) in *headers {
        put(&mut hash, name.as_bytes());
        put(&mut hash, value);
    }
    count(&mut hash, members.len());
    for (name, digest) in members {
        put(&mut hash, &name);
        hash.update(digest);
    }
    Some(Asked { key: hash.finalize().into(), include_usage })
}

/// Lengths in front keep what follows each other apart.
fn put(hash: &mut Sha256, bytes: &[u8]) {
    count(hash, bytes.len());
    hash.update(bytes);
}

fn count(hash: &mut Sha256, number: usize) {
    hash.update((number as u64).to_le_bytes());
}

struct Body<'a> {
    /// Names, and digests of what they hold; without the volatile ones.
    members: Vec<(Cow<'a, [u8]>, Key)>,
    include_usage: bool,
}

impl<'a> Body<'a> {
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let (mut members, mut include_usage, mut is_settled) = (Vec::new(), false, true);
        let read = cursor.members::<Error>(|cursor, name| {
            let kind = cursor.kind()?;
            let span = cursor.skip()?;
            let value = cursor.raw(&span);
            is_settled &= settles(&name, kind, value);
            if *name == *b"stream_options" && kind == Kind::Object {
                include_usage = asks_for_usage(value)?;
            }
            if !VOLATILE.contains(&&*name) {
                let mut hash = Sha256::new();
                compact(value, |piece| hash.update(piece));
                members.push((name, hash.finalize().into()));
            }
            Ok(())
        });
        read.ok().filter(|_| is_settled)?;
        cursor.finish().ok()?;
        Some(Self { members, include_usage })
    }
}

/// Whether a member leaves the answer one and the same.
fn settles(name: &[u8], kind: Kind, value: &[u8]) -> bool {
    let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<f64>().ok());
    match name {
        _ if kind == Kind::Null => true,
        b"temperature" => kind == Kind::Number && number() == Some(0.0),
        b"n" => kind == Kind::Number && number() == Some(1.0),
        // Goes on where the provider's own state has got to.
        b"conversation" => false,
        // Is answered before there is an answer.
        b"background" => kind == Kind::False,
        _ => true,
    }
}

fn asks_for_usage(options: &[u8]) -> Result<bool, Error> {
    let mut asks = false;
    Cursor::new(options).object::<Error>(|cursor, name| {
        let kind = cursor.kind()?;
        cursor.skip()?;
        if *name == *b"include_usage" {
            asks = kind == Kind::True;
        }
        Ok(())
    })?;
    Ok(asks)
}

/// A checked JSON value without the white space that means nothing, piece by piece.
fn compact<'a>(value: &'a [u8], mut piece: impl FnMut(&'a [u8])) {
    let mut rest = value;
    while !rest.is_empty() {
        let outside = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
        let (before, string) = rest.split_at(outside);
        before.split(u8::is_ascii_whitespace).filter(|run| !run.is_empty()).for_each(&mut piece);
        let (string, after) = string.split_at(string_end(string));
        if !string.is_empty() {
            piece(string);
        }
        rest = after;
    }
}

/// Bytes of the string that `text` begins with, quotes included.
fn string_end(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if text.get(at - 1) == Some(&b'"') {
            return at;
        }
        at += 1;
    }
    text.len()
}
