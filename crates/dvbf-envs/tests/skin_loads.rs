//! Loads of the skin: what indenters do at random, and the prescribed ones.

use dvbf_envs::{Skin, SkinSettings, record};
use ndarray::{Array1, Array3, ArrayView1, Axis, s};
use std::collections::BTreeSet;

fn skin(change: impl FnOnce(&mut SkinSettings)) -> Skin {
    let mut settings = SkinSettings::default();
    change(&mut settings);
    Skin::new(settings).expect("valid settings")
}

#[test]
fn random_loads_press_hold_slide_and_release() {
    let skin = skin(|s| s.contact.indenters = 2);
    let recordings = record(&skin, 3, 30_000, 4);
    let names = ["force1", "x1", "y1", "force2", "x2", "y2", "temperature"];
    assert_eq!(recordings.state_names, names);
    for sequence in recordings.states.outer_iter() {
        for of in [0, 3] {
            let (mut held, mut slid, mut changed, mut rested) = (0, 0, 0, 0);
            for t in 1..30_000 {
                let [force, x, y] = [0, 1, 2].map(|i| sequence[[t, of + i]]);
                let [before, x0, y0] = [0, 1, 2].map(|i| sequence[[t - 1, of + i]]);
                assert!((0.0..=10.0).contains(&force) && x.abs() <= 1.5001 && y.abs() <= 1.5001);
                // The fastest ramp takes 0.1 s for 10 N; no contact jumps, and pressed ones do not
                // slide faster than across the grid in 0.3 s.
                assert!((force - before).abs() <= 1.001, "{before} to {force}");
                let moved = (x - x0).hypot(y - y0);
                assert!(moved <= 4.25 / 20.0 + 1e-3, "{moved}");
                let change = (force - before).abs() > 1e-5;
                if force == 0.0 && before == 0.0 {
                    rested += 1;
                } else if change {
                    changed += 1;
                    assert!(moved < 1e-5, "force and place change at once");
                } else if moved > 1e-5 {
                    slid += 1;
                } else {
                    held += 1;
                }
            }
            for (what, count) in
                [("rest", rested), ("ramp", changed), ("slide", slid), ("hold", held)]
            {
                assert!(count > 2000, "{what}: {count} of 30000 steps");
            }
        }
    }
    // Both indenters go their own ways.
    let (one, two) = (recordings.states.slice(s![0, .., 0]), recordings.states.slice(s![0, .., 3]));
    assert_ne!(one, two);
    let mean = one.mean().unwrap();
    assert!((1.0..5.0).contains(&mean), "{mean} N in the mean");
}

#[test]
fn triangles_turn_without_a_hold() {
    let skin = skin(|s| (s.trajectory.triangles, s.trajectory.rest) = (1.0, [0.5, 0.6]));
    let forces: Array1<f32> = record(&skin, 1, 20_000, 1).states.slice(s![0, .., 0]).to_owned();
    let held = forces
        .windows(3)
        .into_iter()
        .filter(|w| w[0] > 0.0 && w[0] - w[1] == 0.0 && w[1] - w[2] == 0.0);
    assert_eq!(held.count(), 0);
    let peaks = forces.windows(3).into_iter().filter(|w| w[1] > w[0] && w[1] > w[2]).count();
    let rests = forces.windows(2).into_iter().filter(|w| w[0] > 0.0 && w[1] == 0.0).count();
    assert!(peaks > 50 && rests.abs_diff(peaks) <= 1, "{peaks} peaks, {rests} ends");
    // A contact has one to four triangles, and contacts are half a second apart.
    let apart = forces.windows(52).into_iter().filter(|w| {
        w[0] == 0.0 && w[51] > 0.0 && w.slice(s![..51]).iter().all(|&force| force == 0.0)
    });
    let each = peaks as f64 / apart.count() as f64;
    assert!((2.0..3.0).contains(&each), "{each} triangles in a contact");
}

#[test]
fn times_and_forces_are_those_of_the_settings() {
    let skin = skin(|s| {
        s.trajectory.triangles = 0.0;
        s.trajectory.slides = 0.0;
        s.trajectory.changes = 0.0;
        s.trajectory.ramp = [0.2, 0.2];
        s.trajectory.hold = [0.5, 0.5];
        s.trajectory.rest = [0.3, 0.3];
        s.trajectory.force_max = 4.0;
    });
    let forces: Array1<f32> = record(&skin, 1, 1200, 9).states.slice(s![0, .., 0]).to_owned();
    for cycle in forces.axis_chunks_iter(Axis(0), 120) {
        let peak = cycle[55];
        assert!(peak <= 4.0 && cycle.slice(s![..=30]).iter().all(|&f| f == 0.0));
        assert!((cycle[40] - 0.5 * peak).abs() < 1e-4 && (cycle[110] - 0.5 * peak).abs() < 1e-4);
        assert!(cycle.slice(s![50..=100]).iter().all(|f| (f - peak).abs() < 1e-4));
    }
}

