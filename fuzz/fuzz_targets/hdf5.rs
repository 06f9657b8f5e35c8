//! The body `hdf5` of `bodies.rs`.

#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let body = bodies::BODIES.iter().find(|(name, _)| *name == "hdf5");
    body.expect("there is such a body").1(data);
});
