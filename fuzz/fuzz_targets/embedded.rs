//! The body `embedded` of `bodies.rs`.

#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let body = bodies::BODIES.iter().find(|(name, _)| *name == "embedded");
    body.expect("there is such a body").1(data);
});
