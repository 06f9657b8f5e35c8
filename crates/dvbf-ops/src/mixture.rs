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
//! | `dz`, `dw` | the parts of `dv += D̄ᵀ dy` | `D̄` (cached) |
//! | `dDᵢ` | `+= Σ_rows αᵢ dD̄` | `α`, `dD̄` (cached) |
//!
//! How the last `R` components of the state act on themselves, and how the control acts on them, may
//! be shared: all base matrices then have their mean in the trailing `R × R` block of `A` and in the
//! last `R` rows of `B`. Velocities are such components where friction and the effect of a force
//! are the same everywhere; what the other components do to them may still depend on the state.

use crate::{Params, Path};
use dvbf_tensor::{Accum, Kernel, Noise, PackedMatrix, Scalar, gemm, gemm_packed, vectorize};
use ndarray::{
    Array2, Array3, ArrayView1, ArrayView2, ArrayViewD, ArrayViewMut2, ArrayViewMutD, s,
};

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
#[derive(Clone, Debug)]
pub struct MixtureCache<S> {
    /// Row `i` is `Dᵢ`, the columns of the matrix one after the other.
    base: Array2<S>,
    forward: PackedMatrix<S>,
    backward: PackedMatrix<S>,
    alpha: Array2<S>,
    /// Rows `v = [z, u, w]`.
    inputs: Array2<S>,
    mixed: Array2<S>,
    dmixed: Array2<S>,
    written: usize,
    pulled: usize,
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
    pub fn random(
        (bases, state, control, noise): (usize, usize, usize, usize),
        std: [f64; 3],
        c_diagonal: f64,
        stream: Noise,
    ) -> Self {
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

    /// `(M, Z, U, W)`.
    pub fn dim(&self) -> (usize, usize, usize, usize) {
        let (m, z, _) = self.a.dim();
        (m, z, self.b.dim().2, self.c.dim().2)
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
        let (m, z, u, w) = self.dim();
        let (inputs, size) = (z + u + w, z * (z + u + w));
        MixtureCache {
            base: Array2::zeros((m, size)),
            forward: PackedMatrix::new(),
            backward: PackedMatrix::new(),
            alpha: Array2::zeros((rows, m)),
            inputs: Array2::zeros((rows, inputs)),
            mixed: Array2::zeros((rows, size)),
            dmixed: Array2::zeros((rows, size)),
            written: 0,
            pulled: 0,
        }
    }

    /// Packs the base matrices; to be called after every change of the parameters.
    pub fn prepare(&self, cache: &mut MixtureCache<S>) {
        let (m, z, u, _) = self.dim();
        for i in 0..m {
            for (column, mut out) in
                cache.base.row_mut(i).exact_chunks_mut(z).into_iter().enumerate()
            {
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
            let mean = cache.base.column(place).sum() / S::of(m as f64);
            cache.base.column_mut(place).fill(mean);
        });
        cache.forward.pack(cache.base.view());
        cache.backward.pack(cache.base.t());
    }

    /// Calls `f` with the place of every shared element in the rows of a cache.
    fn each_shared(&self, mut f: impl FnMut(usize)) {
        let (_, z, u, _) = self.dim();
        for column in z - self.shared..z + u {
            for row in z - self.shared..z {
                f(column * z + row);
            }
        }
    }

    /// Writes `y = Σᵢ αᵢ (Aᵢ z + Bᵢ u + Cᵢ w)` and keeps rows `at..at + n`.
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
        mut next: ArrayViewMut2<'_, S>,
        cache: &mut MixtureCache<S>,
    ) {
        let (m, z, u, w) = self.dim();
        let n = state.nrows();
        assert_eq!(alpha.dim(), (n, m), "α against (B, M)");
        assert_eq!(state.dim(), (n, z), "z against (B, Z)");
        assert_eq!(control.dim(), (n, u), "u against (B, U)");
        assert_eq!(noise.dim(), (n, w), "w against (B, W)");
        assert_eq!(next.dim(), (n, z), "next state against (B, Z)");
        assert!(at + n <= cache.alpha.nrows(), "cache is too small for {} rows", at + n);
        if at == 0 {
            (cache.written, cache.pulled) = (0, 0);
        }
        assert_eq!(at, cache.written, "blocks of rows follow without gaps");
        cache.written = at + n;
        let rows = s![at..at + n, ..];
        cache.alpha.slice_mut(rows).assign(&alpha);
        let mut inputs = cache.inputs.slice_mut(rows);
        inputs.slice_mut(s![.., ..z]).assign(&state);
        inputs.slice_mut(s![.., z..z + u]).assign(&control);
        inputs.slice_mut(s![.., z + u..]).assign(&noise);
        let mut mixed = cache.mixed.slice_mut(rows);
        gemm_packed(Accum::Replace, mixed.view_mut(), alpha, &cache.forward);
        for ((mut y, d), v) in next.rows_mut().into_iter().zip(mixed.rows()).zip(inputs.rows()) {
            let y = y.as_slice_mut().expect("rows of states are contiguous");
            vectorize(Apply { d: slice(d), v: slice(v), y });
        }
    }

