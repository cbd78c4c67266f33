//! The Muxspace filter.
