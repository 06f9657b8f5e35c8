//! What a reward says where nothing was visited.
//!
//! A learned model is right where it was taught, and an estimate of empowerment on it says anything
//! elsewhere: an actor goes there. So the network that is the reward also learns from states that were
//! moved away from visited ones. With `d` the distance to the nearest visited state in standard
//! deviations, and `q` the distance that 99 of 100 visited states have to the others at most,
//!
//! ```text
//! target = E(nearest visited state) − w (d − q)₊
//! ```

use dvbf_control::StateScale;
use dvbf_core::Noise;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

/// `w`, in nats for a standard deviation.
const SLOPE: f32 = 3.0;
/// How far states are moved, in standard deviations: a normal draw times a uniform one times this.
const REACH: f32 = 1.0;
/// Visited states that distances are measured to, at most.
const ANCHORS: usize = 2048;

/// Visited states that distances are measured to, in units of the scale.
pub(super) struct Support {
    anchors: Array2<f32>,
    every: usize,
    radius: f32,
}

impl Support {
    /// Takes some of `visited (N, Z)`.
    pub(super) fn new(visited: ArrayView2<'_, f32>, scale: &StateScale<f32>) -> Self {
        let every = visited.nrows().div_ceil(ANCHORS).max(1);
        let mut scaled = Array2::zeros(visited.dim());
        scale.normalize(visited, scaled.view_mut());
        let anchors = scaled.slice(s![..; every, ..]).to_owned();
        let radius = typical_distance(anchors.view());
        Self { anchors, every, radius }
    }

    /// The visited state nearest to a scaled state, and what the way to it costs in nats.
    fn cost(&self, place: ArrayView1<'_, f32>) -> (usize, f32) {
        let (nearest, distance) = nearest(self.anchors.view(), place, usize::MAX);
        (nearest * self.every, SLOPE * (distance - self.radius).max(0.0))
    }

    /// Takes from the estimates of `states (N, Z)` what their distance costs.
    pub(super) fn charge(
        &self,
        states: ArrayView2<'_, f32>,
        scale: &StateScale<f32>,
        values: &mut [f32],
    ) {
        let mut scaled = Array2::zeros(states.dim());
        scale.normalize(states, scaled.view_mut());
        for (place, value) in scaled.rows().into_iter().zip(values) {
            *value -= self.cost(place).1;
        }
    }
}

/// Visited states with their estimates, and as many moved ones as half of them with their targets.
pub(super) fn with_surroundings(
    visited: ArrayView2<'_, f32>,
    values: &[f32],
    (scale, seed): (&StateScale<f32>, u64),
) -> (Array2<f32>, Vec<f32>) {
    let support = Support::new(visited, scale);
    let moved = surroundings(visited, scale, seed);
    let mut scaled = Array2::zeros(moved.dim());
    scale.normalize(moved.view(), scaled.view_mut());
    let mut targets = values.to_vec();
    for place in scaled.rows() {
        let (nearest, cost) = support.cost(place);
        targets.push(values[nearest] - cost);
    }
    let states = concatenate(Axis(0), &[visited, moved.view()]).expect("rows of one width");
    (states, targets)
}

/// Every second visited state, moved by up to a standard deviation for each draw.
pub(super) fn surroundings(
    visited: ArrayView2<'_, f32>,
    scale: &StateScale<f32>,
    seed: u64,
) -> Array2<f32> {
    let (moved, size) = (visited.nrows() / 2, visited.ncols());
    let mut draws = vec![0.0_f32; moved * size];
    let mut reaches = vec![0.0_f32; moved];
    let noise = Noise::new(seed, 1 << 41);
    noise.part(0).normal(&mut draws);
    noise.part(1).uniform(&mut reaches);
    let mut states = visited.slice(s![..2 * moved; 2, ..]).to_owned();
    for ((mut state, draw), reach) in
        states.rows_mut().into_iter().zip(draws.chunks(size)).zip(&reaches)
    {
        for i in 0..size {
            // z = m + L n, and L is lower triangular.
            let along: f32 = (0..=i).map(|j| scale.factor()[[i, j]] * draw[j]).sum();
            state[i] += REACH * reach * along;
        }
    }
    states
}

/// The distance that 99 of 100 anchors have at most to the nearest other one.
fn typical_distance(anchors: ArrayView2<'_, f32>) -> f32 {
    let rows = anchors.rows().into_iter().enumerate();
    let mut distances: Vec<f32> = rows.map(|(own, row)| nearest(anchors, row, own).1).collect();
    distances.sort_unstable_by(f32::total_cmp);
    distances.get(distances.len() * 99 / 100).copied().unwrap_or(0.0)
}

/// The anchor nearest to a place, but for `own`, and its distance.
fn nearest(anchors: ArrayView2<'_, f32>, place: ArrayView1<'_, f32>, own: usize) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (index, anchor) in anchors.rows().into_iter().enumerate() {
        let square: f32 = anchor.iter().zip(&place).map(|(a, b)| (a - b) * (a - b)).sum();
        if square < best.1 && index != own {
            best = (index, square);
        }
    }
    (best.0, best.1.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// States on a line in the plane: what was moved off it costs the distance, beyond what is usual
    /// on it, in units of the scale.
    #[test]
    fn places_off_the_visited_states_cost_their_distance() {
        let visited = Array2::from_shape_fn((100, 2), |(n, i)| if i == 0 { n as f32 } else { 5.0 });
        let scale = StateScale::diagonal(&[50.0, 5.0], &[25.0, 2.0]).unwrap();
        let (states, targets) = with_surroundings(visited.view(), &[1.5; 100], (&scale, 3));
        assert_eq!((states.dim(), targets.len()), ((150, 2), 150));
        assert_eq!(
            (states.slice(s![..100, ..]), &targets[..100]),
            (visited.view(), &[1.5; 100][..])
        );
        let usual = 1.0 / 25.0;
        let mut far = 0;
        for (state, target) in states.rows().into_iter().zip(&targets).skip(100) {
            let along = (state[0] - state[0].round().clamp(0.0, 99.0)) / 25.0;
            let distance = along.hypot((state[1] - 5.0) / 2.0);
            let expected = 1.5 - SLOPE * (distance - usual).max(0.0);
            assert!((target - expected).abs() < 1e-3, "{state}: {target} {expected}");
            far += usize::from(distance > 0.3);
        }
        assert!(far > 10, "{far} are far");
    }
}
