//! The read-out behind a filter: its equations, its place in the model file, and that it changes nothing else.

use dvbf_core::{
    DelayedFilter, Dvbf, Filter, FilterOptions, Interval, KindTable, Memory, ModelConfig,
    ModelFile, Noise, ReadoutInput, Reference, StaticMap,
};
use std::path::PathBuf;
use std::time::Duration;

const DT: f64 = 0.01;
const STEPS: usize = 60;

fn config() -> ModelConfig {
    ModelConfig {
        hidden: 8,
        initial_frames: 2,
        dt: Some(DT),
        transition: KindTable::new("locally-linear").with("matrices", 2),
        emission: KindTable::new("gaussian").with("std", 0.1),
        ..ModelConfig::new(2, 0, 3)
    }
}

fn reference(input: ReadoutInput) -> Reference {
    let inputs: u8 = if input == ReadoutInput::State { 3 } else { 2 };
    let map = match input {
        ReadoutInput::State => {
            let weights = (0..19).map(|i| 0.1 * f64::from(i) - 0.7).collect();
            StaticMap::Products { degree: 3, weights }
        }
        ReadoutInput::Channels => {
            StaticMap::Additive { degree: 3, weights: vec![1.0, -0.5, 0.3, 0.2, -0.1, 0.05] }
        }
    };
    Reference {
        name: "force".into(),
        input,
        mean: (0..inputs).map(|i| 0.1 * f64::from(i)).collect(),
        scale: (0..inputs).map(|i| 0.5 + 0.2 * f64::from(i)).collect(),
        map,
        offset: 0.4,
        limits: [-2.0, 3.0],
        memory: Memory { times: vec![0.05, 0.4], thresholds: vec![0.02, 0.1] },
        weights: vec![0.3, 1.4, -0.2, -0.1, 0.25, 0.15],
        interval: Interval { constant: 0.1, relative: 0.05 },
    }
}

fn file(reference: Option<Reference>) -> ModelFile {
    let model = Dvbf::random(&config(), Noise::new(1, 0)).expect("the test is valid");
    ModelFile { reference, ..ModelFile::new(&config(), &model) }
}

fn written(file: &ModelFile) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("the test is valid");
    let path = folder.path().join("model.dvbf");
    file.write(&path).expect("the test is valid");
    (folder, path)
}

