//! The bodies of the fuzz targets on damaged seeds, for a moment each: what libFuzzer does for hours, where there
//! is a nightly compiler.

#[path = "../../../../fuzz/bodies.rs"]
mod bodies;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// What happens to the bytes of a seed.
#[derive(Clone, Debug)]
enum Edit {
    Replace(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    /// Four bytes are a number that programs stumble over.
    Number(prop::sample::Index, u32),
    Cut(prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<prop::sample::Index>;
    let number = prop_oneof![
        Just(0),
        Just(1),
        Just(u32::MAX),
        Just(0x7fff_ffff),
        Just(0x8000_0000),
        Just(0x7f80_0000),
        any::<u32>(),
    ];
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (place(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (place(), prop::collection::vec(any::<u8>(), 1..9))
            .prop_map(|(at, all)| Edit::Insert(at, all)),
        (place(), 1..64_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        (place(), number).prop_map(|(at, number)| Edit::Number(at, number)),
        place().prop_map(Edit::Cut),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match edit {
            Edit::Replace(at, byte) => bytes[at.index(length)] = *byte,
            Edit::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Edit::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Edit::Remove(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Edit::Number(at, number) => {
                let at = at.index(length);
                for (to, byte) in bytes[at..].iter_mut().zip(number.to_le_bytes()) {
                    *to = byte;
                }
            }
            Edit::Cut(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} has no seeds", folder.display());
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs every body on damaged seeds, for at most `time` each; gives how many inputs each got, and the longest time
/// that one took.
fn every_body(time: Duration, cases: u32) -> Vec<(&'static str, u32, Duration)> {
    let mut done = Vec::new();
    for (name, body) in bodies::BODIES {
        let seeds = seeds(name);
        for seed in &seeds {
            body(seed);
        }
        let config = Config {
            cases,
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..Config::default()
        };
        let input = (0..seeds.len(), prop::collection::vec(edit(), 1..6));
        let begun = Instant::now();
        let count = std::cell::Cell::new((0, Duration::ZERO));
        let result = TestRunner::new(config).run(&input, |(seed, edits)| {
            if begun.elapsed() < time {
                let bytes = edited(seeds[seed].clone(), &edits);
                let start = Instant::now();
                body(&bytes);
                let (number, longest) = count.get();
                count.set((number + 1, longest.max(start.elapsed())));
            }
            Ok(())
        });
        let (number, longest) = count.get();
        result.unwrap_or_else(|failure| panic!("{name}: {failure}"));
        done.push((name, number, longest));
    }
    done
}

#[test]
fn damaged_seeds_harm_no_body() {
    for (name, count, longest) in every_body(Duration::from_millis(500), 20_000) {
        assert!(count > 0, "{name} got no input");
        assert!(longest < Duration::from_secs(5), "{name}: an input took {longest:?}");
    }
}

/// The same for a minute a body.
#[test]
#[ignore = "ten minutes"]
fn damaged_seeds_harm_no_body_for_minutes() {
    for (name, count, longest) in every_body(Duration::from_mins(1), u32::MAX) {
        println!("{name}: {count} inputs, the longest took {longest:?}");
        assert!(longest < Duration::from_secs(5), "{name}: an input took {longest:?}");
    }
}
