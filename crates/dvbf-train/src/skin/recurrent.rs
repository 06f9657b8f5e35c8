//! A gated recurrent unit that is trained on the labelled piece alone.

use super::labels::Labels;
use super::method::ForceMethod;
use crate::reference::interval_of;
use dvbf_core::{Estimate, Interval};
use dvbf_ops::{Adam, Gru, Linear, LinearPack, Params, Path};
use dvbf_tensor::{Accum, Noise};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewD, ArrayViewMutD, s};

/// Hidden units that are tried.
const HIDDEN: [usize; 2] = [8, 24];
/// Steps of a window, and those of them that only fill the state.
const WINDOW: usize = 150;
const FILL: usize = 30;
/// Windows of an update, updates at most, and how often the held-out part is looked at.
const BATCH: usize = 8;
const UPDATES: usize = 800;
const LOOK: usize = 50;
const RATE: f64 = 5e-3;
/// The last of so many parts of the piece is held out to choose size and number of updates.
const PARTS: usize = 4;

/// A unit with a line behind it.
#[derive(Clone, Debug)]
struct Net {
    unit: Gru<f32>,
    line: Linear<f32>,
}

impl Params<f32> for Net {
    fn visit(&self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewD<'_, f32>)) {
        self.unit.visit(path.child("unit"), f);
        self.line.visit(path.child("line"), f);
    }

    fn visit_mut(&mut self, path: Path<'_>, f: &mut dyn FnMut(Path<'_>, ArrayViewMutD<'_, f32>)) {
        self.unit.visit_mut(path.child("unit"), f);
        self.line.visit_mut(path.child("line"), f);
    }
}

/// A trained unit.
#[derive(Debug)]
pub struct Recurrent {
    net: Net,
    mean: Array1<f32>,
    scale: Array1<f32>,
    full_scale: f32,
    interval: Interval,
}

/// A unit whose size and number of updates a part that is held out chooses; `None` if the piece is shorter than
/// two windows.
pub fn recurrent(labels: &Labels, seed: u64) -> Option<Recurrent> {
    let steps = labels.force.len();
    if steps < 2 * WINDOW {
        return None;
    }
    let train = steps - steps / PARTS;
    let mut best: Option<(f64, usize, usize, Vec<f64>)> = None;
    for hidden in HIDDEN {
        let mut own = Recurrent::new(labels, hidden, seed);
        own.train(labels, train, UPDATES, seed, &mut |updates, net| {
            let off: Vec<f64> = (train..steps)
                .zip(net.run(labels.readings.view()).split_off(train))
                .map(|(t, value)| labels.force[t] - value)
                .collect();
            let error = off.iter().map(|r| r * r).sum::<f64>();
            if best.as_ref().is_none_or(|best| error < best.0) {
                best = Some((error, hidden, updates, off));
            }
        });
    }
    let (_, hidden, updates, off) = best?;
    let mut own = Recurrent::new(labels, hidden, seed);
    own.train(labels, steps, updates, seed, &mut |_, _| {});
    let values: Vec<f64> = (train..steps).zip(&off).map(|(t, off)| labels.force[t] - off).collect();
    own.interval = interval_of(&off, &values);
    Some(own)
}

impl Recurrent {
    #[expect(clippy::cast_possible_truncation, reason = "networks are in single precision")]
    fn new(labels: &Labels, hidden: usize, seed: u64) -> Self {
        let readings = labels.readings.view();
        let mean = readings.mean_axis(ndarray::Axis(0)).expect("a piece is not empty");
        let scale = readings.std_axis(ndarray::Axis(0), 0.0).mapv(|s| s.max(0.01));
        let noise = Noise::new(seed, 0);
        let unit = Gru::random(readings.ncols(), hidden, noise.part(0));
        let line = Linear::random(hidden, 1, 0.1, noise.part(1));
        let interval = Interval { constant: 0.0, relative: 0.0 };
        let full_scale = labels.full_scale as f32;
        Self { net: Net { unit, line }, mean, scale, full_scale, interval }
    }

    fn normalized(&self, readings: ArrayView2<'_, f32>) -> Array2<f32> {
        (&readings - &self.mean) / &self.scale
    }

    /// Forces of a sequence in N.
    fn run(&self, readings: ArrayView2<'_, f32>) -> Vec<f64> {
        let x = self.normalized(readings);
        let hidden = self.net.unit.dim().1;
        let mut cache = self.net.unit.cache(x.nrows());
        self.net.unit.prepare(&mut cache);
        self.net.unit.read(x.view(), &mut cache);
        let mut states = Array2::zeros((x.nrows() + 1, hidden));
        for t in 0..x.nrows() {
            let (before, mut after) = states.multi_slice_mut((s![t..=t, ..], s![t + 1..t + 2, ..]));
            self.net.unit.step(t, before.view(), after.view_mut(), &mut cache);
        }
        let shown = states.slice(s![1.., ..]).dot(&self.net.line.weight().t());
        let bias = self.net.line.bias()[0];
        shown.iter().map(|y| f64::from((y + bias) * self.full_scale)).collect()
    }

