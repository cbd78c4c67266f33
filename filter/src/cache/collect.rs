//! An answer on its way to a client, collected to be kept when it is complete.

use mux::cache::{Gatherer, is_whole, without_identity};
use mux::dialect::Dialect;
use mux::usage::Usage;

use super::{ANSWER_BYTES_MAX, Room};

/// Gives its room back when it ends, however it ends.
#[derive(Debug)]
pub struct Collecting {
    dialect: Dialect,
    so_far: SoFar,
    room: Room,
    taken: usize,
    is_complete: bool,
}

#[derive(Debug)]
enum SoFar {
    Plain(Vec<u8>),
    Stream(Box<Gatherer>),
    /// It will not be kept.
    Nothing,
}

impl Collecting {
    pub fn new(dialect: Dialect, is_stream: bool, room: Room) -> Self {
        let so_far = if is_stream { SoFar::Stream(Box::new(Gatherer::new(dialect))) } else { SoFar::Plain(Vec::new()) };
        Self { dialect, so_far, room, taken: 0, is_complete: false }
    }

    /// The next piece in the client's dialect, and whether it is the last.
    pub fn push(&mut self, piece: &[u8], is_last: bool) {
        self.is_complete |= is_last;
        let held = match &mut self.so_far {
            SoFar::Plain(body) if body.len() + piece.len() > ANSWER_BYTES_MAX => None,
            SoFar::Plain(body) => {
                body.extend_from_slice(piece);
                Some(body.len())
            }
            SoFar::Stream(gatherer) => {
                gatherer.push(piece);
                Some(gatherer.held_bytes()).filter(|held| gatherer.is_hopeful() && *held <= ANSWER_BYTES_MAX)
            }
            SoFar::Nothing => return,
        };
        let more = held.map(|held| held.saturating_sub(self.taken));
        match more {
            Some(more) if self.room.take(more) => self.taken += more,
            _ => self.give_up(),
        }
    }

    pub fn give_up(&mut self) {
        self.so_far = SoFar::Nothing;
        self.room.give_back(std::mem::take(&mut self.taken));
    }

    /// The plain answer, if it is complete and no error.
    pub fn finish(mut self, usage: Option<&Usage>) -> Option<Vec<u8>> {
        let so_far = std::mem::replace(&mut self.so_far, SoFar::Nothing);
        let body = match so_far {
            _ if !self.is_complete => return None,
            SoFar::Plain(body) => Some(body).filter(|body| is_whole(self.dialect, body)),
            SoFar::Stream(gatherer) => gatherer.finish(usage),
            SoFar::Nothing => None,
        };
        body.map(|body| without_identity(self.dialect, body))
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}
