//! Recordings: what a sensor saw, which controls acted, and the true states behind it.
//!
//! **Random streams.** Sequence `i` of a seed draws its start and then its controls, step by step,
//! from stream `i` of a `ChaCha` generator with that seed, its disturbances from stream `2⁶² + i`,
//! its observation noise from stream `2⁶³ + i`, and what sensors with noise of their own need from
//! stream `2⁶³ + 2⁶² + i`. So a sequence depends neither on how many others are made nor on its own length (a
//! shorter one is a prefix of a longer one), and noise does not change what happens.

use crate::environment::{Environment, Spec, StateKind};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, ArrayViewMut2, Axis};
use ndarray_rand::RandomExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::Normal;

/// Sequences of equal length. Shapes: `N` sequences, `T` steps, observations `X`, controls `U`,
/// true states `S`.
///
/// `controls[[n, t, ..]]` acts between `t` and `t + 1`; the last one leads past the end of the
/// recording and has no effect in it. The simulator works in `f64` and applies the controls as
/// they are handed out, rounded to `f32`; observations and states are rounded on the way out.
#[derive(Clone, Debug, PartialEq)]
pub struct Recordings {
    /// Observations `(N, T, X)`; images are row-major.
    pub observations: Array3<f32>,
    /// Controls `(N, T, U)`.
    pub controls: Array3<f32>,
    /// True states `(N, T, S)`, for evaluation only. Angles are not wrapped.
    pub states: Array3<f32>,
    /// Names of the components of the state (`S`).
    pub state_names: Vec<String>,
    /// How the components of the state are to be read (`S`).
    pub state_kinds: Vec<StateKind>,
    /// Seconds between two steps.
    pub dt: f64,
    /// Height and width of the observations when they are images.
    pub image: Option<(usize, usize)>,
}

impl Recordings {
    pub(crate) fn zeros(spec: Spec, count: usize, steps: usize) -> Self {
        let (state_names, state_kinds): (Vec<_>, Vec<_>) =
            spec.state.into_iter().map(|variable| (variable.name, variable.kind)).unzip();
        Self {
            observations: Array3::zeros((count, steps, spec.observation_size)),
            controls: Array3::zeros((count, steps, spec.control_size)),
            states: Array3::zeros((count, steps, state_names.len())),
            state_names,
            state_kinds,
            dt: spec.dt,
            image: spec.image,
        }
    }
}

/// Records `count` sequences of `steps` steps: random starts, random controls, noise as in
/// [`Spec::noise_std`].
///
/// Equal arguments give equal recordings; the module's random streams are part of the contract.
///
/// # Panics
/// If `noise_std` is negative or not a number.
#[track_caller]
pub fn record<E: Environment + ?Sized>(
    env: &E,
    count: usize,
    steps: usize,
    seed: u64,
) -> Recordings {
    record_numbered(env, 0..count, steps, seed)
}

/// Records the sequences of these numbers alone, in their order: each is the one that [`record`]
/// makes at that place.
///
/// # Panics
/// If `noise_std` is negative or not a number.
#[track_caller]
pub fn record_numbered<E: Environment + ?Sized>(
    env: &E,
    numbers: impl IntoIterator<Item = usize, IntoIter: ExactSizeIterator>,
    steps: usize,
    seed: u64,
) -> Recordings {
    let numbers = numbers.into_iter();
    let spec = env.spec();
    let noise = Normal::new(0.0, narrow(spec.noise_std))
        .ok()
        .filter(|noise| noise.std_dev() >= 0.0)
        .expect("a standard deviation is not negative");
    let mut state = vec![0.0; spec.state.len() + env.hidden_size()];
    let mut control = vec![0.0; spec.control_size];
    let mut out = Recordings::zeros(spec, numbers.len(), steps);
    for (index, number) in numbers.enumerate() {
        let mut rng = stream(seed, number as u64);
        env.reset(&mut rng, &mut state);
        let mut controls = out.controls.index_axis_mut(Axis(0), index);
        for mut row in controls.rows_mut() {
            env.sample_control(&mut rng, &mut control);
            row.iter_mut().zip(&control).for_each(|(to, &from)| *to = narrow(from));
        }
        let mut observations = out.observations.index_axis_mut(Axis(0), index);
        let states = out.states.index_axis_mut(Axis(0), index);
        let chance = Some(Chance::new(seed, number as u64));
        play(env, &mut state, (controls.view(), chance), states, observations.view_mut());
        if noise.std_dev() > 0.0 {
            let mut rng = stream(seed, NOISE_STREAMS + number as u64);
            observations += &Array2::random_using(observations.dim(), noise, &mut rng);
        }
    }
    out
}

