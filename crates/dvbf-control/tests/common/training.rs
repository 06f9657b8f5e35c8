//! Settings with which the pendulum is learned, and the states that training begins at.

use super::pendulum::{Embedded, Pendulum, TORQUE, embed};
use dvbf_control::{
    ActionSequences, ActorCritic, ActorCriticSettings, Channel, ControlError, ControlLimits,
    Empowerment, EmpowermentNet, FitSettings, HeldGaussian, Oracle, StateScale, Variational,
    VariationalSettings,
};
use dvbf_tensor::{Noise, Scalar};
use ndarray::Array2;
use std::f64::consts::PI;

/// What networks see: `(cos θ, sin θ, ω / 4)`.
pub(crate) fn network_scale<S: Scalar>() -> StateScale<S> {
    let std = [S::ONE, S::ONE, S::of(4.0)];
    StateScale::diagonal(&[S::ZERO; 3], &std).expect("the scale is possible")
}

/// The channel of the reference figures: σ = 0.1 in rad and rad/s.
pub(crate) fn held_channel<S: Scalar>(steps: usize) -> Result<Channel<S>, ControlError> {
    let limits = ControlLimits::symmetric(&[S::of(TORQUE)])?;
    Channel::new(steps, 0.1, limits, StateScale::identity(3))
}

/// States with `θ` uniform and `|ω| ≤ fastest`.
pub(crate) fn uniform_states<S: Scalar>(count: usize, fastest: f64, noise: Noise) -> Array2<S> {
    let mut draws = vec![0.0_f64; 2 * count];
    noise.uniform(&mut draws);
    let mut states = Array2::zeros((count, 3));
    for (mut z, draw) in states.rows_mut().into_iter().zip(draws.chunks(2)) {
        let state = [PI * (2.0 * draw[0] - 1.0), fastest * (2.0 * draw[1] - 1.0)];
        z.assign(&ndarray::aview1(&embed::<S>(state)));
    }
    states
}

/// How held empowerment becomes a network; beyond |ω| = 8 it costs 0.02 (|ω| − 8)², and the input
/// ends at 9.
pub(crate) fn fit_settings(seed: u64) -> FitSettings {
    FitSettings { seed, clip: 2.25, bound: 2.0, penalty: 0.32, ..FitSettings::default() }
}

pub(crate) fn empowerment_net<S: Scalar>(
    steps: usize,
    settings: FitSettings,
) -> Result<EmpowermentNet<S>, ControlError> {
    let states = uniform_states(16_384, 9.0, Noise::new(settings.seed, 1000));
    let mut estimates = vec![S::ZERO; states.nrows()];
    let mut held = HeldGaussian::new(Embedded::default(), &held_channel(steps)?, 512)?;
    held.evaluate(states.view(), &mut estimates)?;
    EmpowermentNet::fit(states.view(), &estimates, &network_scale(), &settings)
}

pub(crate) fn actor_critic<S: Scalar>(
    net: EmpowermentNet<S>,
    settings: ActorCriticSettings,
) -> Result<ActorCritic<S, Embedded>, ControlError> {
    let limits = ControlLimits::symmetric(&[S::of(TORQUE)])?;
    ActorCritic::new(Embedded::default(), net, &limits, &network_scale(), settings)
}

/// A quarter near upright, a quarter near hanging, half from everywhere.
pub(crate) fn draw_starts<S: Scalar>(count: usize, seed: u64, update: u64) -> Array2<S> {
    let noise = Noise::new(seed, 10_000 + update);
    let mut states = uniform_states(count, 6.0, noise.part(0));
    let mut draws = vec![0.0_f64; count];
    noise.part(1).normal(&mut draws);
    for (n, draw) in draws.chunks(2).enumerate() {
        let center = if 2 * n < count / 2 { 0.0 } else { PI };
        let state = embed::<S>([center + 0.5 * draw[0], draw[1]]);
        states.row_mut(n).assign(&ndarray::aview1(&state));
    }
    states
}

/// A variational bound that was trained on states with `|ω| ≤ 9`.
pub(crate) fn trained_variational<S: Scalar>(
    steps: usize,
    settings: VariationalSettings,
) -> Result<Variational<S, Embedded>, ControlError> {
    let channel = held_channel(steps)?;
    let mut estimate = Variational::new(Embedded::default(), &channel, &network_scale(), settings)?;
    let states = uniform_states(65_536, 9.0, Noise::new(settings.seed, 2000));
    estimate.fit(states.view())?;
    Ok(estimate)
}

/// Estimates and capacities by enumeration: hanging, horizontal, upright, and at sixty other states
/// with `|ω| ≤ 8`.
pub(crate) fn beside_oracle<S: Scalar>(
    estimate: &mut dyn Empowerment<S>,
    steps: usize,
) -> Result<(Vec<f64>, Vec<f64>), ControlError> {
    let mut states = uniform_states::<S>(63, 8.0, Noise::new(1, 0));
    for (n, angle) in [PI, 0.5 * PI, 0.0].into_iter().enumerate() {
        states.row_mut(n).assign(&ndarray::aview1(&embed::<S>([angle, 0.0])));
    }
    let mut found = vec![S::ZERO; states.nrows()];
    estimate.evaluate(states.view(), &mut found)?;
    let limits = ControlLimits::symmetric(&[TORQUE])?;
    let channel = Channel::new(steps, 0.1, limits.clone(), StateScale::identity(2))?;
    let actions = ActionSequences::held(&limits, steps, 201)?;
    let oracle = Oracle { cell: 0.25, ..Oracle::default() };
    let mut exact = Vec::with_capacity(found.len());
    for z in states.rows() {
        let state = [z[1].to_double().atan2(z[0].to_double()), z[2].to_double()];
        let pendulum = Pendulum::default();
        let state = ndarray::aview1(&state);
        exact.push(oracle.capacity(&pendulum, &channel, state, &actions)?.middle());
    }
    Ok((found.into_iter().map(S::to_double).collect(), exact))
}

/// Pearson's correlation.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(a, ma, b, mb) / (product(a, ma, a, ma) * product(b, mb, b, mb)).sqrt()
}
