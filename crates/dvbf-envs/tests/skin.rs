//! The skin as a whole: against NumPy (`data/make_skin.py`), the sensor without faults, recordings,
//! what can be calibrated of the default, and the settings' checks.

use dvbf_envs::{
    ContactSettings, CreepSettings, EnvError, Environment, PlaySettings, Recordings, Skin,
    SkinSettings, StateKind, record, rollout,
};
use ndarray::{Array1, Array2, Array3, Axis, s};
use ndarray_npy::NpzReader;
use proptest::prelude::*;

fn skin(settings: SkinSettings) -> Skin {
    Skin::new(settings).expect("valid settings")
}

#[test]
fn readings_match_numpy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/skin.npz");
    let mut golden = NpzReader::new(std::fs::File::open(path).unwrap()).unwrap();
    let loads: Array3<f64> = golden.by_name("load").unwrap();
    let readings: Array2<f64> = golden.by_name("reading").unwrap();
    let temperatures: Array1<f64> = golden.by_name("temperature").unwrap();
    let mut settings = SkinSettings {
        dt: 0.02,
        contact: ContactSettings { rows: 3, cols: 5, indenters: 2, width: 0.8 },
        creep: CreepSettings { times: vec![0.1, 1.0], compliances: vec![0.2, 0.1] },
        play: PlaySettings { thresholds: vec![0.05, 0.2, 0.4], weights: vec![0.1, 0.15, 0.05] },
        ..SkinSettings::default()
    };
    settings.conductance.spread = 0.0;
    (settings.conductance.offset, settings.conductance.sensitivity) = (0.01, 0.15);
    settings.conductance.exponent = 0.8;
    (settings.temperature.coefficient, settings.temperature.time) = (0.02, 1.5);
    settings.crosstalk.share = 0.06;
    (settings.readout.reference, settings.readout.full_scale) = (0.2, 0.45);
    (settings.readout.bits, settings.readout.dead) = (0, 0);
    let skin = skin(settings);
    let mut state = skin.relaxed();
    state[6] = 4.0;
    let mut reading = vec![0.0; 15];
    for (t, load) in loads.outer_iter().enumerate() {
        let load = [0, 1].map(|k| [0, 1, 2].map(|i| load[[k, i]]));
        skin.step(&mut state, &load);
        assert!((state[6] - temperatures[t]).abs() < 1e-12, "temperature at {t}");
        skin.observe(&state, &mut reading);
        for (i, value) in reading.iter().enumerate() {
            let error = (f64::from(*value) - readings[[t, i]]).abs();
            assert!(error < 1e-7, "taxel {i} at {t}: {value} against {}", readings[[t, i]]);
        }
    }
    // The limit of the converter is reached, and not by all.
    let limited = readings.iter().filter(|&&v| (v - 0.45).abs() < 1e-12).count();
    assert!(limited > 50 && limited < readings.len() / 2, "{limited}");
}

#[test]
fn a_sensor_without_faults_reads_the_force() {
    let skin = skin(SkinSettings::ideal());
    let recordings = record(&skin, 4, 2000, 1);
    assert_eq!(recordings.observations.dim(), (4, 2000, 16));
    assert_eq!(recordings.controls.dim(), (4, 2000, 0));
    assert_eq!(recordings.state_names, ["force", "x", "y", "temperature"]);
    assert!(recordings.state_kinds.iter().all(|&kind| kind == StateKind::Linear));
    assert_eq!((recordings.image, recordings.dt.to_bits()), (None, 0.01_f64.to_bits()));
    let mut loaded = 0;
    for (readings, state) in
        recordings.observations.rows().into_iter().zip(recordings.states.rows())
    {
        assert!(
            (readings.sum() - state[0]).abs() < 1e-5,
            "{} against {}",
            readings.sum(),
            state[0]
        );
        if state[0] > 1.0 {
            loaded += 1;
            // The brightest taxel is the nearest, within half a pitch on both axes.
            let best = (0..16).max_by(|&a, &b| readings[a].total_cmp(&readings[b])).unwrap();
            let place = skin.settings().contact.place(best);
            assert!((place[0] - f64::from(state[1])).abs() < 0.501);
            assert!((place[1] - f64::from(state[2])).abs() < 0.501);
        }
    }
    assert!(loaded > 1000, "{loaded} of 8000");
}

/// Solves `a x = b` for a symmetric positive matrix.
fn solve(mut a: Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for i in 0..n {
        for k in i + 1..n {
            let factor = a[[k, i]] / a[[i, i]];
            let row = a.row(i).to_owned() * factor;
            let mut below = a.row_mut(k);
            below -= &row;
            b[k] -= factor * b[i];
        }
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| a[[i, k]] * b[k]).sum();
        b[i] = (b[i] - known) / a[[i, i]];
    }
    b
}

