//! What a model file knows of the values of its training, and what a filter makes of files whose weights are absurd.
#![cfg(feature = "file")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{
    Channels, Dvbf, Filter, FilterOptions, KindTable, ModelConfig, ModelFile, Noise,
    TrainingBounds, Units,
};

fn config() -> ModelConfig {
    ModelConfig {
        hidden: 4,
        initial_frames: 2,
        dt: Some(0.05),
        transition: KindTable::new("locally-linear").with("matrices", 2).with("hidden", 3),
        ..ModelConfig::new(3, 2, 2)
    }
}

fn model_file() -> ModelFile {
    ModelFile::new(&config(), &Dvbf::random(&config(), Noise::new(0, 0)).unwrap())
}

#[test]
fn the_bounds_of_training_are_kept() {
    let (x, u) = (config().observation, config().control);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.dvbf");
    let observation = [vec![None], vec![Some([-1e5, 101_325.062_5]); x - 1]].concat();
    let bounds = TrainingBounds { observation, control: vec![Some([-1e-20, 1e-20]); u] };
    ModelFile { bounds: Some(bounds.clone()), ..model_file() }.write(&path).unwrap();
    assert_eq!(Filter::load(&path).unwrap().bounds(), Some(&bounds));
    let wrong = TrainingBounds { control: vec![None; u + 1], ..bounds.clone() };
    let error = ModelFile { bounds: Some(wrong), ..model_file() }.write(&path).unwrap_err();
    assert!(error.to_string().contains("its bounds do not fit"), "{error}");
    let wrong = TrainingBounds { control: vec![Some([1.0, -1.0]); u], ..bounds };
    let error = ModelFile { bounds: Some(wrong), ..model_file() }.write(&path).unwrap_err();
    assert!(error.to_string().contains("no smallest and largest"), "{error}");
}

/// Whatever weights a file has, a filter of it gives an error or beliefs that are finite.
#[test]
fn weights_of_any_size_give_no_belief_that_is_not_finite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.dvbf");
    let mut loaded = 0;
    for exponent in (-40..=38).step_by(2) {
        for sign in [1.0, -1.0] {
            let mut file = model_file();
            file.values.iter_mut().enumerate().for_each(|(i, value)| {
                let size = 10.0_f32.powi(exponent);
                *value = if i % 3 == 0 { sign * size } else { size };
            });
            file.write(&path).unwrap();
            let base = match Filter::load(&path) {
                Ok(filter) => filter,
                Err(error) => {
                    assert!(error.to_string().contains("not finite"), "{error}");
                    continue;
                }
            };
            loaded += 1;
            for options in [FilterOptions::MEAN_PATH, FilterOptions::default()] {
                let mut filter = base.with_options(options).unwrap();
                let (x, u) = (vec![0.5; file.config.observation], vec![0.5; file.config.control]);
                for _ in 0..12 {
                    let Ok(belief) = filter.step(Some(&x), &u, filter.dt()) else { continue };
                    let spread = belief.spread.iter().flat_map(|s| s.mean.iter().chain(&s.std));
                    let values = belief.state.iter().chain(&belief.noise_mean).chain(spread);
                    assert!(values.clone().all(|v| v.is_finite()), "1e{exponent}: {belief:?}");
                }
            }
        }
    }
    assert!(loaded > 10, "{loaded} files were loaded");
}

/// Numbers that no recording has in any unit.
#[test]
fn units_steps_and_scales_beyond_all_units_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.dvbf");
    let units = |mean: f64, scale: f32| {
        let observation = Channels::new(vec![mean; 3], vec![scale; 3]);
        Some(Units { observation, control: Channels::plain(2) })
    };
    for (mean, scale) in [(0.0, 1e-45), (0.0, 1e-31), (0.0, 1e31), (1e31, 1.0)] {
        let file = ModelFile { units: units(mean, scale), ..model_file() };
        let error = file.write(&path).unwrap_err().to_string();
        assert!(error.contains("its units have a scale outside of 1e-30 to 1e30"), "{error}");
    }
    for dt in [1e-310, 1e300] {
        let mut file = model_file();
        file.config.dt = Some(dt);
        let error = file.write(&path).unwrap_err().to_string();
        assert!(error.contains("is not between 1e-9 and 1e9 s"), "{error}");
    }
    for std_scale in [1e-300, 1e300] {
        let file = ModelFile { std_scale, ..model_file() };
        let error = file.write(&path).unwrap_err().to_string();
        assert!(error.contains("its scale of predictions"), "{error}");
    }
    // Charges in coulomb.
    ModelFile { units: units(0.0, 1.6e-19), ..model_file() }.write(&path).unwrap();
}
