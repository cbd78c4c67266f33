//! What happened, on its way to the control server: a bounded queue, and one batch at a time until it is acked.
//!
//! A record leaves the VM's memory only when the server has committed it. What is sent twice is counted once, by its id.

use std::collections::VecDeque;

use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use proto::v1;

use crate::link::{Link, Wish};

/// Records that wait. Past it the oldest is dropped and counted.
pub const QUEUE_RECORDS_MAX: usize = 10_000;
/// Bytes of all records that wait.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;
/// Bytes of one batch; the first record of a batch may be larger.
pub const BATCH_BYTES_MAX: usize = 512 << 10;
/// A batch that is not acked by then is sent again on a new stream.
pub const ACK_TIMEOUT_MS: u64 = 30_000;

/// Field of `ReportBatch.requests`.
const REQUESTS_FIELD: u32 = 2;

/// Records that no batch holds yet, each as a field of a `ReportBatch`: encoded once.
#[derive(Debug, Default)]
pub struct Queue {
    records: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Dropped since the VM began.
    dropped: u64,
}

impl Queue {
    pub fn push(&mut self, record: &v1::RequestRecord) {
        let bytes = record.encoded_len();
        let mut field = Vec::with_capacity(bytes + 1 + encoded_len_varint(bytes as u64));
        encode_key(REQUESTS_FIELD, WireType::LengthDelimited, &mut field);
        encode_varint(bytes as u64, &mut field);
        record.encode_raw(&mut field);
        self.bytes += field.len();
        self.records.push_back(field.into_boxed_slice());
        while self.records.len() > QUEUE_RECORDS_MAX || self.bytes > QUEUE_BYTES_MAX {
            self.pop();
            self.dropped += 1;
        }
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        let record = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(record.len());
        Some(record)
    }

    /// Moves records behind `message`, until it is large enough. Returns how many.
    fn drain_into(&mut self, message: &mut Vec<u8>) -> usize {
        let mut records = 0;
        while let Some(next) = self.records.front() {
            if records > 0 && message.len() + next.len() > BATCH_BYTES_MAX {
                break;
            }
            let Some(record) = self.pop() else { break };
            message.extend_from_slice(&record);
            records += 1;
        }
        records
    }
}

#[derive(Debug)]
pub struct Reporter {
    link: Link,
    sequence: u64,
    in_flight: Option<InFlight>,
    dropped_told: u64,
}

/// A batch that is not acked.
#[derive(Debug)]
struct InFlight {
    sequence: u64,
    records: usize,
    /// A `ReportBatch`.
    message: Vec<u8>,
    sent_at_ms: u64,
    /// Whether this stream has it; after a break it must be sent again.
    is_sent: bool,
}

impl Reporter {
    pub fn new(seed: u64) -> Self {
        Self { link: Link::new(seed), sequence: 0, in_flight: None, dropped_told: 0 }
    }

    /// Records that a batch holds.
    pub fn in_flight(&self) -> usize {
        self.in_flight.as_ref().map_or(0, |in_flight| in_flight.records)
    }

    pub fn owns(&self, token: u32) -> bool {
        self.link.token() == Some(token)
    }

    pub fn tick(&mut self, queue: &mut Queue, now_ms: u64) -> Option<Wish> {
        let has_work = self.in_flight.is_some() || !queue.is_empty();
        match self.link.token() {
            None => (has_work && self.link.is_due(now_ms)).then_some(Wish::Open),
            Some(token) if self.is_overdue(now_ms) => {
                self.lost(now_ms);
                Some(Wish::Cancel { token })
            }
            Some(_) => self.send(queue, now_ms),
        }
    }

    pub fn opened(&mut self, queue: &mut Queue, token: u32, now_ms: u64) -> Option<Wish> {
        self.link.opened(token);
        self.send(queue, now_ms)
    }

    /// An ack has come. Returns the next batch.
    pub fn message(&mut self, queue: &mut Queue, message: &[u8], now_ms: u64) -> Option<Wish> {
        let Ok(v1::ReportAck { sequence }) = v1::ReportAck::decode(message) else { return None };
        self.link.heard();
        if self.in_flight.as_ref().is_some_and(|in_flight| in_flight.sequence == sequence) {
            self.in_flight = None;
        }
        self.send(queue, now_ms)
    }

