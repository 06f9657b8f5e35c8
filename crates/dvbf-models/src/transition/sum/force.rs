//! A learned force inside the differential equation: the remainder as a part of the derivative.
//!
//! | | equation |
//! |-|----------|
//! | derivative | `dz/dt = g(z, u, c) + Pᵀ (s ⊙ r)`, `r = W₂ max(0, W₁ x + b₁) + b₂`, `x = [φ(z), u]` and the terms of a [library](super::library) |
//! | `dr` | `s ⊙ P λ` for a cotangent `λ` of the derivative |
//! | `dW₂`, `db₂` | `dr hᵀ`, `dr` with `h = max(0, W₁ x + b₁)` |
//! | `da` | `(W₂ᵀ dr) ⊙ [h > 0]` |
//! | `dW₁`, `db₁` | `da xᵀ`, `da` |
//! | `dz`, `du` | `W₁ᵀ da` through the features; those of `g` |
//!
//! Without hidden units `r = W x + b`. `P` picks components, `s` are their typical magnitudes, so `r` is in
//! typical magnitudes a second. The integrator treats the whole as one equation whose constants are
//! `[c, W₁, b₁, W₂, b₂]`, in double precision, so its adjoint gives the gradients of both.

use super::library::Library;
use super::remainder::Remainder;
use crate::kind::KindError;
use dvbf_dynamics::{Component, Constant, Cotangents, Dynamics, Point};
use dvbf_ops::{Feature, Features, Mlp};
use dvbf_tensor::Scalar;

/// Most hidden units, inputs and outputs of a force; its buffers lie on the stack.
const MOST_HIDDEN: usize = 64;
const MOST_INPUTS: usize = 64;
const MOST_OUTPUTS: usize = 32;

/// Sizes of a force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) inputs: usize,
    pub(super) hidden: usize,
    pub(super) outputs: usize,
}

/// Refuses a force that is too large.
pub(super) fn check(sizes: Sizes) -> Result<(), KindError> {
    let error =
        |key: &str, problem: String| Err(KindError::new(format!("remainder.{key}"), problem));
    let Sizes { inputs, hidden, outputs } = sizes;
    if hidden > MOST_HIDDEN {
        return error("hidden", format!("is {hidden}; a force has at most {MOST_HIDDEN}"));
    }
    if inputs > MOST_INPUTS || outputs > MOST_OUTPUTS {
        let problem = format!(
            "\"force\" acts on at most {MOST_OUTPUTS} components and sees at most {MOST_INPUTS} values; it \
             would act on {outputs} and see {inputs}"
        );
        return error("action", problem);
    }
    Ok(())
}

/// What a force acts on and sees.
#[derive(Clone, Debug)]
pub(super) struct Force {
    features: Vec<Feature>,
    /// Mean and scale of every control.
    units: Vec<(f64, f64)>,
    library: Library,
    hidden: usize,
    picked: Vec<usize>,
    scale: Vec<f64>,
}

/// Values of one evaluation.
struct Values {
    input: [f64; MOST_INPUTS],
    hidden: [f64; MOST_HIDDEN],
    output: [f64; MOST_OUTPUTS],
}

impl Force {
    /// The force of `remainder`, which sees these features and controls.
    pub(super) fn new<S: Scalar>(
        remainder: &Remainder<S>,
        features: &Features,
        units: &[(f64, f64)],
    ) -> Self {
        let layers = remainder.net().layers();
        Self {
            features: features.kinds().to_vec(),
            units: units.to_vec(),
            library: remainder.library().clone(),
            hidden: if layers.len() > 1 { layers[0].dim().0 } else { 0 },
            picked: remainder.picked().to_vec(),
            scale: remainder.scale().to_vec(),
        }
    }

    /// Numbers of `[W₁, b₁, W₂, b₂]`.
    pub(super) fn parameters(&self) -> usize {
        let (inputs, outputs) = (self.library.outputs(), self.picked.len());
        match self.hidden {
            0 => (inputs + 1) * outputs,
            hidden => (inputs + 1) * hidden + (hidden + 1) * outputs,
        }
    }

