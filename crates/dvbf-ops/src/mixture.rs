//! Mixture of linear maps, eqs 12 and 13 of Karl et al. 2017.
//!
//! Shapes: `α (B, M)`, `z (B, Z)`, `u (B, U)`, `w (B, W)`, `A (M, Z, Z)`, `B (M, Z, U)`,
//! `C (M, Z, W)`. With `v = [z, u, w]` and `Dᵢ = [Aᵢ Bᵢ Cᵢ]`:
//!
//! | | equation | needs |
//! |-|----------|-------|
//! | forward | `D̄ = Σᵢ αᵢ Dᵢ`, `y = D̄ v` | all |
//! | `dD̄` | `dy vᵀ` | `v` (cached) |
//! | `dα` | `dαᵢ = ⟨Dᵢ, dD̄⟩` (overwritten) | `D` |
//! | `dz`, `du`, `dw` | the parts of `dv += D̄ᵀ dy` | `D̄` (cached) |
//! | `dDᵢ` | `+= Σ_rows αᵢ dD̄` | `α`, `dD̄` (cached) |
//!
//! How the last `R` components of the state act on themselves, and how the control acts on them, may
//! be shared: all base matrices then have their mean in the trailing `R × R` block of `A` and in the
//! last `R` rows of `B`. Velocities are such components where friction and the effect of a force
//! are the same everywhere; what the other components do to them may still depend on the state.

mod blocks;
mod carry;
mod lanes;

pub use carry::MixtureLanes;

use crate::{Params, Path, gather, spread};
use blocks::{Block, Rows};
use dvbf_tensor::{Accum, Noise, PackedMatrix, Scalar, gemm, gemm_packed, vectorize};
use lanes::{Apply, PullBack, add_gathered};
use ndarray::{Array2, Array3, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s};

/// The base matrices and, as a gradient, their cotangents.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture<S> {
    // Invariant: equal first axes `M`, equal second axes `Z`, `a` square in its last two.
    a: Array3<S>,
    b: Array3<S>,
    c: Array3<S>,
    /// `R`, trailing components of the state whose own dynamics are shared; at most `Z`.
    shared: usize,
}

/// What [`Mixture::backward`] and [`Mixture::accumulate`] read; see [`MlpCache`](crate::MlpCache).
///
/// Rows of a block lie side by side in lanes, so that products with a matrix a row run over whole
/// vectors of rows.
#[derive(Clone, Debug)]
pub struct MixtureCache<S> {
    /// Row `i` is `Dᵢ`, the columns of the matrix one after the other.
    base: Array2<S>,
    forward: PackedMatrix<S>,
    backward: PackedMatrix<S>,
    /// Gradient of `baseᵀ` by the rows pulled back so far.
    dbase: Array2<S>,
    rows: Rows<S>,
    pulled: usize,
}

/// Cotangents of the arguments of a [`Mixture`].
#[derive(Debug)]
pub struct MixtureCotangents<'a, S> {
    /// Of `α (B, M)`; overwritten.
    pub alpha: ArrayViewMut2<'a, S>,
    /// Of `z (B, Z)`; added to.
    pub state: ArrayViewMut2<'a, S>,
    /// Of `u (B, U)`, where somebody asks for it; added to.
    pub control: Option<ArrayViewMut2<'a, S>>,
    /// Of `w (B, W)`; added to.
    pub noise: ArrayViewMut2<'a, S>,
}

/// Dimensions of a [`Mixture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixtureDims {
    /// `M`, base matrices of each kind.
    pub bases: usize,
    /// `Z`, of the state.
    pub state: usize,
    /// `U`, of the control.
    pub control: usize,
    /// `W`, of the noise.
    pub noise: usize,
}

impl<S: Scalar> Mixture<S> {
    /// The mixture of these base matrices.
    ///
    /// # Panics
    /// If the shapes disagree.
    #[track_caller]
    pub fn new(a: Array3<S>, b: Array3<S>, c: Array3<S>) -> Self {
        let (m, z, columns) = a.dim();
        assert_eq!(z, columns, "A is square");
        assert_eq!((b.dim().0, b.dim().1), (m, z), "B against A");
        assert_eq!((c.dim().0, c.dim().1), (m, z), "C against A");
        Self { a, b, c, shared: 0 }
    }

    /// The same base matrices, with the own dynamics of the last `components = R` components shared.
    ///
    /// # Panics
    /// If the state has fewer components.
    #[must_use]
    #[track_caller]
    pub fn with_shared_state(mut self, components: usize) -> Self {
        assert!(components <= self.a.dim().1, "shared components against Z");
        self.shared = components;
        self
    }

