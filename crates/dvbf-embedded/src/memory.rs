//! The working memory of a filter, cut into its parts.

use crate::error::Error;
use crate::layout::Sizes;
use crate::model::Model;
use crate::transition::TransitionMemory;
use crate::window::Window;

/// The parts.
#[derive(Debug)]
pub(crate) struct Memory<'m> {
    pub(crate) window: Window<'m>,
    /// What the initial state reads, `k X + (k − 1) U`.
    pub(crate) features: &'m mut [f32],
    /// `[x, z, u]` of the recognition network.
    pub(crate) seen: &'m mut [f32],
    /// `[z, u, w]` of the transition.
    pub(crate) arguments: &'m mut [f32],
    /// Hidden units of any network.
    pub(crate) scratch: &'m mut [f32],
    pub(crate) transition: TransitionMemory<'m>,
    /// `2 W`.
    pub(crate) raw: &'m mut [f32],
    pub(crate) noise: &'m mut [f32],
    pub(crate) state: &'m mut [f32],
    pub(crate) next: &'m mut [f32],
    /// The belief while a start is tried: state and noise.
    pub(crate) kept: (&'m mut [f32], &'m mut [f32]),
    /// What the emission shows, `X`.
    pub(crate) shown: &'m mut [f32],
    /// The last frame and control in the units of the model, missing channels NaN.
    pub(crate) frame: (&'m mut [f32], &'m mut [f32]),
}

/// Lengths of the parts.
fn parts(sizes: &Sizes) -> Option<[usize; 16]> {
    let Sizes { observation: x, control: u, state: z, noise: w, frames: k, matrices: m, .. } =
        *sizes;
    let hidden = sizes.hidden.into_iter().fold(0, usize::max);
    Some([
        k.checked_mul(x)?,
        k.checked_mul(u)?,
        sizes.first()?,
        x + z + u,
        sizes.columns(),
        hidden,
        m,
        sizes.columns().checked_mul(z)?,
        2 * w,
        w,
        z,
        z,
        z,
        w,
        x,
        x + u,
    ])
}

fn total(sizes: &Sizes) -> Option<usize> {
    parts(sizes)?.iter().try_fold(0_usize, |sum, &part| sum.checked_add(part))
}

impl Model<'_> {
    /// Numbers of working memory that a filter needs.
    #[must_use]
    pub fn memory(&self) -> usize {
        total(&self.sizes).unwrap_or(usize::MAX)
    }
}

impl<'m> Memory<'m> {
    /// # Errors
    /// If there is too little.
    pub(crate) fn cut(sizes: &Sizes, memory: &'m mut [f32]) -> Result<Self, Error> {
        let (found, needed) = (memory.len(), total(sizes).unwrap_or(usize::MAX));
        let (Some(lengths), true) = (parts(sizes), found >= needed) else {
            return Err(Error::Memory { found, needed });
        };
        memory.fill(0.0);
        let mut rest = memory;
        let [p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15] =
            lengths.map(|length| {
                let (own, others) = core::mem::take(&mut rest).split_at_mut(length);
                rest = others;
                own
            });
        Ok(Self {
            window: Window::new(p0, p1, sizes),
            features: p2,
            seen: p3,
            arguments: p4,
            scratch: p5,
            transition: TransitionMemory { alpha: p6, mixed: p7 },
            raw: p8,
            noise: p9,
            state: p10,
            next: p11,
            kept: (p12, p13),
            shown: p14,
            frame: p15.split_at_mut(sizes.observation),
        })
    }
}
