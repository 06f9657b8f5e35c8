//! What a filter that knows the equations gets from the skin: the same readings as the simulator's.

use dvbf_envs::{Environment, Skin, SkinSettings};

fn quiet() -> SkinSettings {
    let mut settings = SkinSettings::default();
    (settings.readout.noise_full, settings.readout.noise_value) = (0.0, 0.0);
    (settings.readout.bits, settings.readout.full_scale) = (0, 10.0);
    settings
}

#[test]
fn loads_with_their_past_give_the_readings_of_the_simulator() {
    let skin = Skin::new(quiet()).unwrap();
    let (mut state, mut memory) = (skin.relaxed(), skin.memory());
    let (mut readings, mut voltages) = (vec![0.0_f32; 16], vec![0.0; 16]);
    let mut before = [[0.0; 3]];
    for t in 0..400 {
        let time = 0.01 * f64::from(t);
        let load = [[5.0 * (1.0 - (3.0 * time).cos()), (0.7 * time).sin(), 0.3 * time - 0.5]];
        skin.step(&mut state, &load);
        skin.observe(&state, &mut readings);
        skin.relax(&mut memory, &before);
        skin.shown(&memory, &load, 0.0, &mut voltages);
        for (own, reading) in voltages.iter().zip(&readings) {
            assert!((own - f64::from(*reading)).abs() < 1e-6, "step {t}: {own} {reading}");
        }
        skin.settle(&mut memory, &load);
        before = load;
    }
}

#[test]
fn a_sensor_that_is_given_is_the_one_that_the_seed_draws() {
    let drawn = Skin::new(quiet()).unwrap();
    let given =
        Skin::with_sensor(quiet(), drawn.factors().to_vec(), drawn.dead().to_vec()).unwrap();
    let read = |skin: &Skin| {
        let mut out = vec![0.0; 16];
        skin.shown(&skin.memory(), &[[4.0, 0.2, -0.7]], 1.0, &mut out);
        out
    };
    assert_eq!(read(&drawn), read(&given));
    assert!(read(&drawn)[drawn.dead()[0]] == 0.0);
    for factors in [vec![1.0; 15], vec![0.0; 16]] {
        let error = Skin::with_sensor(quiet(), factors, Vec::new()).unwrap_err().to_string();
        assert!(error.contains("factors"), "{error}");
    }
    assert!(Skin::with_sensor(quiet(), vec![1.0; 16], vec![16]).is_err());
}