    /// `Aᵢ = I + N(0, σ_A²)`, `Bᵢ = N(0, σ_B²)`, `Cᵢ = c I + N(0, σ_C²)`.
    ///
    /// # Panics
    /// Never: fresh arrays are contiguous.
    pub fn random(dims: MixtureDims, std: [f64; 3], c_diagonal: f64, stream: Noise) -> Self {
        let MixtureDims { bases, state, control, noise } = dims;
        let draw = |columns: usize, std: f64, part: u8| {
            let mut d = Array3::zeros((bases, state, columns));
            stream.part(part).normal(d.as_slice_mut().expect("a fresh array is contiguous"));
            d * S::of(std)
        };
        let (mut a, b, mut c) =
            (draw(state, std[0], 0), draw(control, std[1], 1), draw(noise, std[2], 2));
        for i in 0..bases {
            for k in 0..state {
                a[[i, k, k]] += S::ONE;
                if k < noise {
                    c[[i, k, k]] += S::of(c_diagonal);
                }
            }
        }
        Self::new(a, b, c)
    }

    /// Its dimensions.
    pub fn dims(&self) -> MixtureDims {
        let (bases, state, _) = self.a.dim();
        MixtureDims { bases, state, control: self.b.dim().2, noise: self.c.dim().2 }
    }

    /// `A (M, Z, Z)`.
    pub fn a(&self) -> &Array3<S> {
        &self.a
    }

    /// `A (M, Z, Z)`, to be changed.
    pub fn a_mut(&mut self) -> &mut Array3<S> {
        &mut self.a
    }

    /// A cache for at most `rows` rows, made once and reused.
    pub fn cache(&self, rows: usize) -> MixtureCache<S> {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = self.dims();
        let size = z * (z + u + w);
        MixtureCache {
            base: Array2::zeros((m, size)),
            forward: PackedMatrix::new(),
            backward: PackedMatrix::new(),
            dbase: Array2::zeros((size, m)),
            rows: Rows::new(rows, (z + u + w, z), m),
            pulled: 0,
        }
    }

