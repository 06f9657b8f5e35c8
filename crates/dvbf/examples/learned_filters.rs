//! Four filters on one learned model: its own, extended, unscented and particle filter.
//!
//! ```text
//! cargo xtask train pendulum --seed 0
//! cargo run --release -p dvbf --example learned_filters -- runs/pendulum-seed0
//! ```
//!
//! The classical filters run on the finished model as a state space with derivatives, from the prior and
//! from what the model's own filter believes after the frames that start it. Optional words behind the
//! run: sequences (40) and particles (500). Of the frames after the first: R² of the true state regressed
//! on the filtered mean (coefficients from as many training sequences), mean log-likelihood of a frame
//! given those before it, squared error of frames predicted from the last belief, and time of a step.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use dvbf::data::{Dataset, Set, Supply, regression_targets};
use dvbf::eval::{FitTest, Readout, ReadoutRows, regress};
use dvbf::run::RunFolder;
use dvbf_core::bayes::{
    BayesError, Belief, DMatrix, DVector, Extended, GaussianFilter, GaussianModel, ParticleFilter,
    SigmaPoints, StateSpace, Unscented,
};
use dvbf_core::{Filter, FilterOptions, LearnedSpace, ModelFile, Noise, Rollout, RolloutInput};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate, s};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Frames that are filtered; what follows is predicted.
const FILTERED: usize = 15;
/// Frames that are predicted.
const HORIZON: usize = 45;
/// Draws of the prior of a first state.
const DRAWS: usize = 10_000;

/// What one filter said of one sequence, from the first frame that counts on.
struct Course {
    /// Filtered means, `(FILTERED − k, Z)`.
    means: Array2<f64>,
    /// `ln p(x_t | x₁ … x_{t−1})`.
    log_likelihood: Vec<f64>,
    microseconds: Vec<f64>,
}

/// A sequence in double precision.
struct Sequence {
    frames: Array2<f64>,
    controls: Array2<f64>,
}

/// Either of the two kinds of classical filters.
enum Classical<M> {
    Gaussian(Box<GaussianFilter<M>>),
    Particles(Box<ParticleFilter<LearnedSpace>>, u64),
}

impl<M: GaussianModel> Classical<M> {
    fn predict(&mut self, control: &[f64]) -> Result<(), BayesError> {
        match self {
            Self::Gaussian(filter) => filter.predict(control),
            Self::Particles(filter, draw) => {
                let mut noise = vec![0.0; filter.particles().len()];
                Noise::new(9, *draw).normal(&mut noise);
                *draw += 1;
                let mut uniform = [0.0_f64];
                Noise::new(10, *draw).uniform(&mut uniform);
                filter.predict(control, &noise, uniform[0])
            }
        }
    }

    fn update(&mut self, frame: &[f64]) -> Result<(), BayesError> {
        match self {
            Self::Gaussian(filter) => filter.update(Some(frame)).map(drop),
            Self::Particles(filter, _) => filter.update(Some(frame)).map(drop),
        }
    }

    fn log_likelihood(&self) -> f64 {
        match self {
            Self::Gaussian(filter) => filter.log_likelihood(),
            Self::Particles(filter, _) => filter.log_likelihood(),
        }
    }

    fn mean(&self) -> DVector<f64> {
        match self {
            Self::Gaussian(filter) => filter.belief().mean.clone(),
            Self::Particles(filter, _) => filter.belief().mean,
        }
    }

    /// Follows a sequence; frame `from` is the first that it sees. What comes before frame `k` counts
    /// only as what the belief rests on.
    fn follow(
        &mut self,
        sequence: &Sequence,
        from: usize,
        k: usize,
        z: usize,
    ) -> Result<Course, BayesError> {
        let mut course = Course {
            means: Array2::zeros((FILTERED - k, z)),
            log_likelihood: Vec::new(),
            microseconds: Vec::new(),
        };
        for t in from..FILTERED {
            let (start, before) = (Instant::now(), self.log_likelihood());
            if t > 0 {
                self.predict(&sequence.controls.row(t - 1).to_vec())?;
            }
            self.update(&sequence.frames.row(t).to_vec())?;
            let time = start.elapsed().as_secs_f64() * 1e6;
            if t >= k {
                course.microseconds.push(time);
                course.log_likelihood.push(self.log_likelihood() - before);
                let mean = self.mean();
                course.means.row_mut(t - k).iter_mut().zip(&mean).for_each(|(to, v)| *to = *v);
            }
        }
        Ok(course)
    }
}

