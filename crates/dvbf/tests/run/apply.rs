//! Using trained models: filtering, simulation, evaluation again.

use crate::{recorded, tiny};
use dvbf::apply::{
    FilterOptions, SequenceBeliefs, Simulation, Start, Trained, Verdict, filter, simulate,
};
use dvbf::data::{Columns, RawRecordings, Set, Supply, read_npz, write_npz};
use dvbf::eval::predict;
use dvbf::pool::Pool;
use dvbf::run::evaluate;
use dvbf::settings::{Span, preset_for, usual_source};
use dvbf_core::Filter;
use ndarray::{Array2, s};
use std::fmt::Write;
use std::path::Path;

const OPTIONS: FilterOptions =
    FilterOptions { samples: 5, seed: 2, gate: Some(0.999), ..FilterOptions::MEAN_PATH };

/// A run on oscillations with gaps, and the recordings.
fn trained(folder: &Path) -> (Trained, RawRecordings) {
    let recordings = recorded::oscillation(&[60, 60, 60, 70, 60, 55, 60]);
    let file = folder.join("o.npz");
    write_npz(&file, &recordings).unwrap();
    tiny::finish(&recorded::settings(&recordings, &file), &folder.join("run"), false);
    (Trained::open(&folder.join("run")).unwrap(), recordings)
}

#[test]
fn beliefs_are_those_of_the_online_filter() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, recordings) = trained(folder.path());
    let pool = Pool::new(2).unwrap();
    let beliefs = filter(&trained, &recordings, OPTIONS, &pool).unwrap();
    assert_eq!((beliefs.sequences.len(), beliefs.steps()), (7, 425));
    let online = Filter::load(folder.path().join("run/best.dvbf")).unwrap();
    for (n, (sequence, found)) in recordings.sequences.iter().zip(&beliefs.sequences).enumerate() {
        let seed = OPTIONS.seed + n as u64;
        let mut online = online.with_options(FilterOptions { seed, ..OPTIONS }).unwrap();
        for (t, x) in sequence.observations.rows().into_iter().enumerate() {
            let u = if t > 0 { sequence.controls[[t - 1, 0]] } else { 0.0 };
            let x = x.to_vec();
            let belief = online.step(Some(&x), &[u], 0.1).unwrap();
            if !belief.started {
                assert!(found.path.row(t).iter().all(|v| v.is_nan()));
                continue;
            }
            let spread = belief.spread.as_ref().unwrap();
            assert_eq!(found.path.row(t), belief.state);
            assert_eq!(found.mean.row(t), spread.mean);
            assert_eq!(found.std.row(t), spread.std);
            match spread.score {
                Some(score) => {
                    assert_eq!(found.log_likelihood[t].to_bits(), score.log_likelihood.to_bits());
                    assert_eq!(found.freedom[t] as usize, score.freedom);
                }
                None => assert_eq!(found.freedom[t], 0),
            }
            assert_eq!(found.verdicts[t], Verdict::from(belief.status));
        }
    }
    assert!(beliefs.count(Verdict::Partly) > 10);
    assert!(beliefs.score().is_some_and(|(log, nis)| log.is_finite() && nis > 0.0));
    let single = filter(&trained, &recordings, OPTIONS, &Pool::new(1).unwrap()).unwrap();
    // Unknown values are NaN, which is unequal to itself.
    let text = |s: &Vec<SequenceBeliefs>| format!("{s:?}");
    assert_eq!(text(&single.sequences), text(&beliefs.sequences), "threads do not matter");
}

/// A model of channels that are far from zero filters as one of the same channels about zero.
#[test]
fn an_offset_changes_no_belief() {
    let folder = tempfile::tempdir().unwrap();
    let (near, recordings) = trained(folder.path());
    let mut far = recordings.clone();
    far.origins.observation = vec![5e6; far.observation_names.len()];
    let file = folder.path().join("far.npz");
    write_npz(&file, &far).unwrap();
    let files = [file.display().to_string()];
    let read = read_npz(&file).unwrap();
    tiny::finish(&recorded::settings(&read, &file), &folder.path().join("far"), false);
    let there = Trained::open(&folder.path().join("far")).unwrap();
    let pool = Pool::new(1).unwrap();
    let of = |trained: &Trained, file: &str| {
        let files = [folder.path().join(file).display().to_string()];
        let recordings = trained.read(&files, Columns::default(), None, None).unwrap();
        filter(trained, &recordings, OPTIONS, &pool).unwrap()
    };
    let (a, b) = (of(&near, "o.npz"), of(&there, "far.npz"));
    let (a_score, b_score) = (a.score().unwrap(), b.score().unwrap());
    assert!((a_score.0 - b_score.0).abs() < 1e-2 * a_score.0.abs(), "{a_score:?} {b_score:?}");
    assert!((a_score.1 - b_score.1).abs() < 1e-2 * a_score.1, "{a_score:?} {b_score:?}");
    for (a, b) in a.sequences.iter().zip(&b.sequences) {
        assert_eq!(a.verdicts, b.verdicts);
    }
    assert_eq!(
        there.read(&files, Columns::default(), None, None).unwrap().origins,
        *there.origins()
    );
    // Those about zero are far outside what the other model knows, and are told apart.
    assert!(there.origins().observation.iter().all(|o| (o - 5e6).abs() < 10.0));
}

