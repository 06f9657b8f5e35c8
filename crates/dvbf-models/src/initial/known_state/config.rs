//! Settings of an initial state of known quantities.

use super::reading::readings;
use super::{KnownState, Reading, Step};
use crate::initial::{InitialState, InitialStateRole};
use crate::kind::{Context, KindError, PartConfig, affine};
use dvbf_ops::{Linear, Mlp};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// Settings of an initial state of known quantities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KnownStateConfig {
    /// Hidden units of the network that sees a frame; those of the model if nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<usize>,
    /// Where the standard deviations `S` of the first state start, in typical magnitudes.
    pub spread: f64,
    /// Where the standard deviations of `q(w₁)` start.
    pub std: f64,
    /// Standard deviation of the last layer's weights at the start, of the network beside `A x + a`.
    pub gain: f64,
    /// Steps by which a first state that was read is brought nearer to where equation and emission fit the
    /// first frames best, whenever a model infers.
    #[serde(skip_serializing_if = "is_zero")]
    pub refinements: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Default for KnownStateConfig {
    fn default() -> Self {
        Self { hidden: None, spread: 1.8, std: 0.1, gain: 0.1, refinements: 0 }
    }
}

impl PartConfig<InitialStateRole> for KnownStateConfig {
    const KIND: &'static str = "known-state";

    fn check(&self, context: &Context) -> Result<(), KindError> {
        KindError::check_size("hidden", self.hidden.unwrap_or(context.hidden), 1 << 16)?;
        KindError::check_positive("spread", self.spread)?;
        KindError::check_positive("std", self.std)?;
        KindError::check_positive("gain", self.gain)?;
        KindError::check_limit("refinements", self.refinements, 100)?;
        if context.noise != context.state {
            let problem = format!(
                "\"known-state\" needs as many dimensions of the noise as of the state; model.noise is \
                 {} and model.state is {}",
                context.noise, context.state
            );
            return Err(KindError::new("kind", problem));
        }
        let moving = readings(context).0.iter().any(|r| matches!(r, Reading::Velocity(_)));
        if moving && context.initial_frames < 2 {
            let problem = "\"known-state\" reads velocities off two frames at least; \
                           model.initial_frames is 1";
            return Err(KindError::new("kind", problem));
        }
        if moving && !context.uneven && context.dt.is_none() {
            let problem = "\"known-state\" needs the length of a step, which is not known";
            return Err(KindError::new("kind", problem));
        }
        Ok(())
    }

    fn parameters(&self, context: &Context) -> usize {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let (x, z, u) = (context.observation, context.state, context.control);
        let changes = context.initial_frames - 1;
        let columns = readings(context).1;
        affine(x, columns)
            .saturating_add(affine(x, hidden))
            .saturating_add(affine(hidden, columns))
            .saturating_add(z.saturating_mul(changes).saturating_mul(1 + u))
            .saturating_add(3 * z)
    }

    fn init<S: Scalar>(&self, context: &Context, noise: Noise) -> Box<dyn InitialState<S>> {
        let hidden = self.hidden.unwrap_or(context.hidden);
        let (x, z, u) = (context.observation, context.state, context.control);
        let (readings, columns) = readings(context);
        let (k, root) = (context.initial_frames, 2.0_f64.sqrt());
        let mut weights = Array2::zeros((z, k - 1));
        for (i, reading) in readings.iter().enumerate() {
            if let Reading::Velocity(_) = reading {
                weights.row_mut(i).assign(&line_at_first(k - 1).mapv(S::of));
            }
        }
        let scale: Vec<f64> = context.components.iter().map(|component| component.scale).collect();
        // softplus⁻¹
        let raw_std = (self.std.exp_m1()).ln();
        let units = context.control_units.as_ref().and_then(|units| units.last().copied());
        Box::new(KnownState {
            skip: Linear::random(x, columns, 1.0 / (x as f64).sqrt(), noise.part(0)),
            net: Mlp::random(&[x, hidden, columns], &[root, self.gain], noise.part(1)),
            weights,
            by_control: Array2::zeros((z, (k - 1) * u)),
            center: Array1::zeros(z),
            log_spread: scale.iter().map(|scale| S::of((scale * self.spread).ln())).collect(),
            raw_std: Array1::from_elem(z, S::of(raw_std)),
            readings,
            scale,
            step: if context.uneven {
                Step::LastControl(units.unwrap_or((0.0, 1.0)))
            } else {
                Step::Even(context.dt.unwrap_or(1.0))
            },
            frames: k,
            refinements: self.refinements,
        })
    }
}

/// Weights of `n` equally long changes, the first half a step after the start, that give the value at
/// the start of the least-squares line through them.
fn line_at_first(n: usize) -> Array1<f64> {
    let places = Array1::from_shape_fn(n, |t| t as f64 + 0.5);
    let middle = places.sum() / n.max(1) as f64;
    let spread: f64 = places.iter().map(|p| (p - middle).powi(2)).sum();
    places.mapv(|p| {
        let slope = if spread > 0.0 { (p - middle) / spread } else { 0.0 };
        1.0 / n as f64 - middle * slope
    })
}
