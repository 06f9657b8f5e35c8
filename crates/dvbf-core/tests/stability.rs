//! Fresh parameters are the same in every version: figures belong to seeds.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use dvbf_core::{Dvbf, KindTable, ModelConfig, Noise, Params, Path};

fn config(transition: KindTable) -> ModelConfig {
    ModelConfig {
        hidden: 4,
        initial_frames: 2,
        transition: transition.with("hidden", 3),
        ..ModelConfig::new(3, 1, 2)
    }
}

/// The first value of every array of parameters that is drawn, by name.
fn first_values(transition: KindTable) -> Vec<(String, f32)> {
    let model = Dvbf::<f32>::random(&config(transition), Noise::new(42, 0)).unwrap();
    let mut out = Vec::new();
    model.visit(Path::ROOT, &mut |path, array| {
        // Logarithms of scales start at what the configuration says.
        let drawn = !path.to_string().contains("log_");
        let first = array.iter().copied().find(|v| drawn && *v != 0.0);
        out.extend(first.map(|value| (path.to_string(), value)));
    });
    out
}

#[track_caller]
fn pinned(transition: KindTable, then: &[(&str, f32)]) {
    let now = first_values(transition);
    let same = now.len() == then.len()
        && now.iter().zip(then).all(|((name, value), (old_name, old))| {
            name == old_name && (value - old).abs() <= 1e-6 * old.abs()
        });
    assert!(same, "{now:?} instead of {then:?}");
}

#[test]
fn value_stability() {
    pinned(
        KindTable::new("locally-linear").with("matrices", 2),
        &[
            ("initial.recognition.0.weight", -0.518_588_2),
            ("initial.recognition.1.weight", 0.319_153_55),
            ("initial.state.0.weight", -2.276_557_7),
            ("initial.state.1.weight", -0.618_448_85),
            ("recognition.0.weight", -1.858_801_6),
            ("recognition.1.weight", -0.185_534_66),
            ("transition.mixing.0.weight", -0.368_065_42),
            ("transition.mixing.1.weight", 0.603_337_35),
            ("transition.a", 1.012_183_9),
            ("transition.b", 0.067_926_84),
            ("transition.c", 0.322_468_76),
            ("emission.0.weight", 0.448_634_8),
            ("emission.1.weight", -0.352_797_3),
        ],
    );
    pinned(
        KindTable::new("residual"),
        &[
            ("initial.recognition.0.weight", -0.518_588_2),
            ("initial.recognition.1.weight", 0.319_153_55),
            ("initial.state.0.weight", -2.276_557_7),
            ("initial.state.1.weight", -0.618_448_85),
            ("recognition.0.weight", -1.858_801_6),
            ("recognition.1.weight", -0.185_534_66),
            ("transition.net.0.weight", -0.787_572_44),
            ("transition.net.1.weight", -0.051_218),
            ("emission.0.weight", 0.448_634_8),
            ("emission.1.weight", -0.352_797_3),
        ],
    );
}
