//! Percentiles of measured times.

use std::time::Duration;

/// The smallest value that at least `percent` of all values do not exceed; zero when there are none.
pub fn percentile(values: &[Duration], percent: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