#[test]
fn recordings_of_another_kind_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, recordings) = trained(folder.path());
    let pool = Pool::new(1).unwrap();
    let refusal = |change: &dyn Fn(&mut RawRecordings)| {
        let mut other = recordings.clone();
        change(&mut other);
        filter(&trained, &other, OPTIONS, &pool).unwrap_err().to_string()
    };
    let narrow = refusal(&|r| {
        r.observation_names.pop();
        r.sequences.iter_mut().for_each(|s| {
            s.observations = s.observations.slice(s![.., ..1]).to_owned();
        });
    });
    assert_eq!(narrow, "x has 1 channel (position), and the model observes 2");
    let free = refusal(&|r| {
        r.control_names.clear();
        for s in &mut r.sequences {
            s.controls = Array2::zeros((s.controls.nrows(), 0));
        }
    });
    assert_eq!(free, "u has 0 controls (none), and the model takes 1");
    let slow = refusal(&|r| r.dt = Some(0.2));
    assert_eq!(slow, "dt is 0.2 s, and the model was trained at steps of 0.1 s");
    let uneven = refusal(&|r| {
        for s in &mut r.sequences {
            s.intervals = Some(vec![0.1; s.observations.nrows()]);
        }
    });
    assert_eq!(uneven, "dt differs from step to step, and the model knows equal steps only");
    let foreign = refusal(&|r| r.observation_names = vec!["position".into(), "heat".into()]);
    assert!(
        foreign
            .contains("channels of x are position, heat, and those of the model position, mixed")
    );
    let image = refusal(&|r| r.image = Some((1, 2)));
    assert_eq!(image, "x are images of 1×2, and the model observes vectors");
}

#[test]
fn channels_are_known_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, recordings) = trained(folder.path());
    let mut swapped = recordings.clone();
    swapped.observation_names.reverse();
    for sequence in &mut swapped.sequences {
        sequence.observations = sequence.observations.select(ndarray::Axis(1), &[1, 0]);
    }
    let pool = Pool::new(1).unwrap();
    let beliefs = |r: &RawRecordings| format!("{:?}", filter(&trained, r, OPTIONS, &pool).unwrap());
    assert_eq!(beliefs(&swapped), beliefs(&recordings));

    // Tables in another order, and columns of other names that were chosen in the model's order.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let file = other.join("a.csv");
    let table = |header: &str| {
        let mut text = format!("{header}\n");
        for (x, u) in recordings.sequences[0]
            .observations
            .rows()
            .into_iter()
            .zip(recordings.sequences[0].controls.column(0))
        {
            let cell = |v: f32| if v.is_nan() { String::new() } else { v.to_string() };
            writeln!(text, "{},{u},{}", cell(x[1]), cell(x[0])).unwrap();
        }
        std::fs::write(&file, text).unwrap();
    };
    let read = |columns: Columns| {
        let mut read = trained.read(&[file.display().to_string()], columns, None, None).unwrap();
        read.dt = Some(0.1);
        read.sequences[0].name = "sequence 0".into();
        format!("{:?}", filter(&trained, &read, OPTIONS, &pool).unwrap().sequences)
    };
    let mut first = recordings.clone();
    first.sequences.truncate(1);
    let expected = format!("{:?}", filter(&trained, &first, OPTIONS, &pool).unwrap().sequences);
    table("x_mixed,u_force,x_position");
    assert_eq!(read(Columns::default()), expected);
    table("m,force,p");
    let observe = vec!["p".into(), "m".into()];
    assert_eq!(
        read(Columns { observe, ..Columns::default() }),
        expected,
        "the control by its name"
    );
}

