//! Every fault of the skin alone, against its closed form.

use dvbf_envs::{
    ConductanceLaw, ContactSettings, CreepSettings, CrosstalkSettings, Environment, PlaySettings,
    Recordings, Skin, SkinSettings, record,
};
use ndarray::{Array1, ArrayView1, s};
use proptest::prelude::*;

/// An ideal sensor with one fault.
fn with(change: impl FnOnce(&mut SkinSettings)) -> Skin {
    let mut settings = SkinSettings::ideal();
    change(&mut settings);
    Skin::new(settings).expect("valid settings")
}

/// One taxel, so that its pressure is the force.
fn single(settings: &mut SkinSettings) {
    settings.contact = ContactSettings { rows: 1, cols: 1, ..ContactSettings::default() };
}

fn readings(recordings: &Recordings, taxel: usize) -> Array1<f64> {
    recordings.observations.slice(s![0, .., taxel]).mapv(f64::from)
}

fn moments(values: ArrayView1<'_, f64>) -> (f64, f64) {
    (values.mean().expect("values"), values.std(0.0))
}

#[test]
fn shares_of_a_contact_are_those_of_a_bell() {
    let skin = with(|s| s.contact.width = 0.7);
    let mut state = skin.relaxed();
    skin.step(&mut state, &[[8.0, 0.5, -0.5]]);
    let mut out = vec![0.0; 16];
    skin.observe(&state, &mut out);
    // On the taxel of the second row and the third column.
    let ratio = |taxel: usize| f64::from(out[taxel] / out[6]);
    for (taxel, square) in
        [(5, 1.0), (7, 1.0), (2, 1.0), (10, 1.0), (11, 2.0), (14, 4.0), (12, 8.0)]
    {
        let expected = (-square / 0.98_f64).exp();
        assert!((ratio(taxel) - expected).abs() < 1e-5, "taxel {taxel}: {}", ratio(taxel));
    }
}

#[test]
fn far_contacts_are_carried_by_the_nearest_taxel() {
    let skin = with(|s| s.contact.width = 0.05);
    let mut state = skin.relaxed();
    skin.step(&mut state, &[[8.0, 90.0, -70.0]]);
    let mut out = vec![0.0; 16];
    skin.observe(&state, &mut out);
    assert!((out[3] - 8.0).abs() < 1e-6 && out.iter().sum::<f32>() < 8.0 + 1e-5, "{out:?}");
}

#[test]
fn creep_follows_its_step_response_up_and_down() {
    let (times, compliances) = ([0.5, 5.0, 50.0], [0.03, 0.04, 0.05]);
    let skin = with(|s| {
        single(s);
        s.creep = CreepSettings { times: times.to_vec(), compliances: compliances.to_vec() };
    });
    let mut loads = skin.hold([0.0; 2], 4.0, 70.0);
    loads.slice_mut(s![6000.., 0, 0]).fill(0.0);
    let seen = readings(&skin.record_loads(loads.view(), 1), 0);
    let crept = |t: f64| -> f64 {
        times.iter().zip(compliances).map(|(tau, j)| 4.0 * j * (1.0 - (-t / tau).exp())).sum()
    };
    for t in [0_u16, 1, 10, 500, 3000, 5999] {
        let expected = 4.0 + crept(0.01 * f64::from(t));
        let now = seen[usize::from(t)];
        assert!((now - expected).abs() < 2e-6, "step {t}: {now} against {expected}");
    }
    for t in [0_u16, 1, 10, 999] {
        let after = 0.01 * f64::from(t);
        let expected: f64 = times
            .iter()
            .zip(compliances)
            .map(|(tau, j)| 4.0 * j * (1.0 - (-60.0 / tau).exp()) * (-after / tau).exp())
            .sum();
        let now = seen[6000 + usize::from(t)];
        assert!((now - expected).abs() < 2e-6, "step {t} after: {now} against {expected}");
    }
}

/// The default creeps like the data sheet's resistor: below 5 % per decade of time.
#[test]
fn the_default_creep_is_that_of_a_common_part() {
    let skin = with(|s| {
        single(s);
        s.creep = CreepSettings::default();
    });
    let seen = readings(&skin.record_loads(skin.hold([0.0; 2], 4.0, 100.0).view(), 1), 0);
    let decade = |from: usize| (seen[10 * from - 1] - seen[from - 1]) / 4.0;
    for from in [10, 100, 1000] {
        assert!((0.01..0.05).contains(&decade(from)), "{} from {from}", decade(from));
    }
}