/// The model's own filter, and its belief after the frames that start it.
fn own(
    filter: &Filter,
    space: &LearnedSpace,
    sequence: &Sequence,
) -> Result<(Course, Belief), Box<dyn Error>> {
    let (mut filter, k) = (filter.clone(), filter.model().initial_frames());
    filter.reset();
    let z = filter.model().transition().dims().state;
    let mut course = Course {
        means: Array2::zeros((FILTERED - k, z)),
        log_likelihood: Vec::new(),
        microseconds: Vec::new(),
    };
    let single = |values: &[f64]| -> Vec<f32> {
        values.iter().map(|&v| <f32 as dvbf_core::Scalar>::of(v)).collect()
    };
    let mut belief = space.prior(2, 0);
    for t in 0..FILTERED {
        let frame = single(&sequence.frames.row(t).to_vec());
        let control = single(&sequence.controls.row(t.saturating_sub(1)).to_vec());
        let start = Instant::now();
        filter.step(Some(&frame), &control, filter.dt())?;
        let time = start.elapsed().as_secs_f64() * 1e6;
        if t + 1 == k {
            belief = start_of(filter.paths(), space.dims().state);
        }
        if t >= k {
            course.microseconds.push(time);
            let spread = filter.belief().spread.as_ref().ok_or("a filter with sample paths")?;
            let score = spread.score.ok_or("a frame that was seen")?;
            course.log_likelihood.push(score.log_likelihood);
            course.means.row_mut(t - k).assign(&spread.mean.mapv(f64::from));
        }
    }
    Ok((course, belief))
}

/// Mean and covariance of sample paths `(N, Z)`, beside the noise of the next step.
fn start_of(paths: ArrayView2<'_, f32>, size: usize) -> Belief {
    let paths = paths.mapv(f64::from);
    let mean = paths.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(paths.ncols()));
    let centered = &paths - &mean;
    let covariance = centered.t().dot(&centered) / (paths.nrows() as f64 - 1.0);
    let z = mean.len();
    Belief {
        mean: DVector::from_fn(size, |i, _| if i < z { mean[i] } else { 0.0 }),
        covariance: DMatrix::from_fn(size, size, |i, j| match (i < z, j < z) {
            (true, true) => 0.5 * (covariance[[i, j]] + covariance[[j, i]]),
            (false, false) if i == j => 1.0,
            _ => 0.0,
        }),
    }
}

fn sequence(data: &Dataset, n: usize) -> Sequence {
    let double = |a: ndarray::ArrayView2<'_, f32>| a.mapv(f64::from);
    Sequence {
        frames: double(data.observations.index_axis(Axis(0), n)),
        controls: double(data.controls.index_axis(Axis(0), n)),
    }
}

/// What a filter said of all sequences of a set.
#[derive(Default)]
struct Said {
    courses: Vec<Course>,
    failed: usize,
}

/// Every filter on every sequence.
struct Bench {
    filter: Filter,
    space: LearnedSpace,
    prior: Belief,
    particles: usize,
}

const NAMES: [&str; 7] = [
    "own filter, 32 paths",
    "extended, from the prior",
    "unscented, from the prior",
    "particles, from the prior",
    "extended, from the own start",
    "unscented, from the own start",
    "particles, from the own start",
];

impl Bench {
    fn run(&self, data: &Dataset) -> Result<Vec<Said>, Box<dyn Error>> {
        let (k, z) = (self.filter.model().initial_frames(), self.latent());
        let mut said: Vec<Said> = NAMES.iter().map(|_| Said::default()).collect();
        for n in 0..data.lengths.len() {
            let sequence = sequence(data, n);
            let (course, start) = own(&self.filter, &self.space, &sequence)?;
            said[0].courses.push(course);
            for (at, belief, from) in [(1, &self.prior, 0), (4, &start, k)] {
                let mut extended = Classical::Gaussian(Box::new(GaussianFilter::new(
                    Extended(self.space.clone()),
                    belief.clone(),
                )?));
                let unscented = Unscented::new(self.space.clone(), SigmaPoints::GAUSSIAN)?;
                let mut unscented =
                    Classical::Gaussian(Box::new(GaussianFilter::new(unscented, belief.clone())?));
                let mut draws = vec![0.0; self.particles * belief.len()];
                Noise::new(8, n as u64).normal(&mut draws);
                let particles = ParticleFilter::new(self.space.clone(), belief, 0.5, &draws)?;
                let mut particles: Classical<Extended<LearnedSpace>> =
                    Classical::Particles(Box::new(particles), (n as u64) << 20);
                for (i, course) in [
                    extended.follow(&sequence, from, k, z),
                    unscented.follow(&sequence, from, k, z),
                    particles.follow(&sequence, from, k, z),
                ]
                .into_iter()
                .enumerate()
                {
                    match course {
                        Ok(course) => said[at + i].courses.push(course),
                        Err(_) => said[at + i].failed += 1,
                    }
                }
            }
        }
        Ok(said)
    }

    fn latent(&self) -> usize {
        self.filter.model().transition().dims().state
    }

