//! A mixture of rows in lanes, without a way back.
//!
//! | | equation |
//! |-|----------|
//! | forward | `D̄ = Σᵢ αᵢ Dᵢ`, `y = D̄ v` |
//! | along a direction | `Ḋ = Σᵢ α̇ᵢ Dᵢ`, `ẏ = Ḋ v + D̄ v̇` |

use super::lanes::{Apply, ApplyTangent};
use super::{Mixture, MixtureCache, MixtureDims};
use dvbf_tensor::{Accum, Scalar, gemm, vectorize};
use ndarray::{ArrayView2, ArrayViewMut2, s};

/// Buffers of [`Mixture::forward_lanes`]; they grow when they are first used.
#[derive(Clone, Debug, Default)]
pub struct MixtureLanes<S> {
    /// `D̄`, then `y`.
    values: Vec<S>,
}

impl<S: Scalar> Mixture<S> {
    /// Computes `y (Z, L)` of `α (M, L)` and `v = [z, u, w] (Z + U + W, L)`, one row in each lane, to the
    /// bits of [`forward`](Mixture::forward), and leaves it in the buffers. Of the cache only the packed
    /// base matrices are read.
    ///
    /// # Panics
    /// If the shapes disagree, the lanes are no whole vectors of [`LANES`](crate::LANES), or the cache is
    /// not prepared.
    #[track_caller]
    pub fn forward_lanes<'a>(
        &self,
        alpha: &[S],
        v: &[S],
        lanes: usize,
        cache: &MixtureCache<S>,
        buffers: &'a mut MixtureLanes<S>,
    ) -> &'a mut [S] {
        let MixtureDims { bases: m, state: z, control: u, noise: w } = self.dims();
        assert_eq!(lanes % crate::LANES, 0, "lanes are whole vectors");
        assert_eq!(alpha.len(), m * lanes, "α against (M, L)");
        assert_eq!(v.len(), (z + u + w) * lanes, "v against (Z + U + W, L)");
        assert_eq!(cache.forward.dim(), cache.base.dim(), "the cache is not prepared");
        let size = z * (z + u + w);
        if buffers.values.len() < (size + z) * lanes {
            buffers.values.resize((size + z) * lanes, S::ZERO);
        }
        let (mixed, rest) = buffers.values.split_at_mut(size * lanes);
        let y = &mut rest[..z * lanes];
        let alpha = ArrayView2::from_shape((m, lanes), alpha).expect("whole lanes");
        let product = ArrayViewMut2::from_shape((size, lanes), &mut *mixed).expect("whole lanes");
        gemm(Accum::Replace, product, cache.base.t(), alpha);
        vectorize(Apply { lanes, d: mixed, v, y: &mut *y });
        y
    }

    /// Without noise, `y = Σᵢ αᵢ (Aᵢ z + Bᵢ u)`, and the derivatives of `y` along `C` directions, for
    /// `(L, C)`. Every row of `α (M, (1 + C) L)` and of `v = [z, u] (Z + U, (1 + C) L)` holds the values of
    /// all lanes, then their derivatives along each direction, and so does every row of `y (Z, (1 + C) L)`,
    /// which is left in the buffers.
    ///
    /// # Panics
    /// As [`forward_lanes`](Mixture::forward_lanes).
    #[track_caller]
    pub fn push_lanes<'a>(
        &self,
        (alpha, v): (&[S], &[S]),
        (lanes, directions): (usize, usize),
        cache: &MixtureCache<S>,
        buffers: &'a mut MixtureLanes<S>,
    ) -> &'a mut [S] {
        let MixtureDims { bases: m, state: z, control: u, .. } = self.dims();
        let (width, size) = ((1 + directions) * lanes, z * (z + u));
        assert_eq!(lanes % crate::LANES, 0, "lanes are whole vectors");
        assert_eq!(alpha.len(), m * width, "α against (M, (1 + C) L)");
        assert_eq!(v.len(), (z + u) * width, "v against (Z + U, (1 + C) L)");
        assert_eq!(cache.forward.dim(), cache.base.dim(), "the cache is not prepared");
        if buffers.values.len() < (size + z) * width {
            buffers.values.resize((size + z) * width, S::ZERO);
        }
        let (mixed, rest) = buffers.values.split_at_mut(size * width);
        let y = &mut rest[..z * width];
        let alpha = ArrayView2::from_shape((m, width), alpha).expect("whole lanes");
        let product = ArrayViewMut2::from_shape((size, width), &mut *mixed).expect("whole lanes");
        let base = cache.base.slice(s![.., ..size]);
        gemm(Accum::Replace, product, base.reversed_axes(), alpha);
        vectorize(ApplyTangent { lanes, width, d: mixed, v, y: &mut *y });
        y
    }
}
