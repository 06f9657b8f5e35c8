//! Parts that see images of 5 by 4 pixels of two colors.

use dvbf_dynamics::Component;
use dvbf_models::Context;
use dvbf_ops::Params;
use dvbf_tensor::Noise;
use serde_json::json;

/// Settings of two convolutions of such images.
pub(crate) fn image() -> serde_json::Value {
    json!({ "height": 5, "width": 4, "colors": 2, "layers": [
        { "channels": 3, "kernel": 3, "stride": 2, "padding": 1 },
        { "channels": 2, "kernel": 2, "stride": 1, "padding": 0 },
    ]})
}

/// A model of such images with an angle among three components.
pub(crate) fn context() -> Context {
    Context {
        observation: 40,
        control: 1,
        state: 3,
        noise: 2,
        hidden: 4,
        initial_frames: 2,
        dt: None,
        uneven: false,
        control_units: None,
        components: vec![
            Component::angle("a"),
            Component::position("b", "m", 1.0),
            Component::velocity("c", "m/s", 1.0),
        ],
    }
}

/// Moves every parameter, biases too.
pub(crate) fn shake<P: Params<f64> + ?Sized>(part: &mut P, seed: u64) {
    let mut noise = vec![0.0; part.count()];
    Noise::new(seed, 99).normal(&mut noise);
    let moved: Vec<f64> = part.to_flat().iter().zip(noise).map(|(p, n)| p + 0.2 * n).collect();
    part.set_flat(&moved);
}