    pub fn lost(&mut self, now_ms: u64) -> u64 {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.is_sent = false;
        }
        self.link.lost(now_ms)
    }

    fn is_overdue(&self, now_ms: u64) -> bool {
        self.in_flight
            .as_ref()
            .is_some_and(|in_flight| in_flight.is_sent && now_ms.saturating_sub(in_flight.sent_at_ms) > ACK_TIMEOUT_MS)
    }

    fn send(&mut self, queue: &mut Queue, now_ms: u64) -> Option<Wish> {
        let token = self.link.token()?;
        if self.in_flight.is_none() && !queue.is_empty() {
            self.sequence += 1;
            let dropped = queue.dropped().saturating_sub(self.dropped_told);
            self.dropped_told = queue.dropped();
            let batch = v1::ReportBatch { sequence: self.sequence, requests: Vec::new(), dropped };
            let mut message = batch.encode_to_vec();
            let records = queue.drain_into(&mut message);
            let sequence = self.sequence;
            self.in_flight = Some(InFlight { sequence, records, message, sent_at_ms: now_ms, is_sent: false });
        }
        let in_flight = self.in_flight.as_mut().filter(|in_flight| !in_flight.is_sent)?;
        in_flight.is_sent = true;
        in_flight.sent_at_ms = now_ms;
        Some(Wish::Send { token, message: in_flight.message.clone() })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use proto::v1;

    use super::{ACK_TIMEOUT_MS, BATCH_BYTES_MAX, QUEUE_BYTES_MAX, QUEUE_RECORDS_MAX, Queue, Reporter};
    use crate::link::Wish;

    fn record(id: usize, bytes: usize) -> v1::RequestRecord {
        v1::RequestRecord { request_id: id.to_string(), requested_model: "m".repeat(bytes), ..Default::default() }
    }

    fn sent(wish: Option<Wish>) -> v1::ReportBatch {
        let Some(Wish::Send { message, .. }) = wish else { panic!("{wish:?}") };
        v1::ReportBatch::decode(message.as_slice()).unwrap()
    }

    fn ack(sequence: u64) -> Vec<u8> {
        v1::ReportAck { sequence }.encode_to_vec()
    }

    #[test]
    fn the_queue_is_bounded_in_records_and_bytes() {
        let mut queue = Queue::default();
        (0..QUEUE_RECORDS_MAX + 3).for_each(|id| queue.push(&record(id, 1)));
        assert_eq!((queue.len(), queue.dropped()), (QUEUE_RECORDS_MAX, 3));
        let mut rest = Vec::new();
        queue.drain_into(&mut rest);
        assert_eq!(v1::ReportBatch::decode(rest.as_slice()).unwrap().requests[0].request_id, "3");
        let mut queue = Queue::default();
        (0..20).for_each(|id| queue.push(&record(id, 1 << 20)));
        assert!(queue.bytes <= QUEUE_BYTES_MAX && queue.len() == 7);
        assert_eq!(queue.dropped(), 13);
    }

    #[test]
    fn one_batch_at_a_time_until_it_is_acked() {
        let (mut queue, mut reporter) = (Queue::default(), Reporter::new(1));
        assert_eq!(reporter.tick(&mut queue, 0), None);
        queue.push(&record(1, 1));
        assert_eq!(reporter.tick(&mut queue, 0), Some(Wish::Open));
        let first = sent(reporter.opened(&mut queue, 9, 0));
        assert_eq!((first.sequence, first.requests.len()), (1, 1));
        queue.push(&record(2, BATCH_BYTES_MAX / 2));
        queue.push(&record(3, BATCH_BYTES_MAX / 2));
        assert_eq!(reporter.tick(&mut queue, 1), None);
        let second = sent(reporter.message(&mut queue, &ack(1), 2));
        assert_eq!((second.sequence, second.requests.len()), (2, 1));
        assert_eq!(reporter.message(&mut queue, &ack(1), 3), None);
        assert_eq!(sent(reporter.message(&mut queue, &ack(2), 4)).requests[0].request_id, "3");
        assert_eq!(reporter.message(&mut queue, &ack(3), 5), None);
        assert_eq!((reporter.in_flight(), queue.len()), (0, 0));
    }

    #[test]
    fn what_is_not_acked_is_sent_again() {
        let (mut queue, mut reporter) = (Queue::default(), Reporter::new(1));
        queue.push(&record(1, 1));
        let first = sent(reporter.opened(&mut queue, 1, 0));
        let wait = reporter.lost(0);
        queue.push(&record(2, 1));
        assert_eq!(reporter.tick(&mut queue, wait - 1), None);
        assert_eq!(reporter.tick(&mut queue, wait), Some(Wish::Open));
        assert_eq!(sent(reporter.opened(&mut queue, 2, wait)), first);
        assert_eq!(reporter.tick(&mut queue, wait + ACK_TIMEOUT_MS), None);
        assert_eq!(reporter.tick(&mut queue, wait + ACK_TIMEOUT_MS + 1), Some(Wish::Cancel { token: 2 }));
        assert_eq!(reporter.in_flight(), 1);
    }
}
