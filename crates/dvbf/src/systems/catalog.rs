//! Systems that linear and nonlinear identification is tried on, simulated from a seed.
//!
//! | name | equation |
//! |------|----------|
//! | linear | oscillators with random poles, seen through a random matrix |
//! | slow | `ẋ = (u − x)/τ` |
//! | duffing | `ẍ = −0.4 ẋ − x − x³ + u` |
//! | tanks | two tanks, `ḣ = inflow − k √h`, whose walls end at 1: what overflows is lost |
//! | wiener | an oscillator seen through `y = x/√(1 + x²)` |
//! | hammerstein | an oscillator that `u³` or a dead zone drives |
//! | friction | `ẍ = −ẋ − 4 x − f sgn ẋ + u` with dry friction |
//! | lorenz | Lorenz 1963 with σ 10, ρ 28, β 8/3, without a control |
//! | pendulum | `θ̈ = −9.81 sin θ − 0.2 θ̇ + u`, seen as sine and cosine |
//!
//! Noise of the sensors is a share of the standard deviation of every channel.

use dvbf_core::Noise;
use dvbf_data::{Origins, RawRecordings, RawSequence, narrow};
use dvbf_envs::rk4;
use ndarray::Array2;

/// A system, how much of it is recorded and how noisy the sensors are.
#[derive(Clone, Copy, Debug)]
pub struct Plant {
    /// Its name in the table.
    pub name: &'static str,
    /// Whether its equations are nonlinear.
    pub nonlinear: bool,
    /// Samples.
    pub samples: usize,
    /// Noise of the sensors in units of the channels' standard deviations.
    pub noise: f64,
    simulate: fn(usize, Noise) -> Track,
}

/// What was seen and done, one row a sample.
struct Track {
    x: Vec<Vec<f64>>,
    u: Vec<Vec<f64>>,
    dt: f64,
}

const fn plant(
    name: &'static str,
    nonlinear: bool,
    samples: usize,
    noise: f64,
    simulate: fn(usize, Noise) -> Track,
) -> Plant {
    Plant { name, nonlinear, samples, noise, simulate }
}

/// All systems.
pub static PLANTS: [Plant; 20] = [
    plant("linear-2", false, 1_000, 0.05, |n, noise| linear(n, noise, 1, 1)),
    plant("linear-6", false, 5_000, 0.1, |n, noise| linear(n, noise, 3, 2)),
    plant("linear-4-exact", false, 500, 0.0, |n, noise| linear(n, noise, 2, 1)),
    plant("slow", false, 2_000, 0.2, slow),
    plant("slow-long", false, 20_000, 0.1, slow),
    plant("duffing", true, 5_000, 0.01, duffing),
    plant("duffing-noisy", true, 2_000, 0.05, duffing),
    plant("duffing-exact", true, 10_000, 0.0, duffing),
    plant("tanks", true, 1_000, 0.02, tanks),
    plant("tanks-exact", true, 5_000, 0.0, tanks),
    plant("wiener", true, 5_000, 0.02, wiener),
    plant("wiener-noisy", true, 2_000, 0.1, wiener),
    plant("hammerstein", true, 5_000, 0.02, |n, noise| hammerstein(n, noise, |u| u * u * u / 3.0)),
    plant("dead-zone", true, 2_000, 0.05, |n, noise| {
        hammerstein(n, noise, |u| u - u.clamp(-0.8, 0.8))
    }),
    plant("friction", true, 5_000, 0.01, friction),
    plant("friction-noisy", true, 10_000, 0.05, friction),
    plant("lorenz", true, 10_000, 0.0, |n, noise| lorenz(n, noise, 1)),
    plant("lorenz-noisy", true, 5_000, 0.05, |n, noise| lorenz(n, noise, 3)),
    plant("pendulum", true, 5_000, 0.01, pendulum),
    plant("pendulum-noisy", true, 20_000, 0.2, pendulum),
];