    /// Packs the base matrices; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut MixtureCache<S>) {
        self.write_columns(cache.base.view_mut());
        cache.forward.pack(cache.base.view());
        cache.backward.pack(cache.base.t());
    }

    /// `(M, Z (Z + U + W))`: in row `i` the columns of `Dᵢ` one after the other, as a step takes them, with the
    /// mean of all base matrices where they are shared.
    pub fn columns(&self) -> Array2<S> {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = self.dims();
        let mut columns = Array2::zeros((m, z * (z + u + w)));
        self.write_columns(columns.view_mut());
        columns
    }

    fn write_columns(&self, mut base: ArrayViewMut2<'_, S>) {
        let MixtureDims { bases: m, state: z, control: u, .. } = self.dims();
        for i in 0..m {
            for (column, mut out) in base.row_mut(i).exact_chunks_mut(z).into_iter().enumerate() {
                out.assign(&if column < z {
                    self.a.slice(s![i, .., column])
                } else if column < z + u {
                    self.b.slice(s![i, .., column - z])
                } else {
                    self.c.slice(s![i, .., column - z - u])
                });
            }
        }
        self.each_shared(|place| {
            let mean = base.column(place).sum() / S::of(m as f64);
            base.column_mut(place).fill(mean);
        });
    }

    /// Calls `f` with the place of every shared element in the rows of a cache.
    fn each_shared(&self, mut f: impl FnMut(usize)) {
        let MixtureDims { state: z, control: u, .. } = self.dims();
        for column in z - self.shared..z + u {
            for row in z - self.shared..z {
                f(column * z + row);
            }
        }
    }

    /// Writes `y = Σᵢ αᵢ (Aᵢ z + Bᵢ u + Cᵢ w)` and keeps rows `at..at + n` as a block.
    ///
    /// The cache grows in its first pass if blocks of several rows do not fill whole vectors.
    ///
    /// # Panics
    /// If the shapes disagree, rows are skipped, or the cache is too small or not prepared.
    #[track_caller]
    #[expect(clippy::too_many_arguments, reason = "the inputs of the equation")]
    pub fn forward(
        &self,
        at: usize,
        alpha: ArrayView2<'_, S>,
        state: ArrayView2<'_, S>,
        control: ArrayView2<'_, S>,
        noise: ArrayView2<'_, S>,
        next: ArrayViewMut2<'_, S>,
        cache: &mut MixtureCache<S>,
    ) {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = self.dims();
        let n = state.nrows();
        assert_eq!(alpha.dim(), (n, m), "α against (B, M)");
        assert_eq!(state.dim(), (n, z), "z against (B, Z)");
        assert_eq!(control.dim(), (n, u), "u against (B, U)");
        assert_eq!(noise.dim(), (n, w), "w against (B, W)");
        assert_eq!(next.dim(), (n, z), "next state against (B, Z)");
        if at == 0 {
            cache.pulled = 0;
        }
        assert_eq!(cache.forward.dim(), cache.base.dim(), "the cache is not prepared");
        let Block { lanes, mixed, inputs, scratch } = cache.rows.write(at, n);
        if n == 0 {
            return;
        }
        let (by_state, rest) = inputs.split_at_mut(z * lanes);
        let (by_control, by_noise) = rest.split_at_mut(u * lanes);
        spread(state, lanes, by_state);
        spread(control, lanes, by_control);
        spread(noise, lanes, by_noise);
        // Products of one row and of many agree: the elements are the same chains.
        let size = mixed.len() / lanes;
        if lanes == 1 {
            let row = ArrayViewMut2::from_shape((1, size), &mut *mixed).expect("one row");
            gemm_packed(Accum::Replace, row, alpha, &cache.forward);
        } else {
            spread(alpha, lanes, &mut scratch.alpha);
            let alpha = ArrayView2::from_shape((m, lanes), &scratch.alpha[..m * lanes]);
            let lanes_of = ArrayViewMut2::from_shape((size, lanes), &mut *mixed).expect("lanes");
            gemm(Accum::Replace, lanes_of, cache.base.t(), alpha.expect("lanes"));
        }
        let y = &mut scratch.output[..z * lanes];
        vectorize(Apply { lanes, d: mixed, v: inputs, y });
        gather(y, lanes, next);
    }

    /// Pulls `dy (n, Z)` back through a block: writes `dα`, adds to `dz`, `du` and `dw`, and keeps
    /// the gradients of the base matrices. Takes the mixing weights of the forward pass again.
    ///
    /// # Panics
    /// If the shapes disagree or the rows were not written as a block by a forward pass.
    #[track_caller]
    pub fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        alpha: ArrayView2<'_, S>,
        cotangents: MixtureCotangents<'_, S>,
        cache: &mut MixtureCache<S>,
    ) {
        let MixtureCotangents { alpha: dalpha, state: dstate, control, noise: dnoise } = cotangents;
        let MixtureDims { bases: m, state: z, control: u, noise: w } = self.dims();
        let n = dnext.nrows();
        assert_eq!(dnext.dim(), (n, z), "dy against (B, Z)");
        assert_eq!(alpha.dim(), (n, m), "α against (B, M)");
        assert_eq!(dalpha.dim(), (n, m), "dα against (B, M)");
        assert_eq!(dstate.dim(), (n, z), "dz against (B, Z)");
        assert_eq!(dnoise.dim(), (n, w), "dw against (B, W)");
        if let Some(dcontrol) = &control {
            assert_eq!(dcontrol.dim(), (n, u), "du against (B, U)");
        }
        let (columns, size) = (z + u + w, z * (z + u + w));
        let Block { lanes, mixed, inputs, scratch } = cache.rows.read(at, n);
        if n == 0 {
            return;
        }
        let g = &mut scratch.output[..z * lanes];
        spread(dnext, lanes, g);
        let dd = &mut scratch.dmixed[..size * lanes];
        let dv = &mut scratch.dinputs[..columns * lanes];
        vectorize(PullBack { lanes, d: mixed, v: inputs, g, dd: &mut *dd, dv: &mut *dv });
        add_gathered(&dv[..z * lanes], lanes, dstate);
        if let Some(dcontrol) = control {
            add_gathered(&dv[z * lanes..(z + u) * lanes], lanes, dcontrol);
        }
        add_gathered(&dv[(z + u) * lanes..], lanes, dnoise);
        let dmixed = ArrayView2::from_shape((size, lanes), &*dd).expect("lanes");
        let dmixed = dmixed.slice_move(s![.., ..n]);
        gemm_packed(Accum::Replace, dalpha, dmixed.t(), &cache.backward);
        let accum = if cache.pulled == 0 { Accum::Replace } else { Accum::Add };
        gemm(accum, cache.dbase.view_mut(), dmixed, alpha);
        cache.pulled += n;
    }

    /// Adds the gradients of the base matrices by all rows since the last `at = 0`.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly the rows written, or the shapes disagree.
    #[track_caller]
    pub fn accumulate(&self, cache: &mut MixtureCache<S>, grads: &mut Self) {
        assert_eq!(cache.pulled, cache.rows.written(), "rows pulled back against rows written");
        assert_eq!(grads.dims(), self.dims(), "gradient against the mixture");
        let none = cache.pulled == 0;
        cache.pulled = 0;
        if none {
            return;
        }
        let MixtureDims { bases: m, state: z, control: u, .. } = self.dims();
        let mut dbase = cache.dbase.view_mut().reversed_axes();
        self.each_shared(|place| {
            let mean = dbase.column(place).sum() / S::of(m as f64);
            dbase.column_mut(place).fill(mean);
        });
        for i in 0..m {
            for column in 0..dbase.ncols() / z {
                let d = dbase.slice(s![i, column * z..(column + 1) * z]);
                let mut out = if column < z {
                    grads.a.slice_mut(s![i, .., column])
                } else if column < z + u {
                    grads.b.slice_mut(s![i, .., column - z])
                } else {
                    grads.c.slice_mut(s![i, .., column - z - u])
                };
                out += &d;
            }
        }
    }
}

impl<S: Scalar> Params<S> for Mixture<S> {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, S>)) {
        f(path.child("a"), self.a.view().into_dyn());
        f(path.child("b"), self.b.view().into_dyn());
        f(path.child("c"), self.c.view().into_dyn());
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, S>)) {
        f(path.child("a"), self.a.view_mut().into_dyn());
        f(path.child("b"), self.b.view_mut().into_dyn());
        f(path.child("c"), self.c.view_mut().into_dyn());
    }
}
