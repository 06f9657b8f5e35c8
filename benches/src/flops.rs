//! Floating-point operations of a training step, counted by hand.

/// Sizes of a step of the locally linear model with one hidden layer in every network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepShape {
    /// `B`, sequences.
    pub sequences: usize,
    /// `T`, frames of a sequence.
    pub steps: usize,
    /// `X`, observed channels.
    pub observation: usize,
    /// `U`, control channels.
    pub control: usize,
    /// `Z`, dimensions of the latent state, all of which the emission sees.
    pub state: usize,
    /// `W`, dimensions of the process noise.
    pub noise: usize,
    /// `H`, hidden units of emission, recognition and initial state.
    pub hidden: usize,
    /// `M`, base matrices.
    pub matrices: usize,
    /// `A`, hidden units of the mixing network.
    pub mixing_hidden: usize,
    /// `k`, frames that start the state.
    pub initial_frames: usize,
}

impl StepShape {
    /// Operations of the matrix products of forward and backward pass; a product with an addition
    /// counts as two. Elementwise functions, noise and the optimizer are not counted, so a rate
    /// from this number can only be too low.
    ///
    /// | part | rows | products of a row |
    /// |------|------|-------------------|
    /// | emission | `T·B` | `Z H + H X` |
    /// | recognition of the frame | `(T−1)·B` | `X H` |
    /// | rest of recognition | `(T−1)·B` | `(Z + U) H + H·2W` |
    /// | initial features | `B` | `(kX + (k−1)U) H` |
    /// | rest of the initial state | `B` | `H·2W + W H + H Z` |
    /// | mixing network | `(T−1)·B` | `(Z + U) A + A M` |
    /// | mixture | `(T−1)·B` | `(M + 1)((Z + U) Z + W Z)` |
    ///
    /// A backward pass takes twice the forward pass, once for the inputs and once for the
    /// parameters; frames and initial features need no gradient of the input.
    pub fn flops(&self) -> f64 {
        let Self { sequences, steps, observation: x, control: u, state: z, noise: w, .. } = *self;
        let (h, m, a, k) = (self.hidden, self.matrices, self.mixing_hidden, self.initial_frames);
        let all = sequences * steps;
        let moves = all - sequences;
        let emission = all * (z * h + h * x);
        let frames = moves * x * h;
        let recognition = moves * ((z + u) * h + h * 2 * w);
        let features = sequences * (k * x + (k - 1) * u) * h;
        let initial = sequences * (h * 2 * w + w * h + h * z);
        let mixing = moves * ((z + u) * a + a * m);
        let mixture = moves * (m + 1) * ((z + u) * z + w * z);
        let forward = emission + frames + recognition + features + initial + mixing + mixture;
        (2 * (3 * forward - frames - features)) as f64
    }
}

#[cfg(test)]
mod tests {
    use crate::Size;

    /// Counted independently of this code, for the same model.
    #[test]
    fn counts_of_the_compared_sizes() {
        for (name, gigaflops) in [("a", 2.865), ("b", 0.183), ("c", 5.745)] {
            let counted = Size::named(name).expect("a size").shape().flops() / 1e9;
            assert!((counted - gigaflops).abs() < 6e-4, "{name}: {counted}");
        }
    }
}
