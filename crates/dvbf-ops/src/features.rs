//! What networks see of a state with angles: `φ(z)`.
//!
//! Shapes: `z (B, Z)`, `φ (B, F)`; an angle takes two columns of `φ`, a counted angle three, a hidden component
//! none, any other one.
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward, angle | `(φ₁, φ₂) = (sin zᵢ, cos zᵢ)` | |
//! | forward, counted angle | `(φ₁, φ₂, φ₃) = (zᵢ, sin zᵢ, cos zᵢ)` | |
//! | forward, linear | `φ = zᵢ / sᵢ` | |
//! | `dz`, angle | `+= φ₂ dφ₁ − φ₁ dφ₂` | `φ` (given again) |
//! | `dz`, counted angle | `+= dφ₁ + φ₃ dφ₂ − φ₂ dφ₃` | `φ` (given again) |
//! | `dz`, linear | `+= dφ / sᵢ` | |
//!
//! Angles are never wrapped: `φ` is smooth and has the period of the angle by itself. There are no
//! parameters.

use dvbf_tensor::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut2};

/// How a component of the state is shown to networks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Feature {
    /// `z / scale`; the scale is a typical magnitude of the component.
    Linear {
        /// `s > 0`.
        scale: f64,
    },
    /// `(sin z, cos z)` of an angle in radians.
    Angle,
    /// `(z, sin z, cos z)` of an angle in radians whose whole turns count.
    CountedAngle,
    /// Nothing: its value does not matter.
    Hidden,
}

impl Feature {
    /// Columns of `φ` that the component takes.
    pub fn width(self) -> usize {
        match self {
            Self::Linear { .. } => 1,
            Self::Angle => 2,
            Self::CountedAngle => 3,
            Self::Hidden => 0,
        }
    }
}

/// The map `φ` of a whole state.
///
/// ```
/// use dvbf_ops::{Feature, Features};
/// use ndarray::{Array2, array};
/// let features = Features::new(vec![Feature::Angle, Feature::Linear { scale: 4.0 }]);
/// let mut out = Array2::zeros((1, 3));
/// features.apply(array![[0.0, 2.0]].view(), out.view_mut());
/// assert_eq!(out, array![[0.0, 1.0, 0.5]]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    // Invariant: scales are positive and finite; `identity` if all components are shown as they are.
    kinds: Vec<Feature>,
    identity: bool,
}

impl Features {
    /// The map of a state with these components.
    ///
    /// # Panics
    /// If a scale is not a positive finite number.
    #[track_caller]
    pub fn new(kinds: Vec<Feature>) -> Self {
        for (i, kind) in kinds.iter().enumerate() {
            if let Feature::Linear { scale } = kind {
                assert!(scale.is_finite() && *scale > 0.0, "the scale of component {i} is {scale}");
            }
        }
        let identity = kinds.iter().all(|kind| *kind == Feature::Linear { scale: 1.0 });
        Self { kinds, identity }
    }

    /// `φ(z) = z` for a state of `size` components.
    pub fn identity(size: usize) -> Self {
        Self { kinds: vec![Feature::Linear { scale: 1.0 }; size], identity: true }
    }

    /// The map of the first `count` components.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    #[track_caller]
    pub fn leading(&self, count: usize) -> Self {
        assert!(count <= self.kinds.len(), "{count} components against Z");
        Self::new(self.kinds[..count].to_vec())
    }

    /// Whether `φ(z) = z`, so that nothing has to be computed.
    pub fn is_identity(&self) -> bool {
        self.identity
    }

    /// Whether every component is a column of `φ` as it is, so that what is linear in `z` is linear in `φ`.
    pub fn shows_state(&self) -> bool {
        let plain = |kind: &Feature| {
            matches!(kind, Feature::CountedAngle) || *kind == Feature::Linear { scale: 1.0 }
        };
        self.kinds.iter().all(plain)
    }

    /// `Z`.
    pub fn inputs(&self) -> usize {
        self.kinds.len()
    }

    /// `F`.
    pub fn outputs(&self) -> usize {
        self.kinds.iter().map(|kind| kind.width()).sum()
    }

    /// How every component is shown.
    pub fn kinds(&self) -> &[Feature] {
        &self.kinds
    }

