//! Read-outs from the belief of a filter to a reference sensor: force in newtons beside a cheap skin.
//!
//! A filter is trained without labels. A short labelled piece then fits a read-out, which lies beside the
//! filter in the model file and changes nothing of it. It is causal: what it remembers is made of beliefs that
//! have been.
//!
//! | | equation |
//! |-|----------|
//! | input | `v`: the mean path of the state `z`, or what the emission shows of it, `e(z)`, in units of the model |
//! | normalized | `n_i = (v_i − m_i) / s_i` |
//! | parts | `y_i = Σ_k a_{ik} n_i^k`, `k = 1 … K`; or one part, all products of up to two or three `n` |
//! | static value | `y = b + Σ_i y_i` |
//! | creep | `e_j ← y + (e_j − y) exp(−dt / τ_j)`, which begins at the first `y` |
//! | play | `p_{ij} ← max(y_i − r_j, min(y_i + r_j, p_{ij}))`, which begins at the first `y_i` |
//! | value | `f = c + d y + Σ_j g_j e_j + Σ_j h_j Σ_i p_{ij}`, within limits near the range of the labels |
//! | interval | `f ± (q₀ + q₁ \|f\|)`, which covers 90 % |
//!
//! Chains of creep and play operators are the known parts of viscoelastic sensors (Kelvin and Voigt, Prandtl and
//! Ishlinskii); their weights are fitted.

mod estimate;
mod memory;
mod reference;

pub use estimate::{Estimate, Interval};
pub use memory::{Memory, MemoryState};
pub use reference::{ReadoutInput, Reference, ReferenceState, StaticMap};
