//! Capacity of a discrete memoryless channel (Blahut 1972, Arimoto 1972).
//!
//! With the probabilities `W(y | x)`, a source `p(x)`, the output `q(y) = Σ p W` and the divergence
//! `D(x) = Σ_y W(y | x) ln W(y | x) / q(y)`, one iteration is
//!
//! ```text
//! p(x) ← p(x) exp(a (D(x) − λ c(x))) / normalization
//! ```
//!
//! with `a = 1`, or somewhat more while that helps, and a price `λ c(x)` of an input where power is
//! limited. For any source,
//!
//! ```text
//! Σ p (D − λ c)  ≤  C(λ)  ≤  max_x (D − λ c),
//! ```
//!
//! and the iterations end when the two are close.

use crate::error::ControlError;
use ndarray::ArrayView2;

/// The exponent `a` after some iterations, while the lower bound does not fall.
const ACCELERATION: f64 = 1.8;
/// Iterations without acceleration.
const PLAIN: usize = 5;

/// `W(y | x)` for finitely many inputs and outputs; only what is not zero is stored.
#[derive(Clone, Debug)]
pub struct DiscreteChannel {
    /// Where the entries of an input begin, with the end of the last.
    pub(super) starts: Vec<usize>,
    pub(super) columns: Vec<u32>,
    pub(super) entries: Vec<f64>,
    pub(super) outputs: usize,
}

/// A capacity between two bounds, in nats.
#[derive(Clone, Debug, PartialEq)]
pub struct Capacity {
    /// What the source below attains.
    pub lower: f64,
    /// What no source exceeds.
    pub upper: f64,
    /// Probabilities of the inputs.
    pub source: Vec<f64>,
    /// Iterations taken.
    pub iterations: usize,
}

impl Capacity {
    /// The middle between the bounds.
    pub fn middle(&self) -> f64 {
        0.5 * (self.lower + self.upper)
    }
}

impl DiscreteChannel {
    /// The channel with `W(y | x)` in row `x`, column `y`.
    ///
    /// # Errors
    /// If there is no input, an entry is negative or not finite, or a row does not sum to one
    /// within 1e-9.
    pub fn new(probabilities: ArrayView2<'_, f64>) -> Result<Self, ControlError> {
        let outputs = probabilities.ncols();
        let mut channel =
            Self { starts: vec![0], columns: Vec::new(), entries: Vec::new(), outputs };
        crate::error::at_least("inputs", probabilities.nrows(), 1, "at least 1")?;
        for (x, row) in probabilities.rows().into_iter().enumerate() {
            if row.iter().any(|w| !w.is_finite()) {
                return Err(ControlError::NotFinite { what: "the probability", row: x });
            }
            let least = row.iter().fold(0.0_f64, |least, &w| least.min(w));
            let key = "probability";
            if least < 0.0 {
                return Err(ControlError::Setting { key, value: least, range: "at least 0" });
            }
            if (row.sum() - 1.0).abs() > 1e-9 {
                let (key, range) = ("sum of a row of probabilities", "1");
                return Err(ControlError::Setting { key, value: row.sum(), range });
            }
            for (y, &w) in (0..).zip(row).filter(|&(_, &w)| w > 0.0) {
                channel.columns.push(y);
                channel.entries.push(w);
            }
            channel.starts.push(channel.entries.len());
        }
        Ok(channel)
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// Number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    fn row(&self, x: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[x]..self.starts[x + 1];
        let columns = self.columns[range.clone()].iter().map(|&y| y as usize);
        columns.zip(self.entries[range].iter().copied())
    }

    /// Writes `D(x)` for a source; `output` is scratch, and `negentropy` is `Σ W ln W`.
    fn divergences(&self, source: &[f64], negentropy: &[f64], output: &mut [f64], out: &mut [f64]) {
        output.fill(0.0);
        for (x, &p) in source.iter().enumerate().filter(|&(_, &p)| p > 0.0) {
            for (y, w) in self.row(x) {
                output[y] += p * w;
            }
        }
        // An output that only inputs without probability reach counts as nearly impossible.
        for q in output.iter_mut() {
            *q = q.max(f64::MIN_POSITIVE).ln();
        }
        for (x, out) in out.iter_mut().enumerate() {
            *out = negentropy[x] - self.row(x).map(|(y, w)| w * output[y]).sum::<f64>();
        }
    }

    fn negentropy(&self) -> Vec<f64> {
        (0..self.inputs()).map(|x| self.row(x).map(|(_, w)| w * w.ln()).sum()).collect()
    }

    /// `I(x; y)` in nats for a source.
    ///
    /// # Panics
    /// If there is not one probability an input.
    #[track_caller]
    pub fn mutual_information(&self, source: &[f64]) -> f64 {
        assert_eq!(source.len(), self.inputs(), "probabilities against inputs");
        let (mut output, mut divergences) = (vec![0.0; self.outputs], vec![0.0; source.len()]);
        self.divergences(source, &self.negentropy(), &mut output, &mut divergences);
        source.iter().zip(&divergences).map(|(p, d)| p * d).sum()
    }

    /// The capacity, to a difference of the bounds of `tolerance` nats or after `iterations`.
    pub fn capacity(&self, tolerance: f64, iterations: usize) -> Capacity {
        self.priced_capacity(&vec![0.0; self.inputs()], tolerance, iterations)
    }

    /// The most of `I(x; y) − Σ p(x) λ c(x)`, where using input `x` costs `prices[x] = λ c(x)`.
    ///
    /// # Panics
    /// If there is not one price an input.
    #[track_caller]
    pub fn priced_capacity(&self, prices: &[f64], tolerance: f64, iterations: usize) -> Capacity {
        let inputs = self.inputs();
        assert_eq!(prices.len(), inputs, "prices against inputs");
        let negentropy = self.negentropy();
        let mut source = vec![1.0 / inputs as f64; inputs];
        let (mut output, mut gain) = (vec![0.0; self.outputs], vec![0.0; inputs]);
        let (mut lower, mut before) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let mut upper = f64::INFINITY;
        let mut done = 0;
        while done < iterations.max(1) {
            self.divergences(&source, &negentropy, &mut output, &mut gain);
            for (gain, price) in gain.iter_mut().zip(prices) {
                *gain -= price;
            }
            let here: f64 = source.iter().zip(&gain).map(|(p, g)| p * g).sum();
            let most = gain.iter().fold(f64::NEG_INFINITY, |most, &g| most.max(g));
            (lower, upper, done) = (here, upper.min(most), done + 1);
            if upper - lower <= tolerance || done == iterations.max(1) {
                break;
            }
            let exponent = if done <= PLAIN || here < before { 1.0 } else { ACCELERATION };
            before = here;
            let mut sum = 0.0;
            for (p, g) in source.iter_mut().zip(&gain) {
                *p *= (exponent * (g - most)).exp();
                sum += *p;
            }
            for p in &mut source {
                *p /= sum;
            }
        }
        Capacity { lower, upper, source, iterations: done }
    }
}