fn readings() -> Vec<[f32; 2]> {
    let mut values = vec![0.0_f32; 2 * STEPS];
    Noise::new(5, 0).normal(&mut values);
    values.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The equations of the read-out, written out again.
fn by_hand(reference: &Reference, inputs: &[Vec<f64>]) -> Vec<f64> {
    let mut out = Vec::new();
    let (mut creep, mut play): (Vec<f64>, Vec<Vec<f64>>) = (Vec::new(), Vec::new());
    for v in inputs {
        let n: Vec<f64> =
            (0..v.len()).map(|i| (v[i] - reference.mean[i]) / reference.scale[i]).collect();
        let parts: Vec<f64> = match &reference.map {
            StaticMap::Additive { degree, weights } => (0..n.len())
                .map(|i| {
                    (0..*degree)
                        .map(|k| {
                            weights[k * n.len() + i]
                                * n[i].powi(i32::try_from(k).expect("a small power") + 1)
                        })
                        .sum()
                })
                .collect(),
            StaticMap::Products { weights, .. } => {
                let (mut pairs, mut triples) = (Vec::new(), Vec::new());
                for i in 0..n.len() {
                    for j in i..n.len() {
                        pairs.push(n[i] * n[j]);
                        triples.extend((j..n.len()).map(|k| n[i] * n[j] * n[k]));
                    }
                }
                let all = [n.clone(), pairs, triples].concat();
                assert_eq!(all.len(), weights.len());
                vec![all.iter().zip(weights).map(|(a, w)| a * w).sum()]
            }
        };
        let y = reference.offset + parts.iter().sum::<f64>();
        let Memory { times, thresholds } = &reference.memory;
        if creep.is_empty() {
            creep = vec![y; times.len()];
            play = parts.iter().map(|&p| vec![p; thresholds.len()]).collect();
        }
        let mut f = reference.weights[0] + reference.weights[1] * y;
        for (j, tau) in times.iter().enumerate() {
            creep[j] = y + (creep[j] - y) * (-DT / tau).exp();
            f += reference.weights[2 + j] * creep[j];
        }
        for (j, r) in thresholds.iter().enumerate() {
            for (p, part) in play.iter_mut().zip(&parts) {
                p[j] = p[j].clamp(part - r, part + r);
                f += reference.weights[2 + times.len() + j] * p[j];
            }
        }
        out.push(f.clamp(reference.limits[0], reference.limits[1]));
    }
    out
}

#[test]
fn a_stored_read_out_gives_what_its_equations_say() {
    for input in [ReadoutInput::State, ReadoutInput::Channels] {
        let reference = reference(input);
        let (_folder, path) = written(&file(Some(reference.clone())));
        let mut filter = Filter::load(&path).expect("the test is valid");
        let (mut inputs, mut values) = (Vec::new(), Vec::new());
        for (t, x) in readings().iter().enumerate() {
            let belief = filter.step(Some(x), &[], DT).expect("the test is valid");
            assert_eq!(belief.reference.is_some(), t >= 1, "from the start on");
            let Some(estimate) = belief.reference else { continue };
            assert!((estimate.half_width - 0.1 - 0.05 * estimate.value.abs()).abs() < 1e-12);
            values.push(estimate.value);
            let state = belief.state.to_vec();
            inputs.push(match input {
                ReadoutInput::State => state.iter().map(|&z| f64::from(z)).collect(),
                ReadoutInput::Channels => filter
                    .shown(&state)
                    .expect("the test is valid")
                    .iter()
                    .map(|&x| f64::from(x))
                    .collect::<Vec<_>>(),
            });
        }
        for (own, expected) in values.iter().zip(by_hand(&reference, &inputs)) {
            assert!((own - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{own} {expected}");
        }
    }
}

#[test]
fn the_filter_is_the_same_with_and_without() {
    let (bare, with) = (file(None), file(Some(reference(ReadoutInput::State))));
    assert_eq!(bare.values, with.values);
    let [(_a, bare), (_b, with)] = [&bare, &with].map(written);
    let (mut bare, mut with) = (
        Filter::load(&bare).expect("the test is valid"),
        Filter::load(&with).expect("the test is valid"),
    );
    for x in readings() {
        let own = bare.step(Some(&x), &[], DT).expect("the test is valid");
        let other = with.step(Some(&x), &[], DT).expect("the test is valid");
        // Predictions are NaN until the filter has started.
        let told = |spread: &Option<dvbf_core::Spread>| {
            spread.as_ref().map(|spread| (spread.mean.clone(), spread.std.clone()))
        };
        assert_eq!((&own.state, told(&own.spread)), (&other.state, told(&other.spread)));
        assert!(own.reference.is_none());
    }
}

/// What comes later, a copy, other options and a reset change nothing; a reading that is late does what it would
/// have done in time.
#[test]
fn estimates_depend_on_what_has_been_alone() {
    let (_folder, path) = written(&file(Some(reference(ReadoutInput::Channels))));
    let run = |filter: &mut Filter, readings: &[[f32; 2]]| -> Vec<Option<f64>> {
        readings
            .iter()
            .map(|x| {
                filter.step(Some(x), &[], DT).expect("the test is valid").reference.map(|e| e.value)
            })
            .collect()
    };
    let readings = readings();
    let mut filter = Filter::load(&path).expect("the test is valid");
    let all = run(&mut filter, &readings);
    filter.reset();
    let mut changed = readings.clone();
    changed[40..].iter_mut().for_each(|x| x[0] += 3.0);
    let first = run(&mut filter, &changed[..40]);
    assert_eq!(first, all[..40]);
    let mut copy = filter.clone();
    assert_eq!(run(&mut copy, &readings[40..]), all[40..]);
    let mut other = filter.with_options(FilterOptions::MEAN_PATH).expect("the test is valid");
    assert_eq!(run(&mut other, &readings), all);
    let mut delayed = DelayedFilter::new(Filter::load(&path).expect("the test is valid"), 8)
        .expect("the test is valid");
    for (t, x) in readings.iter().enumerate() {
        let at = Duration::from_secs_f64(DT) * u32::try_from(t).expect("the test is valid");
        let late = t == 30;
        delayed.step_at(at, (!late).then_some(&x[..]), &[]).expect("the test is valid");
        if t == 33 {
            let then = Duration::from_secs_f64(DT) * 30;
            delayed.update_at(then, &readings[30]).expect("the test is valid");
        }
        let value = delayed.belief().reference.map(|e| e.value);
        if !(30..33).contains(&t) {
            assert_eq!(value, all[t], "step {t}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().expect("the test is valid");
    let path = folder.path().join("model.dvbf");
    let good = reference(ReadoutInput::State);
    let spoiled: [(&str, Spoil); 5] = [
        ("a scale for each mean", |r| r.scale.truncate(1)),
        ("a weight for each memory", |r| r.weights.push(0.0)),
        ("positive times", |r| r.memory.times[0] = -1.0),
        ("finite", |r| r.offset = f64::NAN),
        ("its channels or its state", |r| *r = reference(ReadoutInput::Channels).into_state()),
    ];
    for (part, spoil) in spoiled {
        let mut reference = good.clone();
        spoil(&mut reference);
        let error = file(Some(reference)).write(&path).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

type Spoil = fn(&mut Reference);

trait IntoState {
    fn into_state(self) -> Self;
}

impl IntoState for Reference {
    fn into_state(self) -> Self {
        Self { input: ReadoutInput::State, ..self }
    }
}