/// Readings and a one, standardized by nothing.
fn features(recordings: &Recordings) -> Array2<f64> {
    let readings = recordings.observations.index_axis(Axis(0), 0).mapv(f64::from);
    let mut x = Array2::ones((readings.nrows(), readings.ncols() + 1));
    x.slice_mut(s![.., ..-1]).assign(&readings);
    x
}

/// Root mean square error of the force in % of full scale, of a ridge regression fitted on one
/// recording and tested on another.
fn calibrated(train: &Recordings, test: &Recordings) -> f64 {
    let force = |of: &Recordings| of.states.slice(s![0, .., 0]).mapv(f64::from);
    let x = features(train);
    let gram = x.t().dot(&x) + Array2::<f64>::eye(x.ncols()) * 1e-3;
    let weights = solve(gram, x.t().dot(&force(train)));
    let errors = features(test).dot(&weights) - force(test);
    100.0 * (errors.mapv(|e| e * e).sum() / errors.len() as f64).sqrt() / 10.0
}

/// The default is a sensor that is worth a filter: no static line through its readings is exact, and
/// still they tell the force. Of an ideal sensor the line is.
#[test]
fn a_static_calibration_leaves_some_percent_of_the_default() {
    let sweep = |skin: &Skin| skin.record_loads(skin.prescribed().view(), 1);
    let random = |skin: &Skin, steps| record(skin, 1, steps, 2);
    let ideal = skin(SkinSettings::ideal());
    assert!(calibrated(&sweep(&ideal), &random(&ideal, 10_000)) < 0.01);
    let cheap = skin(SkinSettings::default());
    let test = random(&cheap, 10_000);
    let swept = calibrated(&sweep(&cheap), &test);
    let long = calibrated(&record(&cheap, 1, 100_000, 3), &test);
    println!("a sweep of 20 s: {swept:.1} %, 1000 s at random: {long:.1} % of full scale");
    assert!((2.0..40.0).contains(&swept), "{swept}");
    assert!((2.0..12.0).contains(&long) && long < swept, "{long} after {swept}");
}

#[test]
fn rollouts_hold_the_load_and_know_no_chance() {
    let skin = skin(SkinSettings::default());
    let start = ndarray::array![[6.0, 0.5, -0.5, 1.5]];
    let held = rollout(&skin, start.view(), Array3::zeros((1, 500, 0)).view());
    for t in [0, 100, 499] {
        assert_eq!(held.states.slice(s![0, t, ..3]), held.states.slice(s![0, 0, ..3]));
        let kept = 1.5 * (-0.01 * f64::from(u16::try_from(t).unwrap()) / 300.0).exp();
        assert!((f64::from(held.states[[0, t, 3]]) - kept).abs() < 1e-5);
    }
    let sum = |t: usize| held.observations.slice(s![0, t, ..]).sum();
    // It creeps, and reads nothing else; the temperature falls by 0.02 K.
    assert!(sum(499) > sum(100) && sum(100) > sum(0), "{} {} {}", sum(0), sum(100), sum(499));
}

proptest! {
    /// More steps do not change those before, and chance is that of the seed.
    #[test]
    fn a_part_of_a_recording_is_a_recording(steps in 1..60_usize, seed in any::<u64>()) {
        let skin = skin(SkinSettings::default());
        let (whole, part) = (record(&skin, 2, 60, seed), record(&skin, 1, steps, seed));
        prop_assert_eq!(&part.observations, &whole.observations.slice(s![..1, ..steps, ..]));
        prop_assert_eq!(&part.states, &whole.states.slice(s![..1, ..steps, ..]));
    }
}

#[test]
fn the_seed_of_the_sensor_makes_the_sensor() {
    let of = |sensor_seed| skin(SkinSettings { sensor_seed, ..SkinSettings::default() });
    assert_eq!(of(3).factors(), of(3).factors());
    assert_eq!(of(3).dead(), of(3).dead());
    assert_ne!(of(3).factors(), of(4).factors());
    let many: Vec<f64> = (0..200).flat_map(|seed| of(seed).factors().to_vec()).collect();
    let logs = Array1::from(many).mapv(f64::ln);
    let (mean, std) = (logs.mean().unwrap(), logs.std(0.0));
    assert!(mean.abs() < 0.007 && (std - 0.1).abs() < 0.005, "{mean}, {std}");
    // Every taxel can be the dead one.
    let dead: std::collections::BTreeSet<usize> =
        (0..200).flat_map(|seed| of(seed).dead().to_vec()).collect();
    assert_eq!(dead.len(), 16);
    // Neither draw depends on the size of the other.
    let mut settings = SkinSettings { sensor_seed: 3, ..SkinSettings::default() };
    (settings.readout.dead, settings.conductance.spread) = (2, 0.2);
    let other = skin(settings);
    assert_eq!(other.dead().len(), 2);
    for (wide, narrow) in other.factors().iter().zip(of(3).factors()) {
        assert!((wide.ln() - 2.0 * narrow.ln()).abs() < 1e-12);
    }
}