fn play(threshold: f64, weight: f64) -> Skin {
    with(|s| {
        single(s);
        s.play = PlaySettings { thresholds: vec![threshold], weights: vec![weight] };
    })
}

proptest! {
    /// A cycle between 0 and `A` encloses `2 w r (A − 2 r)`, whatever the speed.
    #[test]
    fn a_cycle_of_play_encloses_its_area(
        threshold in 0.1..1.5_f64, weight in 0.05..1.0_f64, peak in 3.5..9.0_f64, slow in 1..4_usize,
    ) {
        let skin = play(threshold, weight);
        // The first cycle comes from the relaxed state; the others are closed.
        let period = 10.0 * slow as f64;
        let loads = skin.triangles([0.0; 2], peak, period, 2);
        let seen = readings(&skin.record_loads(loads.view(), 1), 0);
        let half = loads.dim().0 / 2;
        let area: f64 = (half..2 * half)
            .map(|t| {
                let next = if t + 1 == 2 * half { half } else { t + 1 };
                let strain = loads[[next, 0, 0]] - loads[[t, 0, 0]];
                -0.5 * strain * (seen[t] + seen[next])
            })
            .sum();
        let expected = 2.0 * weight * threshold * (peak - 2.0 * threshold);
        prop_assert!((area - expected).abs() < 2e-3 * expected + 1e-4, "{} against {}", area, expected);
    }

    /// Small motions do not move an operator.
    #[test]
    fn play_stands_still_between_its_thresholds(inside in 0.0..0.99_f64, weight in 0.05..1.0_f64) {
        let skin = play(0.5, weight);
        let mut state = skin.relaxed();
        let mut out = [0.0];
        for (force, effective) in [
            (4.0, weight * 3.5 + (1.0 - weight) * 4.0),
            (4.0 - inside, weight * 3.5 + (1.0 - weight) * (4.0 - inside)),
            (2.0, weight * 2.5 + (1.0 - weight) * 2.0),
        ] {
            skin.step(&mut state, &[[force, 0.0, 0.0]]);
            skin.observe(&state, &mut out);
            prop_assert!((f64::from(out[0]) - effective).abs() < 1e-6);
        }
    }

    #[test]
    fn conductance_follows_its_law(
        force in 0.01..10.0_f64, spread in 0.0..0.3_f64, contact in any::<bool>(),
    ) {
        let skin = with(|s| {
            single(s);
            s.conductance.offset = 0.02;
            s.conductance.sensitivity = 0.3;
            s.conductance.exponent = 0.75;
            (s.conductance.contact_resistance, s.conductance.film_resistance) = (4.0, 1.5);
            s.conductance.spread = spread;
            let law = if contact { ConductanceLaw::Contact } else { ConductanceLaw::Power };
            s.conductance.law = law;
        });
        let factor = skin.factors()[0];
        let mut state = skin.relaxed();
        skin.step(&mut state, &[[force, 0.0, 0.0]]);
        let mut out = [0.0];
        skin.observe(&state, &mut out);
        let expected = if contact {
            // Resistances in series: both contacts of this taxel and the film.
            0.02 + 1.0 / (2.0 * 4.0 / (factor * force) + 1.5)
        } else {
            0.02 + 0.3 * factor * force.powf(0.75)
        };
        prop_assert!((f64::from(out[0]) / expected - 1.0).abs() < 1e-6);
    }
}

