//! Candidate terms of force laws: what a remainder sees beside the features of the state.
//!
//! | component | terms |
//! |-----------|-------|
//! | angle `θ` | `sin kθ`, `cos kθ` for `k = 2 … 8` |
//! | other, `ξ = z / s` with its typical magnitude `s` | `ξ \|ξ\|`, `tanh(50 ξ)` |
//!
//! With `sin θ`, `cos θ`, `ξ` and the controls, which stand before them, a map without hidden units is a sum of
//! gravity, springs, magnets, and viscous, quadratic and dry friction. A library `Θ(X)` of candidate functions in
//! an equation that is learned: Brunton, Proctor and Kutz 2016.
//!
//! Dry friction is steep: as a kick it alternates around rest where its size is above 0.04 typical magnitudes a
//! step, and as a force where it is above what the integrator resolves (about 0.56 typical magnitudes a second for
//! Runge–Kutta steps of 0.1 s). Sub-steps help a force.
//!
//! The way back of an angle moves along the circle: `∂ sin kθ / ∂θ = k cos kθ` is given to `sin θ` and `cos θ`
//! in proportion to `cos θ` and `−sin θ`.

use dvbf_ops::{Feature, Features};
use dvbf_tensor::Scalar;

/// Largest multiple of an angle.
const MOST: usize = 8;
/// Values of an angle's terms.
const TERMS_OF_ANGLE: usize = 2 * (MOST - 1);
/// Values of the terms of any other component.
const TERMS_OF_OTHER: usize = 2;
/// Steepness of the dry friction, `1 / (typical magnitudes)`.
const STEEPNESS: f64 = 50.0;

/// Which columns of `[φ(z), u]` the terms are of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Library {
    /// Columns of `sin θ`; those of `cos θ` follow.
    angles: Vec<usize>,
    /// Columns of `ξ`.
    others: Vec<usize>,
    /// Columns of `[φ(z), u]`, behind which the terms stand.
    shown: usize,
}

impl Library {
    /// No terms behind `shown` columns.
    pub(super) fn empty(shown: usize) -> Self {
        Self { shown, ..Self::default() }
    }

    /// The terms of a state that is seen as `features`, and then `controls`.
    pub(super) fn new(features: &Features, controls: usize) -> Self {
        let mut library = Self::empty(features.outputs() + controls);
        let mut column = 0;
        for kind in features.kinds() {
            match kind {
                Feature::Angle | Feature::CountedAngle => {
                    library.angles.push(column + kind.width() - 2);
                }
                Feature::Linear { .. } => library.others.push(column),
                Feature::Hidden => {}
            }
            column += kind.width();
        }
        library
    }

    /// Whether there are no terms.
    pub(super) fn is_empty(&self) -> bool {
        self.angles.is_empty() && self.others.is_empty()
    }

    /// Columns of `[φ(z), u]` and of the terms.
    pub(super) fn outputs(&self) -> usize {
        self.shown + TERMS_OF_ANGLE * self.angles.len() + TERMS_OF_OTHER * self.others.len()
    }

    /// Writes the terms of `row`, whose first columns are `[φ(z), u]`.
    pub(super) fn write<S: Scalar>(&self, row: &mut [S]) {
        let (shown, terms) = row.split_at_mut(self.shown);
        let (angles, others) = terms.split_at_mut(TERMS_OF_ANGLE * self.angles.len());
        for (&column, terms) in self.angles.iter().zip(angles.chunks_exact_mut(TERMS_OF_ANGLE)) {
            let (sine, cosine) = (shown[column], shown[column + 1]);
            let (mut s, mut c) = (sine, cosine);
            for pair in terms.chunks_exact_mut(2) {
                (s, c) = (s * cosine + c * sine, c * cosine - s * sine);
                (pair[0], pair[1]) = (s, c);
            }
        }
        for (&column, terms) in self.others.iter().zip(others.chunks_exact_mut(TERMS_OF_OTHER)) {
            let x = shown[column];
            (terms[0], terms[1]) = (x * x.abs(), (S::of(STEEPNESS) * x).tanh());
        }
    }

    /// Adds to the cotangents of `[φ(z), u]` what those of the terms, which stand behind them, say.
    pub(super) fn pull_back<S: Scalar>(&self, row: &[S], drow: &mut [S]) {
        let (shown, terms) = row.split_at(self.shown);
        let (dshown, dterms) = drow.split_at_mut(self.shown);
        let cut = TERMS_OF_ANGLE * self.angles.len();
        let ((angles, others), (dangles, dothers)) = (terms.split_at(cut), dterms.split_at(cut));
        let pairs = angles.chunks_exact(TERMS_OF_ANGLE).zip(dangles.chunks_exact(TERMS_OF_ANGLE));
        for (&column, (terms, dterms)) in self.angles.iter().zip(pairs) {
            let mut dangle = S::ZERO;
            let mut multiple = S::ONE;
            for (pair, dpair) in terms.chunks_exact(2).zip(dterms.chunks_exact(2)) {
                multiple += S::ONE;
                dangle += multiple * (pair[1] * dpair[0] - pair[0] * dpair[1]);
            }
            let (sine, cosine) = (shown[column], shown[column + 1]);
            dshown[column] += cosine * dangle;
            dshown[column + 1] -= sine * dangle;
        }
        let pairs = others.chunks_exact(TERMS_OF_OTHER).zip(dothers.chunks_exact(TERMS_OF_OTHER));
        for (&column, (terms, dterms)) in self.others.iter().zip(pairs) {
            let slope = S::of(STEEPNESS) * (S::ONE - terms[1] * terms[1]);
            dshown[column] += S::of(2.0) * shown[column].abs() * dterms[0] + slope * dterms[1];
        }
    }
}
