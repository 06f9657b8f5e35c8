//! A filter never sees the future, and online it is the filter that was trained, bit for bit.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{Filter, FilterOptions, Workspace};
use dvbf_tests::{Data, Scenario, normal, scenarios};
use ndarray::{Array2, Axis, s};
use proptest::prelude::*;
use std::sync::Arc;

/// States of the mean path, `(T·B, Z)`.
fn states(scenario: &Scenario, data: &Data<f32>) -> Array2<f32> {
    let model = scenario.model::<f32>();
    let mut work = Workspace::new(&model, data.sequences, data.input.nrows());
    work.prepare(&model);
    model.infer(&data.batch(), &mut work);
    work.state().to_owned()
}

/// Sequences of which whole steps are missing where `observed` says so.
fn recorded(scenario: &Scenario, observed: &[bool]) -> Data<f32> {
    let (n, rows) = (scenario.sequences, scenario.sequences * scenario.steps);
    let mut data = Data::observed(
        n,
        normal(rows, scenario.config.observation, scenario.seed, 1),
        normal(rows, scenario.config.control, scenario.seed, 2),
        scenario.config.noise,
    );
    let flags = ndarray::Array1::from_shape_fn(rows, |row| {
        f32::from(u8::from(observed[row % observed.len()]))
    });
    let mask = flags.view().insert_axis(Axis(1));
    data.mask = Some(mask.broadcast(data.input.dim()).unwrap().to_owned());
    data.seen = flags;
    data.fill_masked(f32::NAN);
    data
}

/// What the online filter believes about sequence `b` after every step from the `k`-th on.
fn filtered(filter: &mut Filter, data: &Data<f32>, b: usize, steps: usize) -> Vec<Vec<f32>> {
    let mut beliefs = Vec::new();
    filter.reset();
    for t in 0..steps {
        let row = t * data.sequences + b;
        let x = data.input.row(row).to_vec();
        let observation = (data.seen[row] > 0.0).then_some(x.as_slice());
        let control = match t {
            0 => vec![7.0; data.control.ncols()],
            _ => data.control.row(row - data.sequences).to_vec(),
        };
        let belief = filter.step(observation, &control, 0.1).unwrap();
        assert_eq!(belief.steps, t as u64 + 1);
        if belief.started {
            beliefs.push(belief.state.to_vec());
        }
    }
    beliefs
}