impl Plant {
    /// One recording of it. Plants and seeds have streams of random numbers of their own.
    pub fn record(&self, seed: u64) -> RawRecordings {
        let place = PLANTS.iter().position(|other| other.name == self.name).unwrap_or(0);
        let noise = Noise::new(seed, 1000 + place as u64);
        let Track { mut x, u, dt } = (self.simulate)(self.samples, noise.part(0));
        let (channels, controls) = (x[0].len(), u[0].len());
        let mut draws = vec![0.0_f64; x.len() * channels];
        noise.part(1).normal(&mut draws);
        for c in 0..channels {
            let mean = x.iter().map(|row| row[c]).sum::<f64>() / x.len() as f64;
            let variance =
                x.iter().map(|row| (row[c] - mean).powi(2)).sum::<f64>() / x.len() as f64;
            for (t, row) in x.iter_mut().enumerate() {
                row[c] += self.noise * variance.sqrt() * draws[t * channels + c];
            }
        }
        let table = |rows: &[Vec<f64>], width: usize| {
            Array2::from_shape_fn((rows.len(), width), |(t, i)| narrow(rows[t][i]))
        };
        let names =
            |letter: char, count: usize| (1..=count).map(|i| format!("{letter}{i}")).collect();
        RawRecordings {
            sequences: vec![RawSequence {
                name: self.name.into(),
                observations: table(&x, channels),
                controls: table(&u, controls),
                intervals: None,
                states: None,
                part: None,
            }],
            observation_names: names('y', channels),
            control_names: names('u', controls),
            state_names: Vec::new(),
            dt: Some(dt),
            image: None,
            colors: 1,
            ignored: Vec::new(),
            remarks: Vec::new(),
            origins: Origins::default(),
        }
    }
}

/// A control of random levels, held for random times of `hold` to `3 hold` samples, with a smooth part.
fn excitation(samples: usize, hold: usize, noise: Noise) -> Vec<f64> {
    let mut draws = vec![0.0_f64; 3 * samples + 3];
    noise.normal(&mut draws);
    let (mut level, mut left, mut smooth) = (0.0, 0, 0.0);
    (0..samples)
        .map(|t| {
            if left == 0 {
                level = draws[3 * t];
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a few samples"
                )]
                let more = (draws[3 * t + 1].abs() * hold as f64) as usize;
                left = hold + more.min(2 * hold);
            }
            left -= 1;
            smooth = 0.9 * smooth + 0.2 * draws[3 * t + 2];
            level + smooth
        })
        .collect()
}

/// Samples of `ds/dt = f(s, u)` with `see(s)`, from a state of zeros, under an excitation; the first
/// hundred are left out.
fn driven<const S: usize>(
    samples: usize,
    noise: Noise,
    (dt, hold): (f64, usize),
    derivative: impl Fn(&[f64; S], &[f64]) -> [f64; S],
    see: impl Fn(&[f64; S]) -> Vec<f64>,
) -> Track {
    const SETTLE: usize = 100;
    let u = excitation(samples + SETTLE, hold, noise);
    let mut state = [0.0; S];
    let mut x = Vec::with_capacity(samples);
    for (t, u) in u.iter().enumerate() {
        if t >= SETTLE {
            x.push(see(&state));
        }
        state = rk4(&derivative, state, &[*u], dt, 8);
    }
    Track { x, u: u[SETTLE..].iter().map(|u| vec![*u]).collect(), dt }
}

fn linear(samples: usize, noise: Noise, oscillators: usize, channels: usize) -> Track {
    let mut draws = vec![0.0_f64; oscillators * (4 + 2 * channels)];
    noise.part(2).normal(&mut draws);
    let of = |i: usize| &draws[i * (4 + 2 * channels)..][..4 + 2 * channels];
    let u = excitation(samples + 100, 8, noise);
    let mut state = vec![[0.0_f64; 2]; oscillators];
    let mut x = Vec::new();
    for (t, u) in u.iter().enumerate() {
        if t >= 100 {
            let seen = |c: usize| {
                (0..oscillators)
                    .map(|i| of(i)[4 + 2 * c] * state[i][0] + of(i)[5 + 2 * c] * state[i][1])
                    .sum()
            };
            x.push((0..channels).map(seen).collect());
        }
        for (i, s) in state.iter_mut().enumerate() {
            let own = of(i);
            let (radius, angle) = (0.97 - 0.04 * own[0].abs().min(3.0), 0.1 + 0.15 * own[1].abs());
            let (sin, cos) = angle.sin_cos();
            *s = [
                radius * (cos * s[0] - sin * s[1]) + 0.2 * own[2] * u,
                radius * (sin * s[0] + cos * s[1]) + 0.2 * own[3] * u,
            ];
        }
    }
    Track { x, u: u[100..].iter().map(|u| vec![*u]).collect(), dt: 0.1 }
}