    /// Pulls `dy (n, Z)` back: writes `dα`, adds to `dz` and `dw`.
    ///
    /// # Panics
    /// If the shapes disagree or rows were not written by a forward pass.
    #[track_caller]
    pub fn backward(
        &self,
        at: usize,
        dnext: ArrayView2<'_, S>,
        dalpha: ArrayViewMut2<'_, S>,
        mut dstate: ArrayViewMut2<'_, S>,
        mut dnoise: ArrayViewMut2<'_, S>,
        cache: &mut MixtureCache<S>,
    ) {
        let (m, z, _, w) = self.dim();
        let n = dnext.nrows();
        assert!(at + n <= cache.written, "rows {at}.. were not written");
        assert_eq!(dnext.dim(), (n, z), "dy against (B, Z)");
        assert_eq!(dalpha.dim(), (n, m), "dα against (B, M)");
        assert_eq!(dstate.dim(), (n, z), "dz against (B, Z)");
        assert_eq!(dnoise.dim(), (n, w), "dw against (B, W)");
        cache.pulled += n;
        for r in 0..n {
            let (mut dz, mut dw) = (dstate.row_mut(r), dnoise.row_mut(r));
            let mut dmixed = cache.dmixed.row_mut(at + r);
            vectorize(PullBack {
                d: slice(cache.mixed.row(at + r)),
                v: slice(cache.inputs.row(at + r)),
                g: slice(dnext.row(r)),
                dd: dmixed.as_slice_mut().expect("rows of a cache are contiguous"),
                dz: dz.as_slice_mut().expect("rows of cotangents are contiguous"),
                dw: dw.as_slice_mut().expect("rows of cotangents are contiguous"),
            });
        }
        let dmixed = cache.dmixed.slice(s![at..at + n, ..]);
        gemm_packed(Accum::Replace, dalpha, dmixed, &cache.backward);
    }

    /// Books the gradients of the base matrices of all rows since the last `at = 0`.
    ///
    /// # Panics
    /// If the rows pulled back are not exactly the rows written, or the shapes disagree.
    #[track_caller]
    pub fn accumulate(&self, cache: &mut MixtureCache<S>, grads: &mut Self) {
        assert_eq!(cache.pulled, cache.written, "rows pulled back against rows written");
        assert_eq!(grads.dim(), self.dim(), "gradient against the mixture");
        cache.pulled = 0;
        let (m, z, u, _) = self.dim();
        let rows = s![..cache.written, ..];
        // The packed copy of the base matrices is free until the next `prepare`.
        let dbase = &mut cache.base;
        gemm(
            Accum::Replace,
            dbase.view_mut(),
            cache.alpha.slice(rows).t(),
            cache.dmixed.slice(rows),
        );
        self.each_shared(|place| {
            let mean = dbase.column(place).sum() / S::of(m as f64);
            dbase.column_mut(place).fill(mean);
        });
        for i in 0..m {
            for (column, d) in dbase.row(i).exact_chunks(z).into_iter().enumerate() {
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

#[track_caller]
fn slice<S>(row: ArrayView1<'_, S>) -> &[S] {
    row.to_slice().expect("rows are contiguous")
}

/// `y = D̄ v`, the columns of `D̄` one after the other.
struct Apply<'a, S> {
    d: &'a [S],
    v: &'a [S],
    y: &'a mut [S],
}

impl<S: Scalar> Kernel for Apply<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.y.fill(S::ZERO);
        for (column, &v) in self.d.chunks_exact(self.y.len()).zip(self.v) {
            for (y, &d) in self.y.iter_mut().zip(column) {
                *y = d.mul_add(v, *y);
            }
        }
    }
}

/// `dD̄ = g vᵀ`, and the parts of `D̄ᵀ g` added to `dz` and `dw`.
struct PullBack<'a, S> {
    d: &'a [S],
    v: &'a [S],
    g: &'a [S],
    dd: &'a mut [S],
    dz: &'a mut [S],
    dw: &'a mut [S],
}

impl<S: Scalar> Kernel for PullBack<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let rows = self.g.len();
        let first_noise = self.v.len() - self.dw.len();
        let columns = self.d.chunks_exact(rows).zip(self.dd.chunks_exact_mut(rows));
        for (j, ((d, dd), &v)) in columns.zip(self.v).enumerate() {
            let mut pulled = S::ZERO;
            for ((dd, &d), &g) in dd.iter_mut().zip(d).zip(self.g) {
                *dd = g * v;
                pulled = d.mul_add(g, pulled);
            }
            if j < self.dz.len() {
                self.dz[j] += pulled;
            } else if j >= first_noise {
                self.dw[j - first_noise] += pulled;
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