    /// Writes `φ (B, F)` of `z (B, Z)`.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn apply<S: Scalar>(&self, state: ArrayView2<'_, S>, mut out: ArrayViewMut2<'_, S>) {
        self.check(state.dim(), out.dim());
        if self.identity {
            out.assign(&state);
            return;
        }
        let mut column = 0;
        for (i, kind) in self.kinds.iter().enumerate() {
            let from = state.column(i);
            match kind {
                Feature::Linear { scale } => {
                    let inverse = S::of(1.0 / scale);
                    out.column_mut(column).zip_mut_with(&from, |out, &z| *out = z * inverse);
                }
                Feature::Angle => {
                    out.column_mut(column).zip_mut_with(&from, |out, &z| *out = z.sin());
                    out.column_mut(column + 1).zip_mut_with(&from, |out, &z| *out = z.cos());
                }
                Feature::Hidden => {}
                Feature::CountedAngle => {
                    out.column_mut(column).assign(&from);
                    out.column_mut(column + 1).zip_mut_with(&from, |out, &z| *out = z.sin());
                    out.column_mut(column + 2).zip_mut_with(&from, |out, &z| *out = z.cos());
                }
            }
            column += kind.width();
        }
    }

    /// Pulls `dφ (B, F)` back: adds to `dz (B, Z)`. Takes `φ` of the forward pass again.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn backward<S: Scalar>(
        &self,
        features: ArrayView2<'_, S>,
        dfeatures: ArrayView2<'_, S>,
        mut dstate: ArrayViewMut2<'_, S>,
    ) {
        self.check(dstate.dim(), features.dim());
        self.check(dstate.dim(), dfeatures.dim());
        if self.identity {
            dstate += &dfeatures;
            return;
        }
        let mut column = 0;
        for (i, kind) in self.kinds.iter().enumerate() {
            let mut dz = dstate.column_mut(i);
            match kind {
                Feature::Hidden => {}
                Feature::Linear { scale } => {
                    let inverse = S::of(1.0 / scale);
                    dz.zip_mut_with(&dfeatures.column(column), |dz, &d| *dz += d * inverse);
                }
                Feature::Angle | Feature::CountedAngle => {
                    let sines = column + kind.width() - 2;
                    if *kind == Feature::CountedAngle {
                        dz += &dfeatures.column(column);
                    }
                    let (sine, cosine) = (features.column(sines), features.column(sines + 1));
                    let (dsine, dcosine) = (dfeatures.column(sines), dfeatures.column(sines + 1));
                    let values = sine.iter().zip(cosine);
                    for ((dz, (&sine, &cosine)), (&ds, &dc)) in
                        dz.iter_mut().zip(values).zip(dsine.iter().zip(dcosine))
                    {
                        *dz += cosine * ds - sine * dc;
                    }
                }
            }
            column += kind.width();
        }
    }

    /// `∂φ/∂z (F, Z)` at `z (Z)`. It allocates.
    ///
    /// # Panics
    /// If the state has another length.
    #[track_caller]
    pub fn jacobian<S: Scalar>(&self, state: ArrayView1<'_, S>) -> Array2<S> {
        assert_eq!(state.len(), self.inputs(), "state against Z");
        let (mut out, mut row) = (Array2::zeros((self.outputs(), self.inputs())), 0);
        for (i, kind) in self.kinds.iter().enumerate() {
            match kind {
                Feature::Hidden => {}
                Feature::Linear { scale } => out[[row, i]] = S::of(1.0 / scale),
                Feature::Angle | Feature::CountedAngle => {
                    let sine = row + kind.width() - 2;
                    if *kind == Feature::CountedAngle {
                        out[[row, i]] = S::ONE;
                    }
                    out[[sine, i]] = state[i].cos();
                    out[[sine + 1, i]] = -state[i].sin();
                }
            }
            row += kind.width();
        }
        out
    }

    #[track_caller]
    fn check(&self, (rows, state): (usize, usize), features: (usize, usize)) {
        assert_eq!(state, self.inputs(), "state against Z");
        assert_eq!(features, (rows, self.outputs()), "features against (B, F)");
    }
}
