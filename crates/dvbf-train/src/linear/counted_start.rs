//! The parts of a filter that begin as a model of changes.

use super::counted::{Counted, CountedModel};
use super::model::{FADE, LEAST_NOISE, LinearModel, SPREAD};
use dvbf_core::{AffineMap, LinearStart};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2};

/// What is left to the sensor of the error of one step.
const SENSOR: f64 = 0.3;
/// Least standard deviation of what is seen, in units of the channels, which may shrink later.
const LEAST_STD: f64 = 3e-4;
/// Where the angles and levels of a state are, and how parts see them.
struct Places {
    angles: usize,
    size: usize,
}

impl Places {
    /// Column of component `i` in `φ`, which shows an angle beside its sine and cosine.
    fn column(&self, i: usize) -> usize {
        if i < self.angles { 3 * i } else { 2 * self.angles + i }
    }

    fn features(&self) -> usize {
        self.size + 2 * self.angles
    }
}

impl CountedModel {
    fn counts(&self, channel: usize) -> bool {
        self.counted.iter().any(|own| own.channel == channel)
    }

    /// The same model for the parts of a filter whose state has `size` components: angles, levels, those of the
    /// model, and others that fade.
    ///
    /// # Panics
    /// If the state is too small.
    pub(super) fn start(&self, size: usize) -> LinearStart {
        let (k, n) = (self.counted.len(), self.change.state());
        assert!(size >= k + n, "{size} components for {k} counted ones and a state of {n}");
        let places = Places { angles: angles(&self.counted), size };
        let LinearModel { gain, innovation, .. } = &self.change;
        let (x, noise) = (self.change.c.nrows(), self.noise(size, gain, innovation));
        let (transition, remainder) = self.carrying(&places);
        let from = DMatrix::from_fn(size, x, |i, channel| {
            let gain = match i {
                i if i < k && self.counted[i].channel == channel => self.counted[i].scale(),
                i if (k..k + n).contains(&i) => gain[(i - k, channel)],
                _ => 0.0,
            };
            gain / noise[i]
        });
        let (of_expected, of_level) = self.expected(&places);
        let (of_expected, of_level) = (&from * of_expected, &from * of_level);
        let recognition = AffineMap {
            weight: Array2::from_shape_fn((size, x + of_expected.ncols()), |(i, j)| {
                if j < x { from[(i, j)] } else { -of_expected[(i, j - x)] }
            }),
            offset: of_level.iter().map(|v| -v).collect(),
        };
        let of_first = |i: usize, j: usize| {
            let Counted { channel, .. } = self.counted[i];
            if j == channel { self.counted[i].scale() } else { 0.0 }
        };
        let initial = AffineMap {
            weight: Array2::from_shape_fn((size, self.begin.map.ncols()), |(i, j)| match i {
                i if i < k => of_first(i, j),
                i if i < k + n => self.begin.map[(i - k, j)],
                _ => 0.0,
            }),
            offset: (0..size)
                .map(|i| if (k..k + n).contains(&i) { self.begin.offset[i - k] } else { 0.0 })
                .collect(),
        };
        let spread = |i: usize| match i {
            i if i < k => 1e-2,
            i if i < k + n => self.begin.spread[i - k].clamp(1e-2, 1.0),
            _ => 1.0,
        };
        let sensor = |i: usize| (SENSOR * innovation[(i, i)].max(0.0).sqrt()).max(LEAST_STD);
        LinearStart {
            transition,
            remainder: Some(remainder),
            recognition,
            emission: self.emission(&places),
            emission_std: (0..x).map(sensor).collect(),
            initial,
            spread: (0..size).map(|i| if i < k + n { SPREAD } else { 1.0 }).collect(),
            initial_spread: (0..size).map(spread).collect(),
            noise,
        }
    }

    /// The step: what is linear in `[z, u]`, and in `[ψ(z), u]`.
    fn carrying(&self, places: &Places) -> (AffineMap, AffineMap) {
        let (k, n, size) = (self.counted.len(), self.change.state(), places.size);
        let LinearModel { a, b, offset, c, level, .. } = &self.change;
        let u = b.ncols() - 2 * places.angles;
        let (ca, cb, of_one) = (c * a, c * b, c * offset + level);
        let shown = 2 * places.angles + size - k + u;
        let mut transition =
            AffineMap { weight: Array2::zeros((size, size + u)), offset: Array1::zeros(size) };
        let mut remainder =
            AffineMap { weight: Array2::zeros((size, shown)), offset: Array1::zeros(size) };
        for i in 0..k + n {
            let (scale, row, of, one) = match self.counted.get(i) {
                Some(own) => (own.scale(), own.channel, [&ca, &cb], of_one[own.channel]),
                None => (1.0, i - k, [a, b], offset[i - k]),
            };
            for j in 0..n {
                transition.weight[[i, k + j]] = scale * of[0][(row, j)];
            }
            for j in 0..u {
                transition.weight[[i, size + j]] = scale * of[1][(row, j)];
            }
            for j in 0..2 * places.angles {
                remainder.weight[[i, j]] = scale * of[1][(row, u + j)];
            }
            transition.offset[i] = scale * one;
            if i < k {
                transition.weight[[i, i]] += 1.0;
            }
        }
        for i in k + n..size {
            transition.weight[[i, i]] = FADE;
        }
        (transition, remainder)
    }