#[test]
fn the_sweep_presses_every_taxel_over_the_range_of_forces() {
    for (rows, cols) in [(4, 4), (3, 5), (1, 1), (2, 6)] {
        let skin = skin(|s| (s.contact.rows, s.contact.cols) = (rows, cols));
        let loads = skin.prescribed();
        assert_eq!(loads.dim(), (125 * rows * cols, 1, 3));
        let (mut peaks, mut places) = (BTreeSet::new(), BTreeSet::new());
        for press in loads.axis_chunks_iter(Axis(0), 125) {
            let place = [press[[0, 0, 1]], press[[0, 0, 2]]];
            places.insert(place.map(f64::to_bits));
            assert!(
                press
                    .outer_iter()
                    .all(|l| l[[0, 1]] - place[0] == 0.0 && l[[0, 2]] - place[1] == 0.0)
            );
            let forces: ArrayView1<f64> = press.slice(s![.., 0, 0]);
            let peak = forces[60];
            assert!(forces[0] == 0.0 && forces.slice(s![115..]).iter().all(|&f| f == 0.0));
            assert!(
                (forces[25] - 0.5 * peak).abs() < 1e-9 && (forces[95] - 0.5 * peak).abs() < 1e-9
            );
            assert!(forces.slice(s![50..=75]).iter().all(|f| (f - peak).abs() < 1e-9));
            let share = peak / 10.0 * (rows * cols) as f64;
            assert!((share - share.round()).abs() < 1e-9);
            peaks.insert(share.round().to_bits());
        }
        assert_eq!(peaks.len(), rows * cols);
        let taxels = (0..rows * cols).map(|i| skin.settings().contact.place(i).map(f64::to_bits));
        assert_eq!(places, taxels.collect());
    }
}

#[test]
fn test_loads_are_what_their_names_say() {
    let skin = skin(|_| {});
    let triangles = skin.triangles([0.5, -0.5], 6.0, 2.0, 3);
    assert_eq!(triangles.dim(), (600, 1, 3));
    for (t, force) in [(0, 0.0), (50, 3.0), (100, 6.0), (150, 3.0), (200, 0.0), (500, 6.0)] {
        let load = [0, 1, 2].map(|i| triangles[[t, 0, i]]);
        assert!((load[0] - force).abs() < 1e-9, "step {t}: {load:?}");
        assert!((load[1] - 0.5).abs() < 1e-12 && (load[2] + 0.5).abs() < 1e-12);
    }
    let hold = skin.hold([1.0, 0.0], 5.0, 60.0);
    assert_eq!(hold.dim(), (6000, 1, 3));
    assert!(hold.outer_iter().all(|l| l[[0, 0]] - 5.0 == 0.0 && l[[0, 1]] - 1.0 == 0.0));
    let unloaded = skin.unloaded(600.0);
    assert_eq!(unloaded, Array3::<f64>::zeros((60_000, 1, 3)));
}

#[test]
fn given_loads_are_the_recorded_states() {
    let skin = skin(|s| s.contact.indenters = 2);
    let loads = skin.triangles([0.5, -0.5], 6.0, 1.0, 2);
    assert_eq!(loads.dim(), (200, 2, 3));
    let recordings = skin.record_loads(loads.view(), 8);
    for t in 0..200 {
        for (i, &value) in loads.slice(s![t, .., ..]).iter().enumerate() {
            assert!((f64::from(recordings.states[[0, t, i]]) - value).abs() < 1e-6);
        }
    }
    assert_eq!(skin.record_loads(loads.view(), 8), recordings);
    let shorter = skin.record_loads(loads.slice(s![..50, .., ..]), 8);
    assert_eq!(shorter.observations, recordings.observations.slice(s![.., ..50, ..]));
    let other = skin.record_loads(loads.view(), 9);
    assert_ne!(other.observations, recordings.observations);
    assert_ne!(other.states, recordings.states, "the temperature is another");
}

#[test]
#[should_panic(expected = "loads against (T, K, 3)")]
fn loads_of_more_indenters_are_refused() {
    skin(|_| {}).record_loads(Array3::zeros((5, 2, 3)).view(), 0);
}
