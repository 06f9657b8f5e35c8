//! `GymPendulum` against trajectories that Gymnasium wrote (`data/make_gym_pendulum.py`).

use dvbf_envs::{GymPendulum, GymPendulumSettings, rollout};
use ndarray::{Array2, Array3, Axis, array, s};
use ndarray_npy::NpzReader;

struct Golden {
    states: Array3<f64>,
    torques: Array2<f64>,
    rewards: Array2<f64>,
}

fn golden() -> Golden {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gym_pendulum.npz");
    let file = std::fs::File::open(path).expect("the golden file");
    let mut npz = NpzReader::new(file).expect("an archive");
    Golden {
        states: npz.by_name("state").expect("states"),
        torques: npz.by_name("torque").expect("torques"),
        rewards: npz.by_name("reward").expect("rewards"),
    }
}

fn pendulum() -> GymPendulum {
    GymPendulum::new(GymPendulumSettings::default()).expect("valid settings")
}

#[test]
fn replays_whole_trajectories() {
    let (golden, pendulum) = (golden(), pendulum());
    let (count, steps) = golden.torques.dim();
    assert_eq!((count, steps), (8, 200));
    for n in 0..count {
        let mut state = [golden.states[[n, 0, 0]], golden.states[[n, 0, 1]]];
        for t in 0..steps {
            let (next, reward) = pendulum.step(state, golden.torques[[n, t]]);
            for (i, value) in next.iter().enumerate() {
                let error = (value - golden.states[[n, t + 1, i]]).abs();
                assert!(error <= 1e-12, "sequence {n}, step {t}, component {i}: {error:e}");
            }
            let error = (reward - golden.rewards[[n, t]]).abs();
            assert!(error <= 1e-12, "reward of sequence {n}, step {t}: {error:e}");
            state = next;
        }
    }
}

#[test]
fn torques_in_single_precision_are_multiplied_in_single_precision() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gym_pendulum_single.npz");
    let mut npz = NpzReader::new(std::fs::File::open(path).expect("the file")).expect("an archive");
    let states: Array3<f64> = npz.by_name("state").expect("states");
    let torques: Array2<f32> = npz.by_name("torque").expect("torques");
    let rewards: Array2<f64> = npz.by_name("reward").expect("rewards");
    let pendulum = pendulum();
    let mut apart: f64 = 0.0;
    for n in 0..2 {
        let mut state = [states[[n, 0, 0]], states[[n, 0, 1]]];
        let mut double = state;
        for t in 0..torques.ncols() {
            let torque = torques[[n, t]];
            let (next, reward) = pendulum.step_single(state, torque);
            state = next;
            double = pendulum.step(double, f64::from(torque)).0;
            for (i, value) in state.iter().enumerate() {
                // Rounding of the sine grows over the steps.
                let error = (value - states[[n, t + 1, i]]).abs();
                assert!(error <= 1e-11, "sequence {n}, step {t}, component {i}: {error:e}");
                apart = apart.max((double[i] - states[[n, t + 1, i]]).abs());
            }
            let error = (reward - rewards[[n, t]]).abs();
            assert!(error <= 1e-11, "reward of sequence {n}, step {t}: {error:e}");
        }
    }
    assert!(apart > 1e-8, "the precision of the torque shows: {apart:e}");
}

#[test]
fn the_trajectories_reach_both_limits() {
    let golden = golden();
    assert!(golden.torques.iter().any(|u| u.abs() > GymPendulum::MAX_TORQUE));
    let speeds = golden.states.index_axis(Axis(2), 1);
    assert!(speeds.iter().any(|speed| (speed.abs() - GymPendulum::MAX_SPEED).abs() < 1e-12));
    assert!(golden.states.index_axis(Axis(2), 0).iter().any(|angle| angle.abs() > 4.0));
}

#[test]
fn upright_is_drawn_at_the_top() {
    let upright = rollout(&pendulum(), array![[0.0, 0.0]].view(), Array3::zeros((1, 2, 1)).view());
    let image = upright.observations.slice(s![0, 0, ..]).to_shape((16, 16)).unwrap().to_owned();
    assert!(image.slice(s![..8, ..]).sum() > 0.9 * image.sum());
    // Nothing pushes it off its unstable equilibrium.
    assert_eq!(upright.observations.slice(s![0, 0, ..]), upright.observations.slice(s![0, 1, ..]));
}

#[test]
fn gravity_is_checked() {
    let error = GymPendulum::new(GymPendulumSettings { gravity: -1.0, ..Default::default() });
    assert_eq!(
        error.unwrap_err().to_string(),
        "`gravity` must be finite and not below zero, but it is -1"
    );
}