    /// Writes the parameters of `net` one after the other.
    pub(super) fn gather<S: Scalar>(net: &Mlp<S>, out: &mut [f64]) {
        let values = net.layers().iter().flat_map(|l| l.weight().into_iter().chain(l.bias()));
        out.iter_mut().zip(values).for_each(|(to, value)| *to = value.to_double());
    }

    /// Adds gradients, in the order of [`gather`](Self::gather), to those of `net`.
    pub(super) fn scatter<S: Scalar>(from: &[f64], net: &mut Mlp<S>) {
        let mut from = from.iter();
        for layer in net.layers_mut() {
            layer.weight_mut().iter_mut().zip(&mut from).for_each(|(to, d)| *to += S::of(*d));
            layer.bias_mut().iter_mut().zip(&mut from).for_each(|(to, d)| *to += S::of(*d));
        }
    }

    /// `r` in a state under controls in their own units.
    fn evaluate(&self, state: &[f64], control: &[f64], weights: &[f64]) -> Values {
        let mut values = Values {
            input: [0.0; MOST_INPUTS],
            hidden: [0.0; MOST_HIDDEN],
            output: [0.0; MOST_OUTPUTS],
        };
        let mut at = 0;
        for (feature, &z) in self.features.iter().zip(state) {
            match feature {
                Feature::Linear { scale } => values.input[at] = z / scale,
                Feature::Hidden => {}
                Feature::CountedAngle => {
                    values.input[at] = z;
                    (values.input[at + 1], values.input[at + 2]) = z.sin_cos();
                }
                Feature::Angle => (values.input[at], values.input[at + 1]) = z.sin_cos(),
            }
            at += feature.width();
        }
        for (&u, (mean, scale)) in control.iter().zip(&self.units) {
            values.input[at] = (u - mean) / scale;
            at += 1;
        }
        let (inputs, outputs) = (self.library.outputs(), self.picked.len());
        self.library.write(&mut values.input[..inputs]);
        let input = &values.input[..inputs];
        if self.hidden == 0 {
            affine(weights, input, &mut values.output[..outputs]);
        } else {
            let (first, second) = weights.split_at((inputs + 1) * self.hidden);
            let hidden = &mut values.hidden[..self.hidden];
            affine(first, input, hidden);
            for h in hidden.iter_mut() {
                *h = h.max(0.0);
            }
            affine(second, hidden, &mut values.output[..outputs]);
        }
        values
    }

    /// The squared `r` in a state.
    pub(super) fn square(&self, state: &[f64], control: &[f64], weights: &[f64]) -> f64 {
        let values = self.evaluate(state, control, weights);
        values.output[..self.picked.len()].iter().map(|r| r * r).sum()
    }

    /// Adds the gradient of `weight` times the squared `r`; the constants of `at` are the force's
    /// parameters alone.
    pub(super) fn pull_back_square(&self, at: Point<'_>, weight: f64, out: &mut Cotangents<'_>) {
        let values = self.evaluate(at.state, at.control, at.constants);
        let mut doutput = values.output;
        for d in &mut doutput {
            *d *= 2.0 * weight;
        }
        self.pull_back(at, &values, &doutput, out);
    }

    /// Pulls the cotangent of `r` back.
    fn pull_back(
        &self,
        at: Point<'_>,
        values: &Values,
        doutput: &[f64; MOST_OUTPUTS],
        out: &mut Cotangents<'_>,
    ) {
        let (inputs, outputs) = (self.library.outputs(), self.picked.len());
        let (input, doutput) = (&values.input[..inputs], &doutput[..outputs]);
        let mut dinput = [0.0; MOST_INPUTS];
        if self.hidden == 0 {
            pull_affine(at.constants, input, doutput, out.constants, &mut dinput[..inputs]);
        } else {
            let cut = (inputs + 1) * self.hidden;
            let (first, second) = at.constants.split_at(cut);
            let (dfirst, dsecond) = out.constants.split_at_mut(cut);
            let (hidden, mut dhidden) = (&values.hidden[..self.hidden], [0.0; MOST_HIDDEN]);
            let dhidden = &mut dhidden[..self.hidden];
            pull_affine(second, hidden, doutput, dsecond, dhidden);
            for (d, &h) in dhidden.iter_mut().zip(hidden) {
                if h <= 0.0 {
                    *d = 0.0;
                }
            }
            pull_affine(first, input, dhidden, dfirst, &mut dinput[..inputs]);
        }
        self.library.pull_back(input, &mut dinput[..inputs]);
        let mut at = 0;
        for (feature, dz) in self.features.iter().zip(&mut *out.state) {
            match feature {
                Feature::Linear { scale } => *dz += dinput[at] / scale,
                Feature::Hidden => {}
                Feature::CountedAngle => {
                    *dz += dinput[at] + input[at + 2] * dinput[at + 1]
                        - input[at + 1] * dinput[at + 2];
                }
                Feature::Angle => *dz += input[at + 1] * dinput[at] - input[at] * dinput[at + 1],
            }
            at += feature.width();
        }
        for ((du, d), (_, scale)) in out.control.iter_mut().zip(&dinput[at..]).zip(&self.units) {
            *du += d / scale;
        }
    }
}

