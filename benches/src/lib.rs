//! Shared pieces of the cross-crate benches.
