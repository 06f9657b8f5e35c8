//! The elementwise passes of the unit over whole rows; gates lie as `[r, k]` in rows of `2H`.

use dvbf_tensor::{Kernel, Scalar};

/// `s = r ⊙ h`.
pub(super) struct Reset<'a, S> {
    pub(super) width: usize,
    pub(super) gates: &'a [S],
    pub(super) state: &'a [S],
    pub(super) product: &'a mut [S],
}

impl<S: Scalar> Kernel for Reset<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.width;
        let rows = self.gates.chunks_exact(2 * width).zip(self.state.chunks_exact(width));
        for ((gates, state), reset) in rows.zip(self.product.chunks_exact_mut(width)) {
            for ((out, &r), &h) in reset.iter_mut().zip(&gates[..width]).zip(state) {
                *out = r * h;
            }
        }
    }
}

/// `h' = k ⊙ h + (1 − k) ⊙ n` of one row.
pub(super) struct Blend<'a, S> {
    pub(super) keep: &'a [S],
    pub(super) state: &'a [S],
    pub(super) candidate: &'a [S],
    pub(super) next: &'a mut [S],
}

impl<S: Scalar> Kernel for Blend<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let inputs = self.keep.iter().zip(self.state).zip(self.candidate);
        for (next, ((&k, &h), &n)) in self.next.iter_mut().zip(inputs) {
            *next = k * h + (S::ONE - k) * n;
        }
    }
}

/// `da_n` and `da_k` of one row, and `dh += dh' ⊙ k`.
pub(super) struct ByState<'a, S> {
    pub(super) dnext: &'a [S],
    pub(super) keep: &'a [S],
    pub(super) state: &'a [S],
    pub(super) candidate: &'a [S],
    pub(super) dcandidate: &'a mut [S],
    pub(super) dkeep: &'a mut [S],
    pub(super) dstate: &'a mut [S],
}

impl<S: Scalar> Kernel for ByState<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let inputs = self.dnext.iter().zip(self.keep).zip(self.state.iter().zip(self.candidate));
        let outputs = self.dcandidate.iter_mut().zip(self.dkeep).zip(self.dstate);
        for (((dn, dk), dh), ((&d, &k), (&h, &n))) in outputs.zip(inputs) {
            *dn = d * (S::ONE - k) * (S::ONE - n * n);
            *dk = d * (h - n) * k * (S::ONE - k);
            *dh += d * k;
        }
    }
}

/// `da_r` of one row, and `dh += ds ⊙ r`.
pub(super) struct ByProduct<'a, S> {
    pub(super) dproduct: &'a [S],
    pub(super) reset: &'a [S],
    pub(super) state: &'a [S],
    pub(super) dreset: &'a mut [S],
    pub(super) dstate: &'a mut [S],
}

impl<S: Scalar> Kernel for ByProduct<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let inputs = self.dproduct.iter().zip(self.reset).zip(self.state);
        for ((dr, dh), ((&d, &r), &h)) in self.dreset.iter_mut().zip(self.dstate).zip(inputs) {
            *dr = d * h * r * (S::ONE - r);
            *dh += d * r;
        }
    }
}