#[test]
fn steps_of_different_lengths_are_simulated_at_their_mean() {
    let folder = tempfile::tempdir().unwrap();
    let mut recordings = recorded::oscillation(&[60, 60, 60, 70, 60, 55, 60]);
    recordings.dt = None;
    for sequence in &mut recordings.sequences {
        let steps = sequence.observations.nrows();
        sequence.intervals = Some((0..steps).map(|t| if t % 2 == 0 { 0.1 } else { 0.2 }).collect());
    }
    let file = folder.path().join("o.npz");
    write_npz(&file, &recordings).unwrap();
    // The seconds after the last step are not read.
    let mut recordings = read_npz(&file).unwrap();
    tiny::finish(&recorded::settings(&recordings, &file), &folder.path().join("run"), false);
    let trained = Trained::open(&folder.path().join("run")).unwrap();
    let wanted = Simulation { steps: Some(7), draws: 1, sensor_noise: false, seed: 3 };
    let prior = simulate(&trained, Start::Prior(2), &wanted).unwrap();
    assert_eq!(prior.control_names, ["force"]);
    assert_eq!(prior.observation_names, ["position", "mixed"]);
    let seconds = prior.sequences[1].intervals.as_ref().unwrap();
    assert!(seconds.len() == 7 && seconds.iter().all(|s| (s - 0.15).abs() < 0.003), "{seconds:?}");

    let start = Start::Recordings { recordings: &recordings, filtered: 20 };
    let ahead = simulate(&trained, start, &Simulation { steps: None, ..wanted }).unwrap();
    let own = recordings.sequences[0].intervals.as_ref().unwrap();
    assert_eq!(ahead.sequences[0].intervals.as_ref().unwrap()[..39], own[20..59]);
    assert_eq!(ahead.sequences[0].controls.ncols(), 1);

    // Equal steps will do if somebody says how long they are.
    let pool = Pool::new(1).unwrap();
    for sequence in &mut recordings.sequences {
        sequence.intervals = None;
    }
    let unstated = filter(&trained, &recordings, OPTIONS, &pool).unwrap_err().to_string();
    assert!(unstated.contains("dt is missing"), "{unstated}");
    recordings.dt = Some(0.15);
    filter(&trained, &recordings, OPTIONS, &pool).unwrap();
}

#[test]
fn a_sensor_that_is_dead_in_a_recording_is_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, mut recordings) = trained(folder.path());
    for sequence in &mut recordings.sequences {
        sequence.observations.column_mut(1).fill(f32::NAN);
    }
    let file = folder.path().join("dead.npz");
    write_npz(&file, &recordings).unwrap();
    let read = trained.read(&[file.display().to_string()], Columns::default(), None, None).unwrap();
    let beliefs = filter(&trained, &read, OPTIONS, &Pool::new(1).unwrap()).unwrap();
    assert_eq!(beliefs.count(Verdict::Seen), 0);
    let source = usual_source(&read, vec!["dead.npz".into()]);
    let error = preset_for("auto", &read, source, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "dead.npz: observation mixed is missing at every step, so nothing can be learned of it"
    );
}

#[test]
fn a_filter_is_not_lost_where_a_control_is_absurd() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, mut recordings) = trained(folder.path());
    recordings.sequences.truncate(1);
    recordings.sequences[0].controls.row_mut(29).fill(3e38);
    let beliefs = filter(&trained, &recordings, OPTIONS, &Pool::new(1).unwrap()).unwrap();
    let one = &beliefs.sequences[0];
    let k = trained.filter().model().initial_frames();
    for values in [&one.path, &one.mean, &one.std, &one.predicted_mean, &one.predicted_std] {
        assert!(values.slice(s![k.., ..]).iter().all(|v| v.is_finite()));
    }
}

#[test]
fn a_simulation_along_the_mean_path_is_the_open_loop_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let settings = tiny::settings();
    tiny::finish(&settings, folder.path(), false);
    let trained = Trained::open(folder.path()).unwrap();
    let test = trained.test_sequences(9).unwrap();
    let start = Start::Recordings { recordings: &test, filtered: 3 };
    let mean = Simulation { steps: None, draws: 0, sensor_noise: false, seed: 0 };
    let simulated = simulate(&trained, start, &mean).unwrap();

    let supply = Supply::open(&settings).unwrap();
    let data = supply.sequences(Set::TestLong).first(9);
    let predicted = predict(&**trained.filter().model(), &data, Span { filtered: 3, horizon: 6 });
    for (n, sequence) in simulated.sequences.iter().enumerate() {
        let off = &sequence.observations - &predicted.slice(s![n, .., ..]);
        assert!(off.iter().all(|v| v.abs() < 1e-5), "{off}");
        assert_eq!(sequence.controls, test.sequences[n].controls.slice(s![3.., ..]));
    }
    assert_eq!((simulated.image, simulated.dt), (Some((16, 16)), Some(data.dt)));

    // It is a recording like any other.
    let file = folder.path().join("s.npz");
    write_npz(&file, &simulated).unwrap();
    let read = read_npz(&file).unwrap();
    assert_eq!(read.sequences[4].observations, simulated.sequences[4].observations);
    assert_eq!(read.state_names, ["z1", "z2", "z3"]);
}

