//! What is masked does not exist: no value under a mask reaches anything, not even as NaN.

use dvbf_core::{Objective, Params};
use dvbf_tests::{Data, Masking, Scenario, normal, part, pass, places, scenarios};
use ndarray::{Array2, s};
use proptest::prelude::*;

/// Scenarios with a mask, of several steps.
fn masked() -> impl Strategy<Value = Scenario> {
    scenarios().prop_map(|scenario| {
        let masking = match scenario.masking {
            Masking::None => Masking::Steps,
            Masking::Full => Masking::Channels,
            other => other,
        };
        Scenario { masking, ..scenario }
    })
}

/// A mask of the shape of `data` that is zero where `missing(step, sequence, channel)`.
fn mask(data: &Data<f64>, missing: impl Fn(usize, usize, usize) -> bool) -> Array2<f64> {
    Array2::from_shape_fn(data.input.dim(), |(row, channel)| {
        let (step, sequence) = (row / data.sequences, row % data.sequences);
        f64::from(u8::from(!missing(step, sequence, channel)))
    })
}

fn zeros(values: &[f64]) -> bool {
    values.iter().all(|v| v.abs().to_bits() == 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn values_under_the_mask_reach_nothing(scenario in masked()) {
        let (model, mut data) = (scenario.model::<f64>(), scenario.data());
        let objective = scenario.objective;
        let nan = pass(&model, &data, objective);
        let terms = nan.bound.log_lik.iter().chain(&nan.bound.kl);
        prop_assert!(terms.chain(&nan.dparams).chain(&nan.dnoise).chain(&nan.state).all(|v| v.is_finite()));
        for value in [0.0, -3.5, f64::INFINITY, 1e300] {
            data.fill_masked(value);
            prop_assert_eq!(&pass(&model, &data, objective), &nan, "with {}", value);
        }
    }

    #[test]
    fn a_full_mask_is_no_mask(scenario in scenarios()) {
        let scenario = Scenario { masking: Masking::Full, ..scenario };
        let (model, data) = (scenario.model::<f64>(), scenario.data());
        let with = pass(&model, &data, scenario.objective);
        let without = pass(&model, &Data { mask: None, ..data }, scenario.objective);
        prop_assert_eq!(&with.state, &without.state);
        let all = |p: &dvbf_tests::Pass<f64>| [p.dparams.clone(), p.bound.log_lik.to_vec()].concat();
        for (a, b) in all(&with).iter().zip(all(&without)) {
            prop_assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{a} is not {b}");
        }
    }

    /// Whatever hangs on a channel that is never seen gets exactly nothing.
    #[test]
    fn parts_that_see_only_masked_data_get_exactly_no_gradient(scenario in masked()) {
        let (model, mut data) = (scenario.model::<f64>(), scenario.data::<f64>());
        let (x, k) = (scenario.config.observation, scenario.config.initial_frames);
        let hidden = x - 1;
        let old = data.mask.clone().unwrap();
        data.mask = Some(old * mask(&data, |_, _, channel| channel == hidden));
        data.fill_masked(f64::NAN);
        let gradient = pass(&model, &data, scenario.objective).dparams;
        for (name, place) in places(&model) {
            let rows = |width: usize| {
                Array2::from_shape_vec((place.len() / width, width), gradient[place.clone()].to_vec()).unwrap()
            };
            let u = scenario.config.control;
            match name.as_str() {
                "recognition.0.weight" => {
                    let width = x + scenario.config.state + u;
                    prop_assert!(zeros(&rows(width).column(hidden).to_vec()));
                }
                "initial.recognition.0.weight" => {
                    let all = rows(k * x + (k - 1) * u);
                    for frame in 0..k {
                        prop_assert!(zeros(&all.column(frame * x + hidden).to_vec()));
                    }
                }
                "emission.1.weight" => prop_assert!(zeros(rows(scenario.config.hidden).row(hidden).as_slice().unwrap())),
                "emission.1.bias" => prop_assert!(zeros(&gradient[place.end - 1..place.end])),
                "emission.log_std" if place.len() == x && x > 1 => {
                    prop_assert!(zeros(&gradient[place.end - 1..place.end]));
                }
                _ => {}
            }
        }
    }

    /// A sequence that follows the prior does not teach the recognition network.
    #[test]
    fn steps_that_are_not_seen_do_not_reach_the_recognition_network(scenario in scenarios()) {
        let (model, mut data) = (scenario.model::<f64>(), scenario.data());
        data.seen.fill(0.0);
        let found = pass(&model, &data, scenario.objective);
        prop_assert!(zeros(&part(&model, &found.dparams, "recognition.")));
        // Noise passes unchanged: the prior is standard normal.
        let rest = s![data.sequences.., ..];
        prop_assert_eq!(found.noise.slice(rest), data.noise.slice(rest));
        // The flags of the first step are not read.
        data.seen.slice_mut(s![..data.sequences]).fill(1.0);
        prop_assert_eq!(pass(&model, &data, scenario.objective), found);
    }

    /// A ragged batch: what comes after a sequence's end, masked, changes nothing in the others and
    /// nothing in the sequence itself.
    #[test]
    fn ragged_ends_change_nothing(scenario in scenarios(), end in 1..6_usize, seed in any::<u64>()) {
        let scenario = Scenario { steps: 7, sequences: 3, masking: Masking::Full, ..scenario };
        let (model, mut data) = (scenario.model::<f64>(), scenario.data::<f64>());
        let ragged = scenario.sequences - 1;
        data.mask = Some(mask(&data, |step, sequence, _| sequence == ragged && step >= end));
        for (row, seen) in data.seen.iter_mut().enumerate() {
            if row % 3 == ragged && row / 3 >= end {
                *seen = 0.0;
            }
        }
        let before = pass(&model, &data, Objective::BOUND);
        // Others are as if the sequence were whole.
        let whole = pass(&model, &Data { mask: Some(mask(&data, |_, _, _| false)), ..scenario.data() }, Objective::BOUND);
        for b in 0..ragged {
            prop_assert_eq!(data.of_sequence(b, &before.state), data.of_sequence(b, &whole.state));
            prop_assert_eq!(before.bound.log_lik[b].to_bits(), whole.bound.log_lik[b].to_bits());
            prop_assert_eq!(before.bound.kl[b].to_bits(), whole.bound.kl[b].to_bits());
        }
        // What stands after the end does not matter: neither frames nor, for the bound and the
        // parameters, controls and noise.
        data.fill_masked(f64::NAN);
        for step in end..7 {
            let row = step * 3 + ragged;
            data.control.row_mut(row - 3).assign(&normal(1, scenario.config.control, seed, step as u64).row(0));
            data.noise.row_mut(row).assign(&normal(1, scenario.config.noise, seed, 100 + step as u64).row(0));
        }
        let after = pass(&model, &data, Objective::BOUND);
        if end >= scenario.config.initial_frames {
            prop_assert_eq!(&after.bound, &before.bound);
            for (a, b) in after.dparams.iter().zip(&before.dparams) {
                prop_assert!((a - b).abs() <= 1e-12 * (1.0 + b.abs()), "{a} is not {b}");
            }
        }
    }

    /// A sequence of which nothing was seen has no divergence beyond its start.
    #[test]
    fn a_sequence_that_was_not_seen_has_the_prior(scenario in scenarios()) {
        let scenario = Scenario { steps: 6, masking: Masking::Full, ..scenario };
        let (model, mut data) = (scenario.model::<f64>(), scenario.data::<f64>());
        data.mask = Some(mask(&data, |_, _, _| true));
        data.seen.fill(0.0);
        data.fill_masked(f64::NAN);
        let found = pass(&model, &data, Objective::BOUND);
        let first = Data {
            input: data.input.slice(s![..data.sequences, ..]).to_owned(),
            target: data.target.slice(s![..data.sequences, ..]).to_owned(),
            mask: data.mask.as_ref().map(|m| m.slice(s![..data.sequences, ..]).to_owned()),
            start: None,
            seen: data.seen.slice(s![..data.sequences]).to_owned(),
            control: data.control.slice(s![..data.sequences, ..]).to_owned(),
            noise: data.noise.slice(s![..data.sequences, ..]).to_owned(),
            ..data
        };
        prop_assert!(zeros(&found.bound.log_lik.to_vec()));
        // Controls of the first frames still inform the start; without them it is the same.
        if scenario.config.control == 0 || scenario.config.initial_frames == 1 {
            let start = pass(&model, &first, Objective::BOUND);
            for (a, b) in found.bound.kl.iter().zip(&start.bound.kl) {
                prop_assert!((a - b).abs() < 1e-12 * (1.0 + b.abs()));
            }
        }
        prop_assert!(zeros(&part(&model, &found.dparams, "emission.")));
        prop_assert!(zeros(&part(&model, &found.dparams, "transition.")));
        prop_assert!(zeros(&part(&model, &found.dparams, "initial.state.")));
        prop_assert_eq!(found.dparams.len(), model.count());
    }
}