fn mean_path(scenario: &Scenario) -> Filter {
    Filter::new(Arc::new(scenario.model()), 0.1, FilterOptions::MEAN_PATH).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_future_does_not_reach_the_past(
        scenario in scenarios(),
        now in 0..8_usize,
        seed in any::<u64>(),
    ) {
        let scenario = Scenario { steps: 8, ..scenario };
        let now = now.max(scenario.config.initial_frames - 1);
        let data = scenario.data::<f32>();
        let before = states(&scenario, &data);
        // Everything after `now` is replaced: frames, flags and noise from `now + 1` on, controls
        // from `now` on.
        let mut changed = data.clone();
        let (n, rows) = (data.sequences, data.input.nrows());
        let later = (now + 1) * n;
        let other = |columns: usize, stream: u64| normal::<f32>(rows, columns, seed, stream);
        for (a, from, stream) in [
            (&mut changed.input, later, 1),
            (&mut changed.target, 0, 2),
            (&mut changed.control, now * n, 3),
            (&mut changed.noise, later, 4),
        ] {
            let fresh = other(a.ncols(), stream);
            a.slice_mut(s![from.., ..]).assign(&fresh.slice(s![from.., ..]));
        }
        if let Some(mask) = &mut changed.mask {
            mask.slice_mut(s![later.., ..]).mapv_inplace(|m| 1.0 - m);
        }
        changed.seen.slice_mut(s![later..]).mapv_inplace(|seen| 1.0 - seen);
        let after = states(&scenario, &changed);
        prop_assert_eq!(before.slice(s![..later, ..]), after.slice(s![..later, ..]));
        if now < 7 {
            prop_assert_ne!(before.slice(s![later.., ..]), after.slice(s![later.., ..]));
        }
    }

    #[test]
    fn online_and_batch_agree_bit_for_bit(
        scenario in scenarios(),
        observed in proptest::collection::vec(prop::bool::weighted(0.7), 24),
    ) {
        let scenario = Scenario { steps: 8, ..scenario };
        let data = recorded(&scenario, &observed);
        let expected = states(&scenario, &data);
        let mut filter = mean_path(&scenario);
        let first = scenario.config.initial_frames - 1;
        for b in 0..data.sequences {
            let beliefs = filtered(&mut filter, &data, b, 8);
            let path = data.of_sequence(b, &expected);
            prop_assert_eq!(beliefs.len(), 8 - first);
            for (belief, state) in beliefs.iter().zip(path.rows().into_iter().skip(first)) {
                prop_assert_eq!(belief, &state.to_vec());
            }
        }
    }

    /// Beliefs of a prefix are the beliefs of the whole, and a refused step changes nothing.
    #[test]
    fn online_beliefs_depend_on_the_past_only(scenario in scenarios(), steps in 3..8_usize) {
        let scenario = Scenario { steps: 8, ..scenario };
        let data = recorded(&scenario, &[true, true, false, true, true]);
        let mut filter = mean_path(&scenario);
        let whole = filtered(&mut filter, &data, 0, 8);
        let mut prefix = filtered(&mut filter, &data, 0, steps);
        prop_assert_eq!(&prefix[..], &whole[..prefix.len()]);

        let wrong = vec![f32::INFINITY; scenario.config.observation];
        let u = vec![0.0; scenario.config.control];
        prop_assert!(filter.step(Some(&wrong), &u, 0.1).is_err());
        prop_assert!(filter.step(Some(&[]), &u, 0.1).is_err());
        prop_assert!(filter.step(None, &vec![f32::INFINITY; u.len() + 1], 0.1).is_err());
        prop_assert!(filter.step(None, &u, 0.2).is_err());
        for t in steps..8 {
            let row = t * data.sequences;
            let x = data.input.row(row).to_vec();
            let observation = (data.seen[row] > 0.0).then_some(x.as_slice());
            let control = data.control.row(row - data.sequences).to_vec();
            let belief = filter.step(observation, &control, 0.1).unwrap();
            prefix.extend(belief.started.then(|| belief.state.to_vec()));
        }
        prop_assert_eq!(prefix, whole);
    }
}

#[test]
fn two_filters_share_a_model_and_do_not_meet() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn = proptest::strategy::Strategy::new_tree(&scenarios(), &mut runner).unwrap();
    let scenario = proptest::strategy::ValueTree::current(&drawn);
    let scenario = Scenario { steps: 8, sequences: 2, ..scenario };
    let data = recorded(&scenario, &[true]);
    let mut a = mean_path(&scenario);
    let mut b = a.with_options(FilterOptions::MEAN_PATH).unwrap();
    assert!(Arc::ptr_eq(a.model(), b.model()));
    let (alone_a, alone_b) = (filtered(&mut a, &data, 0, 8), filtered(&mut b, &data, 1, 8));
    a.reset();
    b.reset();
    let (mut together_a, mut together_b) = (Vec::new(), Vec::new());
    for t in 0..8_usize {
        for (filter, beliefs, sequence) in
            [(&mut a, &mut together_a, 0), (&mut b, &mut together_b, 1)]
        {
            let row = t * 2 + sequence;
            let control = data.control.row(row.saturating_sub(2)).to_vec();
            let x = data.input.row(row).to_vec();
            let belief = filter.step(Some(&x), &control, 0.1).unwrap();
            beliefs.extend(belief.started.then(|| belief.state.to_vec()));
        }
    }
    assert_eq!((together_a, together_b), (alone_a, alone_b));
}