#[test]
fn draws_differ_and_average_to_what_the_filter_forecasts() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, mut recordings) = trained(folder.path());
    recordings.sequences.truncate(1);
    let start = Start::Recordings { recordings: &recordings, filtered: 20 };
    let draws = 4000;
    let wanted = Simulation { steps: Some(4), draws, sensor_noise: true, seed: 1 };
    let simulated = simulate(&trained, start, &wanted).unwrap();
    assert_eq!(simulated.sequences.len(), draws);
    assert_ne!(simulated.sequences[0].observations, simulated.sequences[1].observations);

    let options =
        FilterOptions { samples: draws, seed: 77, gate: None, ..FilterOptions::default() };
    let mut online = trained.filter().with_options(options).unwrap().with_std_scale(1.0).unwrap();
    let sequence = &recordings.sequences[0];
    for t in 0..20 {
        let u = if t > 0 { sequence.controls[[t - 1, 0]] } else { 0.0 };
        online.step(Some(&sequence.observations.row(t).to_vec()), &[u], 0.1).unwrap();
    }
    let forecast = online.predict(sequence.controls.slice(s![19..23, ..])).unwrap();
    for t in 0..4 {
        for x in 0..2 {
            let values: Vec<f64> =
                simulated.sequences.iter().map(|s| f64::from(s.observations[[t, x]])).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance =
                values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
            let (expected, std) = (
                f64::from(forecast.observation_mean[[t, x]]),
                f64::from(forecast.observation_std[[t, x]]),
            );
            let error = std / (draws as f64).sqrt();
            assert!((mean - expected).abs() < 6.0 * error, "{t} {x}: {mean} {expected} ± {error}");
            assert!(
                (variance.sqrt() / std - 1.0).abs() < 0.08,
                "{t} {x}: {} {std}",
                variance.sqrt()
            );
        }
    }
}

#[test]
fn the_prior_gives_sequences_and_controls_end_as_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let (trained, recordings) = trained(folder.path());
    let wanted = Simulation { steps: Some(12), draws: 1, sensor_noise: false, seed: 3 };
    let prior = simulate(&trained, Start::Prior(5), &wanted).unwrap();
    assert_eq!(prior.sequences.len(), 5);
    assert!(prior.sequences.iter().all(|s| s.observations.dim() == (12, 2)));
    assert!(prior.sequences.iter().all(|s| s.observations.iter().all(|v| v.is_finite())));
    let again = simulate(&trained, Start::Prior(5), &wanted).unwrap();
    assert_eq!(again, prior, "the same seed, the same sequences");

    let start = Start::Recordings { recordings: &recordings, filtered: 50 };
    let longer = Simulation { steps: Some(30), draws: 0, ..wanted };
    let beyond = simulate(&trained, start, &longer).unwrap();
    let last = &beyond.sequences[0];
    assert_eq!(
        last.controls.slice(s![..10, ..]),
        recordings.sequences[0].controls.slice(s![50.., ..])
    );
    assert!(last.controls.slice(s![10.., ..]).iter().all(|&u| u == 0.0));

    let error = |filtered, steps| {
        let start = Start::Recordings { recordings: &recordings, filtered };
        simulate(&trained, start, &Simulation { steps, ..longer }).unwrap_err().to_string()
    };
    assert!(error(70, None).contains("the longest sequence has 70 steps"), "{}", error(70, None));
    assert!(error(2, None).contains("the first 8 start the state"), "{}", error(2, None));
    assert!(error(20, Some(1 << 30)).contains("too many at once"), "{}", error(20, Some(1 << 30)));
    let start = Start::Recordings { recordings: &recordings, filtered: 57 };
    let some = simulate(&trained, start, &Simulation { steps: None, ..longer }).unwrap();
    assert_eq!(some.sequences.len(), 6);
    assert_eq!(some.remarks[0], "1 sequence with fewer than 58 steps: left out");

    let start = Start::Recordings { recordings: &recordings, filtered: 20 };
    let draws = |draws| simulate(&trained, start, &Simulation { draws, ..longer }).unwrap();
    assert_eq!(draws(1).sequences[1], draws(3).sequences[3], "a draw does not depend on others");
}

#[test]
fn evaluation_again_gives_the_figures_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let finished = tiny::finish(&tiny::settings(), folder.path(), false);
    let (summary, settings) = evaluate(folder.path(), &[], &Pool::new(1).unwrap()).unwrap();
    assert_eq!(settings, finished.settings);
    let mut expected = finished.summary.clone();
    (expected.seconds, expected.threads) = (summary.seconds, summary.threads);
    assert_eq!(summary, expected);
    let nowhere = evaluate(&folder.path().join("x"), &[], &Pool::new(1).unwrap());
    assert!(nowhere.unwrap_err().to_string().contains("config.toml is missing"));
}
