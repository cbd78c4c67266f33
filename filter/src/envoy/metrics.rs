//! The filter's metrics, in Envoy's own statistics. Counted in the VM and handed over now and then: a host call a
//! request would cost more than the counting.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::vm::{Counts, Vm};

const WASM_PAGE_BYTES: u64 = 64 << 10;

/// All VMs of an Envoy add to the same figures; only the revision is that of the VM that came last.
pub struct Metrics {
    routed: Sum,
    refused: Sum,
    not_ready: Sum,
    nacked: Sum,
    fields_dropped: Sum,
    bodies_not_kept: Sum,
    kept: Sum,
    cache_hits: Sum,
    cache_misses: Sum,
    cache_bytes: Sum,
    collected: Sum,
    dropped: Sum,
    active: Sum,
    queued: Sum,
    memory: Sum,
    revision: Option<u32>,
}

/// A figure to which this VM has added its part.
struct Sum {
    id: Option<u32>,
    added: u64,
}

impl Sum {
    fn define(kind: MetricType, name: &str) -> Self {
        Self { id: hostcalls::define_metric(kind, name).ok(), added: 0 }
    }

    fn update(&mut self, value: u64) {
        let difference = value.cast_signed().wrapping_sub(self.added.cast_signed());
        if let (Some(id), true) = (self.id, difference != 0) {
            let _ = hostcalls::increment_metric(id, difference);
            self.added = value;
        }
    }
}

impl Metrics {
    pub fn define() -> Self {
        let counter = |name| Sum::define(MetricType::Counter, name);
        let gauge = |name| Sum::define(MetricType::Gauge, name);
        Self {
            routed: counter("muxspace_requests_routed"),
            refused: counter("muxspace_requests_refused"),
            not_ready: counter("muxspace_requests_not_ready"),
            nacked: counter("muxspace_revisions_nacked"),
            fields_dropped: counter("muxspace_fields_dropped"),
            bodies_not_kept: counter("muxspace_bodies_not_kept"),
            kept: gauge("muxspace_bodies_kept_bytes"),
            cache_hits: counter("muxspace_cache_hits"),
            cache_misses: counter("muxspace_cache_misses"),
            cache_bytes: gauge("muxspace_cache_bytes"),
            collected: gauge("muxspace_cache_collected_bytes"),
            dropped: counter("muxspace_report_records_dropped"),
            active: gauge("muxspace_requests_active"),
            queued: gauge("muxspace_report_records_queued"),
            memory: gauge("muxspace_memory_bytes"),
            revision: hostcalls::define_metric(MetricType::Gauge, "muxspace_snapshot_revision").ok(),
        }
    }

    pub fn update(&mut self, vm: &Vm, in_flight: usize) {
        let Counts { routed, refused, not_ready, nacked, fields_dropped, bodies_not_kept, cache_hits, cache_misses } =
            vm.counts;
        self.routed.update(routed);
        self.refused.update(refused);
        self.not_ready.update(not_ready);
        self.nacked.update(nacked);
        self.fields_dropped.update(fields_dropped);
        self.bodies_not_kept.update(bodies_not_kept);
        self.kept.update(vm.exchanges.kept_bytes() as u64);
        self.cache_hits.update(cache_hits);
        self.cache_misses.update(cache_misses);
        self.cache_bytes.update(vm.cache.bytes() as u64);
        self.collected.update(vm.cache.room.taken() as u64);
        self.dropped.update(vm.queue.dropped());
        self.active.update(vm.exchanges.len() as u64);
        self.queued.update((vm.queue.len() + in_flight) as u64);
        self.memory.update(std::arch::wasm32::memory_size(0) as u64 * WASM_PAGE_BYTES);
        if let (Some(id), true) = (self.revision, vm.snapshot.revision() > 0) {
            let _ = hostcalls::record_metric(id, vm.snapshot.revision());
        }
    }
}