fn slow(samples: usize, noise: Noise) -> Track {
    driven(samples, noise, (0.1, 20), |s: &[f64; 1], u| [(u[0] - s[0]) / 4.0], |s| vec![s[0]])
}

fn duffing(samples: usize, noise: Noise) -> Track {
    driven(
        samples,
        noise,
        (0.15, 10),
        |s: &[f64; 2], u| [s[1], -0.4 * s[1] - s[0] - s[0].powi(3) + 1.5 * u[0]],
        |s| vec![s[0]],
    )
}

fn tanks(samples: usize, noise: Noise) -> Track {
    let flow = |level: f64| 0.5 * level.max(0.0).sqrt();
    // A tank that is full keeps its level.
    let wall = |level: f64, rate: f64| if level >= 1.0 && rate > 0.0 { 0.0 } else { rate };
    driven(
        samples,
        noise,
        (0.4, 15),
        |s: &[f64; 2], u| {
            let inflow = (0.35 + 0.2 * u[0]).max(0.0);
            [wall(s[0], inflow - flow(s[0])), wall(s[1], flow(s[0]) - flow(s[1]))]
        },
        |s| vec![s[1]],
    )
}

fn wiener(samples: usize, noise: Noise) -> Track {
    driven(
        samples,
        noise,
        (0.2, 10),
        |s: &[f64; 2], u| [s[1], -0.6 * s[1] - s[0] + 2.0 * u[0]],
        |s| vec![s[0] / (1.0 + s[0] * s[0]).sqrt()],
    )
}

fn hammerstein(samples: usize, noise: Noise, bend: fn(f64) -> f64) -> Track {
    driven(
        samples,
        noise,
        (0.2, 10),
        |s: &[f64; 2], u| [s[1], -0.6 * s[1] - s[0] + bend(u[0])],
        |s| vec![s[0]],
    )
}

fn friction(samples: usize, noise: Noise) -> Track {
    driven(
        samples,
        noise,
        (0.1, 10),
        |s: &[f64; 2], u| [s[1], -s[1] - 4.0 * s[0] - 1.5 * (s[1] / 0.01).tanh() + 4.0 * u[0]],
        |s| vec![s[0]],
    )
}

fn lorenz(samples: usize, noise: Noise, channels: usize) -> Track {
    let mut draws = [0.0_f64; 3];
    noise.normal(&mut draws);
    let mut state = [1.0 + draws[0], draws[1], 20.0 + draws[2]];
    let dt = 0.02;
    let mut x = Vec::with_capacity(samples);
    for t in 0..samples + 500 {
        if t >= 500 {
            x.push(state[..channels].to_vec());
        }
        let slope = |s: &[f64; 3], _: &[f64]| {
            [10.0 * (s[1] - s[0]), s[0] * (28.0 - s[2]) - s[1], s[0] * s[1] - 8.0 / 3.0 * s[2]]
        };
        state = rk4(slope, state, &[], dt, 8);
    }
    Track { u: vec![Vec::new(); samples], x, dt }
}

fn pendulum(samples: usize, noise: Noise) -> Track {
    driven(
        samples,
        noise,
        (0.05, 10),
        |s: &[f64; 2], u| [s[1], -9.81 * s[0].sin() - 0.2 * s[1] + 6.0 * u[0]],
        |s| vec![s[0].sin(), s[0].cos()],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plant_moves_and_stays() {
        for plant in &PLANTS {
            let all = plant.record(0);
            let sequence = &all.sequences[0];
            assert_eq!(sequence.observations.nrows(), plant.samples, "{}", plant.name);
            for column in sequence.observations.columns() {
                let mean = column.mean().unwrap();
                let spread =
                    column.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / column.len() as f32;
                assert!(spread.is_finite() && spread.sqrt() > 1e-3, "{}: {spread}", plant.name);
                assert!(column.iter().all(|x| x.abs() < 1e3), "{}", plant.name);
            }
            assert_eq!(plant.record(0), all, "{} is a function of the seed", plant.name);
        }
    }
}
