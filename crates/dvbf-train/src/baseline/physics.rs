//! Extended Kalman filter of the pendulum with the true equations: what a filter can do that has
//! nothing to learn.
//!
//! State `(θ, ω)`. The observation is the center of gravity of the pixels, in pixels from the
//! middle of the image; a blob at distance `r` from the pivot gives `h(θ) = r (sin θ, cos θ)`, but
//! for what the edge cuts off and the grid rounds. The first frame starts the angle, and the
//! velocity starts as the pendulum's does. The center of gravity is a statistic of the frame, so
//! the filter's likelihood is no density of pixels, and is not given. A frame of which a pixel is masked
//! has no center and counts as not observed; until the first that has one, nothing is known of the angle.

use super::sequences::{each, stacked};
use crate::pool::Pool;
use crate::settings::Span;
use crate::train::{Purpose, stream};
use dvbf_core::bayes::{
    BayesError, Belief, ClosureModel, DMatrix, DVector, Dims, Extended, GaussianFilter,
    NumericJacobians,
};
use dvbf_data::{Dataset, narrow};
use dvbf_envs::{EnvError, Environment, Pendulum, PendulumSettings, Style};
use ndarray::{Array2, Array3, ArrayView1, s};

/// Standard deviation of the center of gravity, in pixels.
const CENTER_STD: f64 = 0.02;
/// Standard deviation of the error of a step of the equations, in rad and rad/s.
const PROCESS_STD: f64 = 1e-4;
/// Columns of the state that is regressed on: sine, cosine, velocity.
const WIDTH: usize = 3;

/// The filter of a pendulum that is seen as a blob.
#[derive(Clone, Debug)]
pub struct PhysicsFilter {
    pendulum: Pendulum,
    radius: f64,
    size: usize,
    velocity_std: f64,
}

impl PhysicsFilter {
    /// The filter of this pendulum; none if it is drawn as something else than a blob.
    ///
    /// # Errors
    /// If a setting is impossible.
    pub fn new(settings: &PendulumSettings) -> Result<Option<Self>, EnvError> {
        let pendulum = Pendulum::new(settings.clone())?;
        let image = settings.image.resolved();
        Ok((image.style == Style::Blob).then(|| Self {
            pendulum,
            radius: image.radius.unwrap_or_default(),
            size: image.size,
            velocity_std: settings.initial_velocity_std,
        }))
    }

    /// The center of gravity of a frame, to the right and down of its middle.
    ///
    /// # Panics
    /// If the frame has another size.
    #[track_caller]
    pub fn center(&self, frame: ArrayView1<'_, f32>) -> [f64; 2] {
        assert_eq!(frame.len(), self.size * self.size, "pixels of a frame");
        let middle = (self.size as f64 - 1.0) / 2.0;
        let (mut sums, mut total) = ([0.0; 2], 1e-12);
        for (i, &pixel) in frame.iter().enumerate() {
            let (pixel, row, column) = (f64::from(pixel), i / self.size, i % self.size);
            sums[0] += pixel * (column as f64 - middle);
            sums[1] += pixel * (row as f64 - middle);
            total += pixel;
        }
        sums.map(|sum| sum / total)
    }

