//! Beliefs over recordings, and the archive that keeps them.

use super::ApplyError;
use crate::data::archive::{Archive, Failure};
use dvbf_core::{ObservationStatus, replace_file};
use ndarray::{Array1, Array2, Array3, arr0, s};
use std::io::Cursor;
use std::path::Path;

/// What a filter made of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// Nothing was observed.
    Missing = 0,
    /// All channels were observed.
    Seen = 1,
    /// Some channels were observed.
    Partly = 2,
    /// The gate took the observation for impossible.
    Gated = 3,
    /// The belief was lost and has been replaced by a start from the last frames, or by the prior.
    Restarted = 4,
}

impl From<ObservationStatus> for Verdict {
    fn from(status: ObservationStatus) -> Self {
        match status {
            ObservationStatus::Seen => Self::Seen,
            ObservationStatus::Partly(_) => Self::Partly,
            ObservationStatus::Missing => Self::Missing,
            ObservationStatus::Gated => Self::Gated,
            ObservationStatus::Restarted => Self::Restarted,
        }
    }
}

/// Beliefs over one sequence of `T` steps, `Z` latent dimensions and `X` channels. What is not known yet,
/// before the filter has started, is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceBeliefs {
    /// Where the sequence comes from.
    pub name: String,
    /// Mean path of the latent state, `(T, Z)`.
    pub path: Array2<f32>,
    /// Mean of the latent state over sample paths, `(T, Z)`.
    pub mean: Array2<f32>,
    /// Standard deviation of the latent state over sample paths, `(T, Z)`.
    pub std: Array2<f32>,
    /// Mean of every step's observation before it was seen, `(T, X)`, in the units of the recordings.
    pub predicted_mean: Array2<f32>,
    /// Its standard deviation, `(T, X)`.
    pub predicted_std: Array2<f32>,
    /// `ln p(x_t | x₁ … x_{t−1})` over the observed channels, in nats, `(T)`.
    pub log_likelihood: Array1<f64>,
    /// Normalized innovation squared, `(T)`.
    pub nis: Array1<f64>,
    /// Its degrees of freedom, the channels that were observed; zero where there is no score.
    pub freedom: Array1<u32>,
    /// Seconds from every step to the next, where they differ.
    pub intervals: Option<Vec<f32>>,
    /// What became of every step.
    pub verdicts: Vec<Verdict>,
}

impl SequenceBeliefs {
    pub(super) fn unknown(name: &str, steps: usize, z: usize, x: usize) -> Self {
        let none = |width| Array2::from_elem((steps, width), f32::NAN);
        Self {
            name: name.into(),
            path: none(z),
            mean: none(z),
            std: none(z),
            predicted_mean: none(x),
            predicted_std: none(x),
            log_likelihood: Array1::from_elem(steps, f64::NAN),
            nis: Array1::from_elem(steps, f64::NAN),
            freedom: Array1::zeros(steps),
            intervals: None,
            verdicts: vec![Verdict::Missing; steps],
        }
    }
}

/// An array with a row a step.
type Rows = fn(&SequenceBeliefs) -> &Array2<f32>;

/// Beliefs over recordings.
#[derive(Clone, Debug, PartialEq)]
pub struct Beliefs {
    /// One entry a sequence.
    pub sequences: Vec<SequenceBeliefs>,
    /// Names of the observed channels (`X`).
    pub observation_names: Vec<String>,
    /// Seconds between two steps, where they are equal.
    pub dt: f64,
    /// What `predicted_mean` is less, channel by channel, in double precision; empty if nothing.
    pub origins: Vec<f64>,
}

impl Beliefs {
    /// Steps of all sequences.
    pub fn steps(&self) -> usize {
        self.sequences.iter().map(|s| s.verdicts.len()).sum()
    }

