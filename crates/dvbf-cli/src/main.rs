//! The dvbf command: train, evaluate and report Deep Variational Bayes Filters.
fn main() {}
