//! Rows for this dialect's readers and writers.
