//! The body `images` of `bodies.rs`.

#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let body = bodies::BODIES.iter().find(|(name, _)| *name == "images");
    body.expect("there is such a body").1(data);
});