    /// Squared error a pixel of the frames predicted from the last filtered mean.
    fn open_loop(&self, data: &Dataset, said: &Said) -> f64 {
        if said.failed > 0 {
            return f64::NAN;
        }
        let model = self.filter.model();
        let dims = model.transition().dims();
        let count = said.courses.len();
        let mut total = 0.0;
        for (n, course) in said.courses.iter().enumerate() {
            let last = course.means.row(course.means.nrows() - 1);
            let start = last.mapv(<f32 as dvbf_core::Scalar>::of).insert_axis(Axis(0));
            let controls = data.controls.slice(s![n, FILTERED - 1..FILTERED - 1 + HORIZON, ..]);
            let noise = Array2::zeros((HORIZON, dims.noise));
            let mut rollout = Rollout::new(model, 1);
            let input =
                RolloutInput { start: start.view(), control: controls, noise: noise.view() };
            let states = rollout.states(model, input);
            let mut frames = Array2::zeros((HORIZON, model.observation()));
            rollout.observe(model, states.view(), frames.view_mut());
            let true_frames = data.observations.slice(s![n, FILTERED..FILTERED + HORIZON, ..]);
            let errors = (&frames - &true_frames).mapv(|e| f64::from(e).powi(2));
            total += errors.sum() / errors.len() as f64;
        }
        total / count as f64
    }
}

/// Filtered means and true states of a set, row by row.
fn rows(data: &Dataset, said: &Said, k: usize) -> Option<(Array2<f64>, Array2<f64>, Vec<String>)> {
    if said.failed > 0 {
        return None;
    }
    let means: Vec<_> = said.courses.iter().map(|course| course.means.view()).collect();
    let (names, targets) = regression_targets(data);
    let steps = data.states.dim().1;
    let places = (0..means.len()).flat_map(|n| (k..FILTERED).map(move |t| n * steps + t));
    let truth = targets.select(Axis(0), &places.collect::<Vec<_>>());
    Some((concatenate(Axis(0), &means).ok()?, truth, names))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let run = words.first().ok_or("usage: learned_filters RUN [SEQUENCES] [PARTICLES]")?;
    let number = |i: usize, otherwise: usize| words.get(i).map_or(Ok(otherwise), |w| w.parse());
    let (sequences, particles) = (number(1, 40)?, number(2, 500)?);
    let folder = RunFolder::open(Path::new(run))?;
    let (settings, path) = (folder.settings()?, folder.best_path()?);
    // Predictions without the scale that was fitted to them: the other filters have none.
    let filter = Filter::load(&path)?.with_std_scale(1.0)?;
    let filter = filter.with_options(FilterOptions::default())?;
    if filter.units().is_some() {
        return Err("the example compares models of simulated frames, which have no units".into());
    }
    let space = LearnedSpace::new(Arc::new(ModelFile::read_for_use(&path)?.model::<f64>()));
    let bench = Bench { filter, prior: space.prior(DRAWS, 0), space, particles };
    let supply = Supply::open(&settings)?;
    let train = supply.sequences(Set::Train).first(sequences);
    let test = supply.sequences(Set::TestLong).first(sequences);
    let k = bench.filter.model().initial_frames();
    println!(
        "{sequences} test sequences, frames {} to {FILTERED}; {HORIZON} frames predicted; {particles} \
         particles\n",
        k + 1
    );
    let (fit, judged) = (bench.run(&train)?, bench.run(&test)?);
    for (i, name) in NAMES.iter().enumerate() {
        let (r2, names) = match (rows(&train, &fit[i], k), rows(&test, &judged[i], k)) {
            (Some((train_z, train_y, names)), Some((test_z, test_y, _))) => {
                let fit = ReadoutRows { latent: train_z.view(), truth: train_y.view() };
                let test = ReadoutRows { latent: test_z.view(), truth: test_y.view() };
                (regress(Readout::Linear, FitTest { fit, test }), names)
            }
            _ => (Vec::new(), Vec::new()),
        };
        if i == 0 {
            let columns = names.join(" | ");
            println!("| filter | {columns} | ln p a frame | open loop | µs a step | failed |");
            println!("|---|{}---|---|---|---|", "---|".repeat(names.len()));
        }
        let all = |of: fn(&Course) -> &Vec<f64>| -> Vec<f64> {
            judged[i].courses.iter().flat_map(|course| of(course).clone()).collect()
        };
        let likelihoods = all(|course| &course.log_likelihood);
        let mean = likelihoods.iter().sum::<f64>() / likelihoods.len() as f64;
        let r2 = r2.iter().map(|r2| format!("{r2:.4}")).collect::<Vec<_>>().join(" | ");
        println!(
            "| {name} | {r2} | {mean:.1} | {:.5} | {:.0} | {} |",
            bench.open_loop(&test, &judged[i]),
            middle(all(|course| &course.microseconds)),
            judged[i].failed,
        );
    }
    Ok(())
}