    /// What a step is expected to show, of `[φ, u]` and of one.
    fn expected(&self, places: &Places) -> (DMatrix<f64>, DVector<f64>) {
        let (k, n) = (self.counted.len(), self.change.state());
        let LinearModel { a, b, offset, c, level, .. } = &self.change;
        let u = b.ncols() - 2 * places.angles;
        let (ca, cb) = (c * a, c * b);
        let mut expected = DMatrix::zeros(c.nrows(), places.features() + u);
        for channel in 0..c.nrows() {
            for j in 0..n {
                expected[(channel, places.column(k + j))] = ca[(channel, j)];
            }
            for j in 0..u {
                expected[(channel, places.features() + j)] = cb[(channel, j)];
            }
            for i in 0..places.angles {
                for part in 0..2 {
                    expected[(channel, places.column(i) + 1 + part)] =
                        cb[(channel, u + 2 * i + part)];
                }
            }
        }
        for (i, own) in self.counted.iter().enumerate() {
            expected[(own.channel, places.column(i))] = 1.0 / own.scale();
        }
        (expected, c * offset + level)
    }

    /// What is seen of a state.
    fn emission(&self, places: &Places) -> AffineMap {
        let (k, n) = (self.counted.len(), self.change.state());
        let LinearModel { c, level, .. } = &self.change;
        let x = c.nrows();
        let mut emission =
            AffineMap { weight: Array2::zeros((x, places.features())), offset: Array1::zeros(x) };
        for channel in (0..x).filter(|&channel| !self.counts(channel)) {
            for j in 0..n {
                emission.weight[[channel, places.column(k + j)]] = c[(channel, j)];
            }
            emission.offset[channel] = level[channel];
        }
        for (i, own) in self.counted.iter().enumerate() {
            emission.weight[[own.channel, places.column(i)]] = 1.0 / own.scale();
        }
        emission
    }

    /// Standard deviations of what a correction changes.
    fn noise(&self, size: usize, gain: &DMatrix<f64>, innovation: &DMatrix<f64>) -> Vec<f64> {
        let (k, n) = (self.counted.len(), self.change.state());
        let all = gain * innovation * gain.transpose();
        let std = |i: usize| match i {
            i if i < k => {
                let channel = self.counted[i].channel;
                self.counted[i].scale() * innovation[(channel, channel)].max(0.0).sqrt()
            }
            i if i < k + n => all[(i - k, i - k)].max(0.0).sqrt(),
            _ => 0.0,
        };
        (0..size).map(|i| std(i).max(LEAST_NOISE)).collect()
    }
}

/// A start for parts whose first components are angles and levels, of which it makes no use.
pub(super) fn beside(start: &LinearStart, counted: &[Counted]) -> LinearStart {
    let (more, angles) = (counted.len(), angles(counted));
    let own = start.transition.weight.nrows();
    let size = own + more;
    let shown = 2 * angles + start.transition.weight.ncols();
    let rows = |map: &AffineMap, value: f64| {
        let mut weight = Array2::zeros((map.weight.nrows() + more, map.weight.ncols()));
        weight.slice_mut(ndarray::s![more.., ..]).assign(&map.weight);
        let zeros = std::iter::repeat_n(value, more);
        AffineMap { weight, offset: zeros.chain(map.offset.iter().copied()).collect() }
    };
    let columns = |map: &AffineMap, at: usize, new: usize| {
        let (own, width) = map.weight.dim();
        let mut weight = Array2::zeros((own, width + new));
        weight.slice_mut(ndarray::s![.., ..at]).assign(&map.weight.slice(ndarray::s![.., ..at]));
        weight
            .slice_mut(ndarray::s![.., at + new..])
            .assign(&map.weight.slice(ndarray::s![.., at..]));
        AffineMap { weight, offset: map.offset.clone() }
    };
    let before = |values: &[f64], value: f64| {
        std::iter::repeat_n(value, more).chain(values.iter().copied()).collect::<Vec<f64>>()
    };
    let channels = start.emission.weight.nrows();
    let mut transition = columns(&rows(&start.transition, 0.0), 0, more);
    for i in 0..more {
        transition.weight[[i, i]] = FADE;
    }
    LinearStart {
        transition,
        remainder: Some(AffineMap {
            weight: Array2::zeros((size, shown)),
            offset: Array1::zeros(size),
        }),
        noise: before(&start.noise, LEAST_NOISE),
        recognition: columns(&rows(&start.recognition, 0.0), channels, 2 * angles + more),
        emission: columns(&start.emission, 0, 2 * angles + more),
        emission_std: start.emission_std.clone(),
        initial: rows(&start.initial, 0.0),
        spread: before(&start.spread, 1.0),
        initial_spread: before(&start.initial_spread, 1.0),
    }
}

/// How many of them are angles.
fn angles(counted: &[Counted]) -> usize {
    counted.iter().filter(|own| own.radians.is_some()).count()
}
