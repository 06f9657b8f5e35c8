//! The embedded filter gives the bits of the mean path, whatever both are fed, and refuses what is damaged.

use super::{Call, Harm, Trained, history, options, trained};
use dvbf_core::{
    Channels, Dvbf, Filter, KindTable, ModelConfig, ModelFile, Noise, ObservationStatus,
    TrainingBounds, Units,
};
use dvbf_embedded::{Error, Filter as Embedded, HEADER, Model, Status};
use ndarray::Array2;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::path::Path;

fn same(status: Status, belief: ObservationStatus) -> bool {
    matches!(
        (status, belief),
        (Status::Seen, ObservationStatus::Seen)
            | (Status::Missing, ObservationStatus::Missing)
            | (Status::Implausible, ObservationStatus::Gated)
            | (Status::Restarted, ObservationStatus::Restarted)
    ) || matches!((status, belief), (Status::Partly(a), ObservationStatus::Partly(b)) if a == b)
}

fn bits(values: impl IntoIterator<Item = f32>) -> Vec<u32> {
    values.into_iter().map(f32::to_bits).collect()
}

/// Feeds both filters the same calls, and counts restarts.
fn compare(filter: &mut Filter, embedded: &mut Embedded<'_>, calls: &[Call]) -> usize {
    let mut restarts = 0;
    for (i, (x, u, dt)) in calls.iter().enumerate() {
        let status = embedded.step(x.as_deref(), u, *dt);
        let Ok(belief) = filter.step(x.as_deref(), u, *dt) else {
            assert!(status.is_err(), "call {i}: {x:?} {u:?} {dt}");
            continue;
        };
        let status = status.unwrap();
        assert!(same(status, belief.status), "call {i}: {status:?} against {:?}", belief.status);
        assert_eq!(embedded.is_started(), belief.started, "call {i}");
        assert_eq!(
            bits(embedded.state().to_vec()),
            bits(belief.state.iter().copied()),
            "call {i}, {status:?}"
        );
        assert_eq!(
            bits(embedded.noise_mean().to_vec()),
            bits(belief.noise_mean.iter().copied()),
            "call {i}, {status:?}"
        );
        restarts += usize::from(status == Status::Restarted);
    }
    restarts
}

/// Hostile histories, each with good frames after it, on one model.
fn follow(trained: &Trained, histories: usize) -> usize {
    let bytes = trained.filter.embedded().unwrap();
    let model = Model::parse(&bytes).unwrap();
    let mut memory = vec![0.0; model.memory()];
    let mut embedded = Embedded::new(model, &mut memory).unwrap();
    let mut filter = trained.filter.with_options(options(0)).unwrap();
    let mut runner = TestRunner::deterministic();
    let mut restarts = 0;
    for n in 0..histories {
        let mut harms = history().new_tree(&mut runner).unwrap().current();
        harms.extend([Harm::None; 30]);
        let calls: Vec<Call> =
            (0..).zip(harms).map(|(t, harm)| trained.harmed(n, t % 99, harm)).collect();
        restarts += compare(&mut filter, &mut embedded, &calls);
        if n % 3 == 0 {
            filter.reset();
            embedded.reset();
        }
    }
    restarts
}

/// A model of vectors that has learned nothing: units, bounds, an affine mixing network, shared dynamics, an
/// emission that sees a part of the state.
fn vectors() -> ModelFile {
    let config = ModelConfig {
        hidden: 12,
        noise: 2,
        initial_frames: 3,
        dt: Some(0.02),
        transition: KindTable::new("locally-linear")
            .with("matrices", 5)
            .with("hidden", 0)
            .with("shared", 2),
        emission: KindTable::new("gaussian").with("state", 3),
        ..ModelConfig::new(3, 2, 4)
    };
    let model = Dvbf::random(&config, Noise::new(3, 0)).unwrap();
    let bounds = TrainingBounds {
        observation: vec![Some([-5.0, 9.0]), None, Some([999.0, 1003.0])],
        control: vec![Some([-1.0, 1.0]), Some([0.0, 0.5])],
    };
    let units = Units {
        observation: Channels::new(vec![2.0, 0.0, 1001.1], vec![3.0, 0.5, 1.0]),
        control: Channels::new(vec![0.0, 0.25], vec![0.6, 0.1]),
    };
    ModelFile { units: Some(units), bounds: Some(bounds), ..ModelFile::new(&config, &model) }
}