    /// Runs the filter over the first `steps` frames of a sequence; `each` gets every belief.
    ///
    /// # Errors
    /// If a belief is not finite.
    pub fn run(
        &self,
        data: &Dataset,
        (sequence, steps): (usize, usize),
        each: &mut dyn FnMut(usize, &Belief) -> Result<(), BayesError>,
    ) -> Result<Belief, BayesError> {
        let frame = |t: usize| {
            let at = s![sequence, t, ..];
            let whole =
                data.mask.as_ref().is_none_or(|mask| mask.slice(at).iter().all(|&m| m > 0.0));
            whole.then(|| self.center(data.observations.slice(at)))
        };
        let angle_std = CENTER_STD / self.radius.max(CENTER_STD);
        let begin = |angle: f64, std: f64| {
            Belief::independent(&[angle, 0.0], &[std.powi(2), self.velocity_std.powi(2)])
        };
        // Any angle is as likely as any other.
        let unknown = begin(0.0, std::f64::consts::PI / 3.0_f64.sqrt())?;
        let first = (0..steps).find_map(|t| frame(t).map(|center| (t, center)));
        for t in 0..first.map_or(steps, |(t, _)| t) {
            each(t, &unknown)?;
        }
        let Some((first, [right, down])) = first else { return Ok(unknown) };
        let start = begin(right.atan2(down), angle_std)?;
        let pair = |a: f64, b: f64| DVector::from_column_slice(&[a, b]);
        let model = ClosureModel {
            dims: Dims { state: 2, control: 1, observation: 2 },
            transition: |z: &DVector<f64>, u: &[f64]| {
                let mut state = [z[0], z[1]];
                self.pendulum.advance(&mut state, u);
                pair(state[0], state[1])
            },
            emission: |z: &DVector<f64>| pair(z[0].sin(), z[0].cos()) * self.radius,
            process_noise: DMatrix::from_diagonal_element(2, 2, PROCESS_STD.powi(2)),
            observation_noise: DMatrix::from_diagonal_element(2, 2, CENTER_STD.powi(2)),
        };
        let mut filter = GaussianFilter::new(Extended(NumericJacobians::new(model)), start)?;
        each(first, filter.belief())?;
        for t in first + 1..steps {
            filter.predict(&[f64::from(data.controls[[sequence, t - 1, 0]])])?;
            filter.update(frame(t).as_ref().map(|center| &center[..]))?;
            each(t, filter.belief())?;
        }
        Ok(filter.belief().clone())
    }

    /// Samples of the beliefs as `(sin θ, cos θ, ω)`, `(N, T, 3)`.
    ///
    /// # Errors
    /// If a belief is not finite.
    pub fn infer(&self, data: &Dataset, seed: u64, pool: &Pool) -> Result<Array3<f32>, BayesError> {
        let (count, steps, _) = data.observations.dim();
        let one = |n: usize| {
            let mut noise = vec![0.0; 2 * steps];
            stream(seed, Purpose::Evaluation, 2, n).normal(&mut noise);
            let mut out = Array2::zeros((steps, WIDTH));
            self.run(data, (n, steps), &mut |t, belief| {
                let z = belief.sample(&noise[2 * t..2 * t + 2])?;
                let (sine, cosine) = z[0].sin_cos();
                let values = [sine, cosine, z[1]];
                out.row_mut(t).iter_mut().zip(values).for_each(|(to, v)| *to = narrow(v));
                Ok(())
            })?;
            Ok(out)
        };
        Ok(stacked(&each(count, one, pool)?))
    }

    /// Predicted frames `(N, horizon, X)` after the first `filtered` frames.
    ///
    /// # Errors
    /// If a belief is not finite.
    ///
    /// # Panics
    /// If the sequences are shorter than `filtered + horizon` frames.
    pub fn predict(
        &self,
        data: &Dataset,
        Span { filtered, horizon }: Span,
        pool: &Pool,
    ) -> Result<Array3<f32>, BayesError> {
        let (count, _, channels) = data.observations.dim();
        let one = |n: usize| {
            let belief = self.run(data, (n, filtered), &mut |_, _| Ok(()))?;
            let mut state = [belief.mean[0], belief.mean[1]];
            let mut frames = Array2::zeros((horizon, channels));
            for (t, mut frame) in frames.rows_mut().into_iter().enumerate() {
                let control = f64::from(data.controls[[n, filtered - 1 + t, 0]]);
                self.pendulum.advance(&mut state, &[control]);
                self.pendulum.observe(&state, frame.as_slice_mut().expect("a fresh array"));
            }
            Ok(frames)
        };
        Ok(stacked(&each(count, one, pool)?))
    }
}