    /// Updates on windows of the first `until` steps.
    #[expect(clippy::cast_possible_truncation, reason = "networks are in single precision")]
    fn train(
        &mut self,
        labels: &Labels,
        until: usize,
        updates: usize,
        seed: u64,
        each: &mut dyn FnMut(usize, &Self),
    ) {
        let x = self.normalized(labels.readings.view());
        let y: Vec<f32> = labels.force.iter().map(|f| *f as f32 / self.full_scale).collect();
        let mut adam = Adam::new(self.net.count());
        let mut work = Work::new(&self.net);
        for update in 0..updates {
            let mut draws = [0.0; BATCH];
            Noise::new(seed, 1 + update as u64).uniform(&mut draws);
            let starts = draws.map(|u: f64| {
                #[expect(clippy::cast_sign_loss, reason = "a share of a number of steps")]
                let start = (u * (until - WINDOW + 1) as f64) as usize;
                start.min(until - WINDOW)
            });
            let slope = work.slope(&self.net, x.view(), &y, &starts);
            let rate = RATE * (1.0 - update as f64 / UPDATES as f64);
            adam.update(&mut self.net, &slope, 1.0, rate);
            if (update + 1) % LOOK == 0 {
                each(update + 1, self);
            }
        }
    }
}

impl ForceMethod for Recurrent {
    fn estimate(&self, readings: ArrayView2<'_, f32>) -> Vec<Estimate> {
        self.run(readings).into_iter().map(|value| self.interval.around(value)).collect()
    }
}

/// Buffers of an update.
struct Work {
    cache: dvbf_ops::GruCache<f32>,
    pack: LinearPack<f32>,
}

impl Work {
    fn new(net: &Net) -> Self {
        Self { cache: net.unit.cache(BATCH * WINDOW), pack: LinearPack::new() }
    }

    /// The flat gradient of the mean squared error of windows that begin at `starts`, without their first steps.
    fn slope(
        &mut self,
        net: &Net,
        x: ArrayView2<'_, f32>,
        y: &[f32],
        starts: &[usize],
    ) -> Vec<f32> {
        let (count, hidden) = (starts.len(), net.unit.dim().1);
        let rows = count * WINDOW;
        let inputs = Array2::from_shape_fn((rows, x.ncols()), |(row, i)| {
            x[[starts[row % count] + row / count, i]]
        });
        net.unit.prepare(&mut self.cache);
        net.unit.read(inputs.view(), &mut self.cache);
        let mut states = Array2::zeros((rows + count, hidden));
        for t in 0..WINDOW {
            let at = t * count;
            let (before, mut after) = states
                .multi_slice_mut((s![at..at + count, ..], s![at + count..at + 2 * count, ..]));
            net.unit.step(at, before.view(), after.view_mut(), &mut self.cache);
        }
        let seen = states.slice(s![count.., ..]);
        net.line.pack(&mut self.pack);
        let mut out = Array2::zeros((rows, 1));
        net.line.apply(&self.pack, seen, out.view_mut());
        let factor = 2.0 / (count * (WINDOW - FILL)) as f32;
        for (row, out) in out.column_mut(0).iter_mut().enumerate() {
            let (window, t) = (row % count, row / count);
            *out = if t < FILL { 0.0 } else { factor * (*out - y[starts[window] + t]) };
        }
        let mut grads = net.zeros_like();
        Linear::backward_params(seen, out.view(), &mut grads.line);
        let mut dstates = Array2::zeros((rows + count, hidden));
        let own = dstates.slice_mut(s![count.., ..]);
        net.line.backward_input(&self.pack, out.view(), Accum::Replace, own);
        for t in (0..WINDOW).rev() {
            let at = t * count;
            let (before, after) = dstates
                .multi_slice_mut((s![at..at + count, ..], s![at + count..at + 2 * count, ..]));
            net.unit.backward_step(at, after.view(), before, &mut self.cache);
        }
        net.unit.accumulate(inputs.view(), &mut self.cache, &mut grads.unit);
        grads.to_flat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Force that the sum of two readings of a second before tells: no static map can.
    #[test]
    fn a_unit_learns_what_has_been() {
        let steps = 1200;
        let mut draws = vec![0.0_f64; steps];
        Noise::new(3, 0).uniform(&mut draws);
        let pulse = |t: usize| if t.is_multiple_of(40) { draws[t] } else { 0.0 };
        let mut force = vec![0.0; steps];
        for t in 1..steps {
            force[t] = 0.9 * force[t - 1] + 4.0 * pulse(t);
        }
        #[expect(clippy::cast_possible_truncation, reason = "readings are in single precision")]
        let readings = Array2::from_shape_fn((steps, 1), |(t, _)| pulse(t) as f32);
        let labels = Labels { readings, force: force.clone(), dt: 0.01, full_scale: 4.0 };
        let net = recurrent(&labels, 1).unwrap();
        let values = net.run(labels.readings.view());
        let mse = |of: &dyn Fn(usize) -> f64| {
            (0..steps).map(|t| (force[t] - of(t)).powi(2)).sum::<f64>() / steps as f64
        };
        let mean = force.iter().sum::<f64>() / steps as f64;
        let (own, plain) = (mse(&|t| values[t]), mse(&|_| mean));
        assert!(own < 0.1 * plain, "{own} against {plain}");
    }
}