/// `y = W x + b` with `[W, b]` in `weights`.
fn affine(weights: &[f64], x: &[f64], y: &mut [f64]) {
    let (weights, bias) = weights.split_at(x.len() * y.len());
    for ((y, row), b) in y.iter_mut().zip(weights.chunks_exact(x.len())).zip(bias) {
        *y = b + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>();
    }
}

/// Adds `dy xᵀ`, `dy` and `Wᵀ dy`.
fn pull_affine(weights: &[f64], x: &[f64], dy: &[f64], dweights: &mut [f64], dx: &mut [f64]) {
    let (dmatrix, dbias) = dweights.split_at_mut(x.len() * dy.len());
    let rows = weights.chunks_exact(x.len()).zip(dmatrix.chunks_exact_mut(x.len()));
    for ((&d, (row, drow)), db) in dy.iter().zip(rows).zip(dbias) {
        *db += d;
        for ((dx, dw), (w, x)) in dx.iter_mut().zip(drow).zip(row.iter().zip(x)) {
            *dw += d * x;
            *dx += d * w;
        }
    }
}

/// An equation with a force, whose constants are those of the equation and then the force's parameters.
#[derive(Debug)]
pub(super) struct Forced<'a> {
    pub(super) dynamics: &'a dyn Dynamics,
    pub(super) force: &'a Force,
}

impl Forced<'_> {
    fn cut(&self) -> usize {
        self.dynamics.constants().len()
    }
}

impl Dynamics for Forced<'_> {
    fn components(&self) -> &[Component] {
        self.dynamics.components()
    }

    fn controls(&self) -> usize {
        self.dynamics.controls()
    }

    fn constants(&self) -> &[Constant] {
        self.dynamics.constants()
    }

    fn derivative(&self, at: Point<'_>, out: &mut [f64]) {
        let (constants, weights) = at.constants.split_at(self.cut());
        self.dynamics.derivative(Point { constants, ..at }, out);
        let values = self.force.evaluate(at.state, at.control, weights);
        let picked = self.force.picked.iter().zip(&self.force.scale);
        for ((&i, scale), r) in picked.zip(&values.output) {
            out[i] += scale * r;
        }
    }

    fn pull_back(&self, at: Point<'_>, cotangent: &[f64], out: &mut Cotangents<'_>) {
        let cut = self.cut();
        let (constants, weights) = at.constants.split_at(cut);
        let (dconstants, dweights) = out.constants.split_at_mut(cut);
        let mut own = Cotangents {
            state: &mut *out.state,
            control: &mut *out.control,
            constants: dconstants,
        };
        self.dynamics.pull_back(Point { constants, ..at }, cotangent, &mut own);
        let values = self.force.evaluate(at.state, at.control, weights);
        let mut doutput = [0.0; MOST_OUTPUTS];
        let picked = self.force.picked.iter().zip(&self.force.scale);
        for (d, (&i, scale)) in doutput.iter_mut().zip(picked) {
            *d = scale * cotangent[i];
        }
        let mut own =
            Cotangents { state: &mut *out.state, control: &mut *out.control, constants: dweights };
        self.force.pull_back(Point { constants: weights, ..at }, &values, &doutput, &mut own);
    }
}