/// Plays given `controls (N, T, U)` from given states `initial (N, S)`, without noise, without
/// disturbances, and with [hidden](Environment::hidden_size) numbers that begin at zero.
///
/// # Panics
/// If the shapes disagree with each other or with the environment.
#[track_caller]
pub fn rollout<E: Environment + ?Sized>(
    env: &E,
    initial: ArrayView2<'_, f64>,
    controls: ArrayView3<'_, f32>,
) -> Recordings {
    let spec = env.spec();
    let (count, steps, control_size) = controls.dim();
    assert_eq!(initial.dim(), (count, spec.state.len()), "initial states against (N, S)");
    assert_eq!(control_size, spec.control_size, "numbers in a control");
    let hidden = vec![0.0; env.hidden_size()];
    let mut out = Recordings::zeros(spec, count, steps);
    out.controls.assign(&controls);
    for (index, start) in initial.rows().into_iter().enumerate() {
        play(
            env,
            &mut [start.to_vec().as_slice(), &hidden].concat(),
            (controls.index_axis(Axis(0), index), None),
            out.states.index_axis_mut(Axis(0), index),
            out.observations.index_axis_mut(Axis(0), index),
        );
    }
    out
}

/// Where the streams of observation noise begin.
const NOISE_STREAMS: u64 = 1 << 63;
/// Where the streams of disturbances begin.
const DISTURBANCE_STREAMS: u64 = 1 << 62;

/// What chance does in one sequence.
pub(crate) struct Chance {
    pub(crate) disturbance: ChaCha8Rng,
    pub(crate) sensor: ChaCha8Rng,
}

impl Chance {
    /// The streams of sequence `number`.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self {
            disturbance: stream(seed, DISTURBANCE_STREAMS + number),
            sensor: stream(seed, NOISE_STREAMS + DISTURBANCE_STREAMS + number),
        }
    }
}

pub(crate) fn stream(seed: u64, index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    rng
}

/// Plays one sequence from `state`, which is left at the last step; without `Chance` nothing
/// disturbs it, and sensors read without noise.
fn play<E: Environment + ?Sized>(
    env: &E,
    state: &mut [f64],
    (controls, mut chance): (ArrayView2<'_, f32>, Option<Chance>),
    mut states: ArrayViewMut2<'_, f32>,
    mut observations: ArrayViewMut2<'_, f32>,
) {
    let mut control = vec![0.0; controls.ncols()];
    for t in 0..controls.nrows() {
        if t > 0 {
            let acting = controls.row(t - 1);
            control.iter_mut().zip(acting).for_each(|(to, &from)| *to = f64::from(from));
            if let Some(chance) = &mut chance {
                env.disturb(&mut chance.disturbance, state);
            }
            env.advance(state, &control);
        }
        let mut row = states.row_mut(t);
        row.iter_mut().zip(&*state).for_each(|(to, &from)| *to = narrow(from));
        let mut row = observations.row_mut(t);
        let row = row.as_slice_mut().expect("recordings are stored row by row");
        match &mut chance {
            Some(chance) => env.sense(&mut chance.sensor, state, row),
            None => env.observe(state, row),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "recordings are in single precision")]
pub(crate) fn narrow(value: f64) -> f32 {
    value as f32
}