#[test]
fn the_temperature_has_its_stationary_deviation_and_its_memory() {
    let skin = with(|s| {
        single(s);
        s.temperature.coefficient = 0.01;
        (s.temperature.std, s.temperature.time) = (2.0, 0.5);
        s.conductance.offset = 1.0;
    });
    let recordings = skin.record_loads(skin.unloaded(2000.0).view(), 3);
    let warm = recordings.states.slice(s![0, .., 3]).mapv(f64::from);
    let (mean, std) = moments(warm.view());
    // 2000 times its memory: a standard error of about 0.04 K, and of 0.03 K.
    assert!(mean.abs() < 0.2 && (std - 2.0).abs() < 0.15, "{mean}, {std}");
    let lag = 25;
    let both = &warm.slice(s![lag..]) * &warm.slice(s![..-25]);
    let correlation = both.mean().unwrap() / (std * std);
    assert!((correlation - (-0.5_f64).exp()).abs() < 0.05, "{correlation}");
    let seen = readings(&recordings, 0);
    for (value, warm) in seen.iter().zip(&warm) {
        assert!((value - (1.0 - 0.01 * warm)).abs() < 1e-6);
    }
    // Every recording begins with the stationary deviation.
    let starts = record(&skin, 3000, 1, 7).states.slice(s![.., 0, 3]).mapv(f64::from);
    let (mean, std) = moments(starts.view());
    assert!(mean.abs() < 0.15 && (std - 2.0).abs() < 0.1, "{mean}, {std}");
}

#[test]
fn one_pressed_taxel_is_seen_along_its_row_and_its_column() {
    let skin = with(|s| {
        s.contact = ContactSettings { rows: 3, cols: 5, width: 0.05, ..ContactSettings::default() };
        s.crosstalk = CrosstalkSettings { share: 0.07 };
    });
    let place = skin.settings().contact.place(8);
    let mut state = skin.relaxed();
    skin.step(&mut state, &[[6.0, place[0], place[1]]]);
    let mut out = vec![0.0; 15];
    skin.observe(&state, &mut out);
    for (taxel, &value) in out.iter().enumerate() {
        let own = if taxel == 8 { 0.86 * 6.0 } else { 0.0 };
        let row = if taxel / 5 == 1 { 0.07 * 6.0 / 5.0 } else { 0.0 };
        let column = if taxel % 5 == 3 { 0.07 * 6.0 / 3.0 } else { 0.0 };
        assert!((f64::from(value) - own - row - column).abs() < 1e-6, "taxel {taxel}: {value}");
    }
    assert!((out.iter().sum::<f32>() - 6.0).abs() < 1e-5);
}

#[test]
fn the_divider_and_the_noise_are_those_of_the_settings() {
    let skin = with(|s| {
        single(s);
        s.readout.reference = 3.0;
        (s.readout.full_scale, s.readout.noise_full, s.readout.noise_value) = (0.8, 0.01, 0.02);
    });
    let seen = readings(&skin.record_loads(skin.hold([0.0; 2], 3.0, 500.0).view(), 5), 0);
    let (mean, std) = moments(seen.view());
    // V = 1/2, and its noise 0.01 · 0.8 + 0.02 · 0.5 = 0.018.
    assert!((mean - 0.5).abs() < 4e-4 && (std - 0.018).abs() < 3e-4, "{mean}, {std}");
    let other = readings(&skin.record_loads(skin.hold([0.0; 2], 3.0, 1.0).view(), 6), 0);
    assert_ne!(other, seen.slice(s![..100]));
}

#[test]
fn the_converter_has_limits_and_steps() {
    let skin = with(|s| {
        single(s);
        (s.readout.full_scale, s.readout.bits) = (2.0, 3);
    });
    let mut state = skin.relaxed();
    let mut out = [0.0];
    // Seven steps of 2/7.
    for (force, steps) in
        [(0.0, 0.0), (0.14, 0.0), (0.15, 1.0), (1.0, 4.0), (1.99, 7.0), (9.0, 7.0)]
    {
        skin.step(&mut state, &[[force, 0.0, 0.0]]);
        skin.observe(&state, &mut out);
        assert!((f64::from(out[0]) - steps * 2.0 / 7.0).abs() < 1e-6, "{force}: {}", out[0]);
    }
}

#[test]
fn dead_taxels_read_nothing_and_the_others_what_they_did() {
    let alive = with(|_| {});
    let skin = with(|s| s.readout.dead = 2);
    assert_eq!(skin.dead().len(), 2);
    let (some, all) = (record(&skin, 1, 500, 2), record(&alive, 1, 500, 2));
    for taxel in 0..16 {
        let (some, all) = (readings(&some, taxel), readings(&all, taxel));
        if skin.dead().contains(&taxel) {
            assert!(some.iter().all(|&v| v == 0.0) && all.iter().any(|&v| v > 0.0));
        } else {
            assert_eq!(some, all);
        }
    }
}