fn untrained() -> Trained {
    let filter = Filter::from_file(vectors(), Path::new("vectors")).unwrap();
    let sequence = |n: u64| {
        let (mut x, mut u) = (vec![0.0_f32; 300], vec![0.0_f32; 200]);
        Noise::new(4, n).normal(&mut x);
        Noise::new(5, n).normal(&mut u);
        let x = Array2::from_shape_vec((100, 3), x).unwrap();
        let offset = ndarray::array![2.0, 0.0, 1001.0];
        (x + offset, Array2::from_shape_vec((100, 2), u).unwrap())
    };
    let good = (0..4).map(sequence).collect();
    Trained { name: "vectors", filter, good, spread: vec![1.0; 4], most: 1.0 }
}

#[test]
fn the_embedded_filter_gives_the_same_bits() {
    let restarts = follow(&trained()[0], 15);
    assert!(restarts > 5, "{restarts} restarts of the pendulum");
    let restarts = follow(&untrained(), 100);
    assert!(restarts > 5, "{restarts} restarts of vectors");
}

#[test]
fn what_it_expects_is_what_the_emission_shows() {
    let trained = untrained();
    let bytes = trained.filter.embedded().unwrap();
    let model = Model::parse(&bytes).unwrap();
    let mut memory = vec![0.0; model.memory()];
    let mut embedded = Embedded::new(model, &mut memory).unwrap();
    let mut filter = trained.filter.with_options(options(0)).unwrap();
    for t in 0..20 {
        let (x, u) = trained.frame(0, t);
        embedded.step(Some(&x), &u, 0.02).unwrap();
        let state = filter.step(Some(&x), &u, 0.02).unwrap().state.clone();
        let emission = filter.model().emission();
        let (mut scratch, mut mean) = (emission.scratch(), Array2::zeros((1, 3)));
        emission.prepare(&mut scratch);
        emission.mean(state.view().insert_axis(ndarray::Axis(0)), mean.view_mut(), &mut scratch);
        let mut mean = mean.row(0).to_vec();
        filter.units().unwrap().observation.restore(&mut mean);
        assert_eq!(bits(embedded.expected().to_vec()), bits(mean), "step {t}");
    }
}

#[test]
fn damaged_models_are_refused() {
    let bytes = untrained().filter.embedded().unwrap();
    for length in (0..bytes.len()).filter(|&n| n < 2 * HEADER || n % 97 == 0) {
        assert!(Model::parse(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in (0..bytes.len()).filter(|&at| at < 2 * HEADER || at % 31 == 0) {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert!(Model::parse(&damaged).is_err(), "bit {bit} of byte {at}");
        }
    }
    assert_eq!(Model::parse(b"DVBF\r\n\x1a\n").unwrap_err(), Error::Foreign);
    let mut later = bytes.clone();
    later[8] = 2;
    assert_eq!(Model::parse(&later).unwrap_err(), Error::Version { found: 2 });
    // Sizes whose product leaves the numbers, under a right checksum.
    let huge = dvbf_embedded::Sizes {
        observation: 1 << 24,
        control: 1 << 24,
        state: 1 << 24,
        noise: 1 << 24,
        frames: 1 << 24,
        matrices: 1 << 24,
        visible: 1,
        hidden: [1 << 24; 5],
    };
    let header = dvbf_embedded::header(&huge, 1.0, None, &[]);
    assert!(matches!(Model::parse(&header), Err(Error::Length { .. })));
    // A number that is not finite, under a right checksum.
    let model = Model::parse(&bytes).unwrap();
    let mut body = bytes[HEADER..].to_vec();
    let end = body.len();
    body[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let header = dvbf_embedded::header(&model.sizes(), model.dt(), None, &body);
    assert_eq!(Model::parse(&[&header[..], &body].concat()).unwrap_err(), Error::Number);
    let mut memory = vec![0.0; model.memory() - 1];
    let error = Embedded::new(model, &mut memory).unwrap_err();
    assert_eq!(error, Error::Memory { found: memory.len(), needed: memory.len() + 1 });
}

#[test]
fn parts_of_other_kinds_are_named() {
    let config =
        ModelConfig { noise: 4, transition: KindTable::new("residual"), ..vectors().config };
    let model = Dvbf::random(&config, Noise::new(0, 0)).unwrap();
    let filter = Filter::from_file(ModelFile::new(&config, &model), Path::new("m")).unwrap();
    let error = filter.embedded().unwrap_err();
    assert_eq!((error.role, error.kind), ("transition", "locally-linear"));
}
