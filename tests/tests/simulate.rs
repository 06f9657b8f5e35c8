//! The simulator is the model that was trained: same transition, same controls, same noise.

use dvbf_core::{Rollout, RolloutInput, Workspace};
use dvbf_tests::{Masking, Scenario, scenarios};
use ndarray::{Array2, s};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The noise of an inferred path, fed to the simulator, gives the inferred states bit for bit:
    /// step `t` is driven by the noise and the control of that very step.
    #[test]
    fn inferred_noise_leads_along_the_inferred_states(scenario in scenarios()) {
        let scenario = Scenario { steps: scenario.steps.max(2), ..scenario };
        let (model, data) = (scenario.model::<f32>(), scenario.data());
        let (n, rows) = (data.sequences, data.input.nrows());
        let mut work = Workspace::new(&model, n, rows);
        work.prepare(&model);
        model.infer(&data.batch(), &mut work);
        let (state, noise) = (work.state(), work.noise());
        let input = RolloutInput {
            start: state.slice(s![..n, ..]),
            control: data.control.slice(s![..rows - n, ..]),
            noise: noise.slice(s![n.., ..]),
        };
        let states = Rollout::new(&model, n).states(&model, input);
        prop_assert_eq!(states, state.slice(s![n.., ..]));
    }

    /// What is not seen is simulated: the filter without frames is the simulator with its noise.
    #[test]
    fn a_filter_that_sees_nothing_simulates(scenario in scenarios(), from in 1..5_usize) {
        let scenario = Scenario { steps: 8, masking: Masking::None, dropped: false, ..scenario };
        let (model, mut data) = (scenario.model::<f32>(), scenario.data());
        let (n, rows) = (data.sequences, data.input.nrows());
        data.seen.slice_mut(s![from * n..]).fill(0.0);
        let mut work = Workspace::new(&model, n, rows);
        work.prepare(&model);
        model.infer(&data.batch(), &mut work);
        let last = (from - 1) * n;
        let mut run = Rollout::new(&model, n);
        for _ in 0..2 {
            let inferred = work.state();
            let input = RolloutInput {
                start: inferred.slice(s![last..from * n, ..]),
                control: data.control.slice(s![last..rows - n, ..]),
                noise: data.noise.slice(s![from * n.., ..]),
            };
            let states = run.states(&model, input);
            prop_assert_eq!(states, inferred.slice(s![from * n.., ..]));
        }
    }

    /// Observations are the emission's means of the states.
    #[test]
    fn observations_are_means_of_the_emission(scenario in scenarios()) {
        let (model, data) = (scenario.model::<f32>(), scenario.data());
        let rows = data.input.nrows();
        let mut work = Workspace::new(&model, data.sequences, rows);
        work.prepare(&model);
        model.infer(&data.batch(), &mut work);
        let mut seen = Array2::zeros((rows, scenario.config.observation));
        Rollout::new(&model, data.sequences).observe(&model, work.state(), seen.view_mut());
        let mut expected = Array2::zeros(seen.dim());
        let mut scratch = model.emission().scratch();
        model.emission().prepare(&mut scratch);
        model.emission().mean(work.state(), expected.view_mut(), &mut scratch);
        prop_assert_eq!(seen, expected);
    }
}

#[test]
#[should_panic(expected = "start states against sequences")]
fn another_number_of_sequences_panics() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let drawn = Strategy::new_tree(&scenarios(), &mut runner).unwrap();
    let scenario = proptest::strategy::ValueTree::current(&drawn);
    let (model, data) = (scenario.model::<f32>(), scenario.data());
    let start = Array2::zeros((3, scenario.config.state));
    let (control, noise) = (data.control.view(), data.noise.view());
    let input = RolloutInput { start: start.view(), control, noise };
    Rollout::new(&model, 4).states(&model, input);
}