#[test]
#[should_panic(expected = "one load per indenter")]
fn loads_without_an_indenter_are_refused() {
    let skin = skin(SkinSettings::default());
    skin.step(&mut skin.relaxed(), &[[1.0, 0.0, 0.0]; 2]);
}

#[test]
#[should_panic(expected = "presses at a place")]
fn loads_that_pull_are_refused() {
    let skin = skin(SkinSettings::default());
    skin.step(&mut skin.relaxed(), &[[-1.0, 0.0, 0.0]]);
}

#[test]
#[should_panic(expected = "numbers in a state")]
fn states_of_another_skin_are_refused() {
    skin(SkinSettings::default()).step(&mut skin(SkinSettings::ideal()).relaxed(), &[[0.0; 3]]);
}

#[test]
fn wrong_settings_are_named() {
    type Change = fn(&mut SkinSettings);
    let cases: [(&str, Change); 27] = [
        ("dt", |s| s.dt = 0.0),
        ("contact.rows", |s| s.contact.rows = 0),
        ("contact.cols", |s| s.contact.cols = 65),
        ("contact.indenters", |s| s.contact.indenters = 0),
        ("contact.width", |s| s.contact.width = 0.0),
        ("trajectory.force_max", |s| s.trajectory.force_max = 0.0),
        ("trajectory.ramp", |s| s.trajectory.ramp = [0.0, 1.0]),
        ("trajectory.hold", |s| s.trajectory.hold = [2.0, 1.0]),
        ("trajectory.rest", |s| s.trajectory.rest = [1.0, f64::NAN]),
        ("trajectory.triangles", |s| s.trajectory.triangles = 1.1),
        ("trajectory.slides", |s| s.trajectory.slides = -0.1),
        ("trajectory.changes", |s| s.trajectory.changes = 1.0),
        ("creep.times", |s| s.creep.times[1] = 0.0),
        ("creep.compliances", |s| s.creep.compliances[0] = -0.1),
        ("creep.compliances", |s| s.creep.compliances.truncate(2)),
        ("play.thresholds", |s| s.play.thresholds[0] = -0.1),
        ("play.weights", |s| s.play.weights[2] = 1.0),
        ("play.weights", |s| s.play.weights.push(0.0)),
        ("conductance.offset", |s| s.conductance.offset = -1.0),
        ("conductance.exponent", |s| s.conductance.exponent = 0.0),
        ("conductance.contact_resistance", |s| s.conductance.contact_resistance = 0.0),
        ("conductance.spread", |s| s.conductance.spread = -0.1),
        ("temperature.coefficient", |s| s.temperature.coefficient = 0.2),
        ("temperature.time", |s| s.temperature.time = 0.0),
        ("crosstalk.share", |s| s.crosstalk.share = 0.6),
        ("readout.bits", |s| s.readout.bits = 25),
        ("readout.dead", |s| s.readout.dead = 17),
    ];
    for (name, change) in cases {
        let mut settings = SkinSettings::default();
        change(&mut settings);
        match Skin::new(settings) {
            Err(EnvError::Setting { key, .. }) => assert_eq!(key, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let error = SkinSettings { dt: -1.0, ..SkinSettings::default() }.validate().unwrap_err();
    assert_eq!(error.to_string(), "`dt` must be finite and above zero, but it is -1");
}

#[test]
fn settings_are_read_from_files_and_unknown_keys_refused() {
    let text = "sensor_seed = 4\n[creep]\ntimes = []\ncompliances = []\n[readout]\nbits = 10\n\
                [conductance]\nlaw = 'contact'";
    let settings: SkinSettings = toml::from_str(text).unwrap();
    assert_eq!((settings.creep.clone(), settings.readout.bits), (CreepSettings::off(), 10));
    for settings in [settings, SkinSettings::default(), SkinSettings::ideal()] {
        let written = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<SkinSettings>(&written).unwrap(), settings);
    }
    for unknown in ["taxels = 4", "[play]\nweight = [0.1]"] {
        let error = toml::from_str::<SkinSettings>(unknown).unwrap_err();
        assert!(error.to_string().contains("unknown field"), "{error}");
    }
}
