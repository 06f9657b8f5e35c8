//! The read-out as it is stored, and as it runs.

use super::estimate::{Estimate, Interval};
use super::memory::{Memory, MemoryState};
use serde::{Deserialize, Serialize};

/// What of a belief a read-out sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadoutInput {
    /// The mean path of the latent state, `Z` numbers.
    State,
    /// What the emission shows of it in the units of the model, `X` numbers.
    Channels,
}

/// The static part of a read-out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum StaticMap {
    /// A power series of every input: `(powers, inputs)` coefficients, power by power.
    Additive {
        /// The highest power.
        degree: usize,
        /// `a_{ik}`, those of the first power first.
        weights: Vec<f64>,
    },
    /// All products of up to `degree` inputs: the inputs, then `n_i n_j` with `j ≥ i` row by row, then `n_i n_j n_k`
    /// with `k ≥ j ≥ i`.
    Products {
        /// Two or three.
        degree: usize,
        /// Coefficients.
        weights: Vec<f64>,
    },
}

impl StaticMap {
    fn has_known_degree(&self) -> bool {
        match self {
            Self::Additive { degree, .. } => (1..=16).contains(degree),
            Self::Products { degree, .. } => (2..=3).contains(degree),
        }
    }

    /// Coefficients of `inputs` numbers.
    fn size(&self, inputs: usize) -> usize {
        match self {
            Self::Additive { degree, .. } => degree * inputs,
            Self::Products { degree, .. } => products(inputs, *degree),
        }
    }

    fn weights(&self) -> &[f64] {
        match self {
            Self::Additive { weights, .. } | Self::Products { weights, .. } => weights,
        }
    }

    /// Parts of the value.
    pub fn parts(&self, inputs: usize) -> usize {
        match self {
            Self::Additive { .. } => inputs,
            Self::Products { .. } => 1,
        }
    }

    /// Writes the parts of the value of normalized inputs `n`.
    fn apply(&self, n: &[f64], parts: &mut [f64]) {
        match self {
            Self::Additive { weights, .. } => {
                parts.fill(0.0);
                // Horner's scheme from the highest power down.
                for weights in weights.chunks_exact(n.len()).rev() {
                    for ((part, &n), &weight) in parts.iter_mut().zip(n).zip(weights) {
                        *part = (*part + weight) * n;
                    }
                }
            }
            Self::Products { degree, weights } => {
                let (linear, rest) = weights.split_at(n.len());
                let (squares, mut cubes) = rest.split_at(n.len() * (n.len() + 1) / 2);
                let mut squares = squares.iter();
                let mut value = 0.0;
                for (i, (&a, &weight)) in n.iter().zip(linear).enumerate() {
                    let mut factor = weight;
                    for (j, (&b, &weight)) in n[i..].iter().zip(&mut squares).enumerate() {
                        let mut own = weight;
                        if *degree > 2 {
                            let (row, rest) = cubes.split_at(n.len() - i - j);
                            cubes = rest;
                            own += row.iter().zip(&n[i + j..]).map(|(w, c)| w * c).sum::<f64>();
                        }
                        factor += own * b;
                    }
                    value += factor * a;
                }
                parts[0] = value;
            }
        }
    }
}

/// Numbers of products of one to `degree` of `inputs` numbers, two or three.
fn products(inputs: usize, degree: usize) -> usize {
    let pairs = inputs + inputs * (inputs + 1) / 2;
    if degree > 2 { pairs + inputs * (inputs + 1) * (inputs + 2) / 6 } else { pairs }
}

/// A read-out to a reference sensor. The [module](super) has the equations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Name of the reference, such as `force`.
    pub name: String,
    /// What it sees.
    pub input: ReadoutInput,
    /// `m`.
    pub mean: Vec<f64>,
    /// `s`.
    pub scale: Vec<f64>,
    /// `a`.
    pub map: StaticMap,
    /// `b`.
    pub offset: f64,
    /// The least and the greatest value that it tells.
    pub limits: [f64; 2],
    /// Chains and operators.
    pub memory: Memory,
    /// `[c, d, g …, h …]`.
    pub weights: Vec<f64>,
    /// How wide intervals are.
    pub interval: Interval,
}

impl Reference {
    /// Whether its numbers fit each other.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), String> {
        let inputs = self.mean.len();
        let numbers = self.mean.iter().chain(self.map.weights()).chain(&self.weights);
        let holds = [
            (self.scale.len() == inputs && inputs > 0, "a scale for each mean"),
            (self.scale.iter().all(|s| s.is_finite() && *s > 0.0), "positive scales"),
            (self.map.has_known_degree(), "products of two or three"),
            (self.map.weights().len() == self.map.size(inputs), "a coefficient for each power"),
            (self.weights.len() == 2 + self.memory.len(), "a weight for each memory"),
            (numbers.copied().all(f64::is_finite) && self.offset.is_finite(), "finite numbers"),
            (self.limits[0] < self.limits[1], "limits, the least first"),
            (self.limits.iter().all(|l| l.is_finite()), "finite limits"),
            (self.memory.is_valid(), "positive times and thresholds"),
            (self.interval.is_valid(), "intervals that are not negative"),
        ];
        match holds.iter().find(|(holds, _)| !holds) {
            Some((_, what)) => Err(format!("its read-out of {} needs {what}", self.name)),
            None => Ok(()),
        }
    }

    /// Numbers that it takes.
    pub fn inputs(&self) -> usize {
        self.mean.len()
    }

    /// At the start of a sequence with steps of `dt` seconds.
    pub fn start(&self, dt: f64) -> ReferenceState {
        let (inputs, parts) = (self.inputs(), self.map.parts(self.inputs()));
        ReferenceState {
            normalized: vec![0.0; inputs],
            parts: vec![0.0; parts],
            remembered: vec![0.0; self.memory.len()],
            memory: MemoryState::new(&self.memory, parts, dt),
        }
    }

    /// The estimate of a step; nothing allocates.
    ///
    /// # Panics
    /// If there are not as many numbers as [`inputs`](Self::inputs), or the state is of another read-out.
    #[track_caller]
    pub fn step(&self, state: &mut ReferenceState, input: impl Iterator<Item = f64>) -> Estimate {
        let mut count = 0;
        for (((n, v), mean), scale) in
            state.normalized.iter_mut().zip(input).zip(&self.mean).zip(&self.scale)
        {
            *n = (v - mean) / scale;
            count += 1;
        }
        assert_eq!(count, self.inputs(), "numbers that a read-out takes");
        self.map.apply(&state.normalized, &mut state.parts);
        let value = self.offset + state.parts.iter().sum::<f64>();
        state.memory.follow(&self.memory, value, &state.parts, &mut state.remembered);
        let [constant, own, rest @ ..] = self.weights.as_slice() else {
            panic!("a read-out has two weights at least")
        };
        let remembered: f64 = rest.iter().zip(&state.remembered).map(|(w, m)| w * m).sum();
        let [low, high] = self.limits;
        self.interval.around((constant + own * value + remembered).clamp(low, high))
    }
}

/// A read-out that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceState {
    normalized: Vec<f64>,
    parts: Vec<f64>,
    remembered: Vec<f64>,
    memory: MemoryState,
}

impl ReferenceState {
    /// Forgets everything: the next step is the first of a sequence.
    pub fn reset(&mut self) {
        self.memory.reset();
    }

    /// The parts of the static value, and what is remembered, after the last step.
    pub fn shown(&self) -> (&[f64], &[f64]) {
        (&self.parts, &self.remembered)
    }
}