    /// Steps that ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.sequences.iter().flat_map(|s| &s.verdicts).filter(|&&v| v == verdict).count()
    }

    /// Mean log-likelihood of a one-step prediction, in nats, and mean normalized innovation squared per
    /// observed channel, which is one for a filter that knows its errors; `None` if nothing was predicted.
    pub fn score(&self) -> Option<(f64, f64)> {
        let (mut steps, mut log, mut nis, mut freedom) = (0.0, 0.0, 0.0, 0.0);
        for sequence in &self.sequences {
            let scores = sequence.log_likelihood.iter().zip(&sequence.nis).zip(&sequence.freedom);
            for ((l, n), &f) in scores.filter(|(_, f)| **f > 0) {
                (steps, log) = (steps + 1.0, log + l);
                (nis, freedom) = (nis + n, freedom + f64::from(f));
            }
        }
        (steps > 0.0).then(|| (log / steps, nis / freedom))
    }

    /// Writes an `.npz` archive; sequences are padded with NaN to the longest.
    ///
    /// Arrays: `path`, `mean`, `std (N, T, Z)`, `predicted_mean`, `predicted_std (N, T, X)`,
    /// `log_likelihood`, `nis (N, T)`, `freedom (N, T)`, `evidence (N, T)` with the numbers of
    /// [`Verdict`], `lengths (N)`, `names (N)`, `x_names (X)` and `dt`.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is then intact.
    pub fn write(&self, path: &Path) -> Result<(), ApplyError> {
        let failed = |problem: String| ApplyError::Output { path: path.to_owned(), problem };
        let bytes = self.encode().map_err(|e| failed(e.to_string()))?;
        replace_file(path, &[&bytes]).map_err(|e| failed(e.to_string()))
    }

    fn encode(&self) -> Result<Vec<u8>, Failure> {
        let mut archive = Archive::new(Cursor::new(Vec::new()));
        let wide: [(&str, Rows); 5] = [
            ("path", |s| &s.path),
            ("mean", |s| &s.mean),
            ("std", |s| &s.std),
            ("predicted_mean", |s| &s.predicted_mean),
            ("predicted_std", |s| &s.predicted_std),
        ];
        for (name, of) in wide {
            let rows = self.padded_rows(of);
            if name == "predicted_mean" && !self.origins.is_empty() {
                let origin = |((_, _, i), &value): ((usize, usize, usize), &f32)| {
                    f64::from(value) + self.origins[i]
                };
                let whole = rows.indexed_iter().map(origin).collect();
                archive.add(name, &Array3::from_shape_vec(rows.dim(), whole)?)?;
            } else {
                archive.add(name, &rows)?;
            }
        }
        archive.add("log_likelihood", &self.padded(f64::NAN, |s| s.log_likelihood.to_vec()))?;
        archive.add("nis", &self.padded(f64::NAN, |s| s.nis.to_vec()))?;
        archive.add("freedom", &self.padded(0, |s| s.freedom.to_vec()))?;
        let verdicts = |s: &SequenceBeliefs| s.verdicts.iter().map(|&v| v as u8).collect();
        archive.add("evidence", &self.padded(0, verdicts))?;
        let lengths: Array1<u64> = self.sequences.iter().map(|s| s.verdicts.len() as u64).collect();
        archive.add("lengths", &lengths)?;
        let names: Vec<String> = self.sequences.iter().map(|s| s.name.clone()).collect();
        archive.texts("names", &names)?;
        archive.texts("x_names", &self.observation_names)?;
        if self.sequences.iter().any(|s| s.intervals.is_some()) {
            let seconds = |s: &SequenceBeliefs| s.intervals.clone().unwrap_or_default();
            archive.add("dt", &self.padded(f32::NAN, seconds))?;
        } else {
            archive.add("dt", &arr0(self.dt))?;
        }
        Ok(archive.finish()?.into_inner())
    }

    fn longest(&self) -> usize {
        self.sequences.iter().map(|s| s.verdicts.len()).max().unwrap_or(0)
    }

    fn padded_rows(&self, of: Rows) -> Array3<f32> {
        let width = self.sequences.first().map_or(0, |s| of(s).ncols());
        let mut all = Array3::from_elem((self.sequences.len(), self.longest(), width), f32::NAN);
        for (n, sequence) in self.sequences.iter().enumerate() {
            let rows = of(sequence);
            all.slice_mut(s![n, ..rows.nrows(), ..]).assign(rows);
        }
        all
    }

    fn padded<T: Copy>(&self, fill: T, of: impl Fn(&SequenceBeliefs) -> Vec<T>) -> Array2<T> {
        let mut all = Array2::from_elem((self.sequences.len(), self.longest()), fill);
        for (mut row, sequence) in all.rows_mut().into_iter().zip(&self.sequences) {
            row.iter_mut().zip(of(sequence)).for_each(|(to, from)| *to = from);
        }
        all
    }
}
