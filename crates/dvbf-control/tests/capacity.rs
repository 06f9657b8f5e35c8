//! The oracle: textbook channels, Gaussian closed forms to 1e-6, and figures of the pendulum.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

#[expect(dead_code, reason = "no test uses everything")]
mod common;

use common::pendulum::{Pendulum, TORQUE};
use dvbf_control::{
    ActionSequences, Channel, ControlError, ControlLimits, DiscreteChannel, Oracle, StateScale,
    water_filling,
};
use ndarray::{Array2, array};
use std::f64::consts::{FRAC_PI_2, LN_2, PI};

#[test]
fn textbook_channels_have_their_capacities() {
    let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
    let symmetric = DiscreteChannel::new(array![[0.9, 0.1], [0.1, 0.9]].view()).unwrap();
    let found = symmetric.capacity(1e-10, 1000);
    assert!((found.middle() - (LN_2 - entropy(0.1))).abs() < 1e-9, "{found:?}");
    let erasure = DiscreteChannel::new(array![[0.7, 0.3, 0.0], [0.0, 0.3, 0.7]].view()).unwrap();
    assert!((erasure.capacity(1e-10, 1000).middle() - 0.7 * LN_2).abs() < 1e-9);
    // The Z channel: ln(1 + (1 − p) p^{p / (1 − p)}), whose best source is not uniform.
    let z = DiscreteChannel::new(array![[1.0, 0.0], [0.3, 0.7]].view()).unwrap();
    let expected = (0.7 * 0.3_f64.powf(0.3 / 0.7)).ln_1p();
    let found = z.capacity(1e-10, 10_000);
    assert!(found.lower <= expected + 1e-12 && expected <= found.upper + 1e-12, "{found:?}");
    assert!((found.middle() - expected).abs() < 1e-9, "{found:?} {expected}");
    assert!((z.mutual_information(&found.source) - found.lower).abs() < 1e-12);
    // An input that does not matter, and one output: nothing can be said.
    let dumb = DiscreteChannel::new(array![[1.0], [1.0]].view()).unwrap();
    assert!(dumb.capacity(1e-12, 10).upper.abs() < 1e-12);
}

/// Points of `√g x` for `x` from a wide grid, as a column.
#[expect(clippy::cast_possible_truncation, reason = "a small number")]
fn line(gain: f64, extent: f64, spacing: f64) -> (Vec<f64>, Array2<f64>) {
    let n = (extent / spacing).round() as i32;
    let x: Vec<f64> = (-n..=n).map(|i| f64::from(i) * spacing).collect();
    let points = Array2::from_shape_fn((x.len(), 1), |(i, _)| gain.sqrt() * x[i]);
    (x, points)
}

/// With a Gaussian source of variance `P`, the information is `½ ln(1 + g P)`; sums over a grid of
/// inputs and outputs converge to it faster than any power of the spacing.
#[test]
fn a_gaussian_source_carries_what_the_closed_form_says() {
    for (gain, power) in [(4.0, 1.0), (0.5, 2.0), (30.0, 4.0 / 3.0)] {
        let spacing = 0.5_f64.min(0.5 / f64::sqrt(gain));
        let (x, points) = line(gain, 7.0 * f64::sqrt(power), spacing);
        let mut source: Vec<f64> = x.iter().map(|x| (-0.5 * x * x / power).exp()).collect();
        let sum: f64 = source.iter().sum();
        for p in &mut source {
            *p /= sum;
        }
        let found =
            DiscreteChannel::gaussian(points.view(), 0.5).unwrap().mutual_information(&source);
        let expected = 0.5 * (gain * power).ln_1p();
        assert!((found - expected).abs() < 1e-6, "gain {gain}: {found} {expected}");
    }
}

/// At the price `λ = 1/(2μ)` of power the best source has the power `μ − 1/g` of water-filling at
/// the level `μ`. The algorithm is not told that the best source is Gaussian, and finds capacity and
/// power from a uniform one; a sum over channels with one price is the closed form of all of them.
#[test]
fn a_price_of_power_leads_to_water_filling() {
    let (gains, power) = ([6.0, 2.0, 1.2], 2.5);
    let expected = water_filling(&mut gains.clone(), power);
    let (mut capacity, mut used) = (0.0, 0.0);
    for gain in gains {
        let (x, points) = line(gain, 7.5, 0.25 / f64::sqrt(gain) * 1.5);
        let prices: Vec<f64> = x.iter().map(|x| x * x / (2.0 * expected.level)).collect();
        let channel = DiscreteChannel::gaussian(points.view(), 0.5).unwrap();
        let found = channel.priced_capacity(&prices, 1e-9, 20_000);
        let paid: f64 = found.source.iter().zip(&prices).map(|(p, price)| p * price).sum();
        capacity += found.lower + paid;
        used += paid * 2.0 * expected.level;
        let own = expected.level - 1.0 / gain;
        let closed = 0.5 * (gain * own).ln_1p() - own / (2.0 * expected.level);
        assert!((found.lower - closed).abs() < 1e-6, "gain {gain}: {} {closed}", found.lower);
        // Inputs without much probability hold the upper bound up for long.
        let above = found.upper - closed;
        assert!((-1e-9..1e-3).contains(&above), "gain {gain}: {} {closed}", found.upper);
    }
    assert!((capacity - expected.capacity).abs() < 1e-4, "{capacity} {expected:?}");
    assert!((used - power).abs() < 1e-3, "{used}");
}

fn channel(steps: usize, resolution: f64) -> (Channel<f64>, ControlLimits<f64>) {
    let limits = ControlLimits::symmetric(&[TORQUE]).unwrap();
    (Channel::new(steps, resolution, limits.clone(), StateScale::identity(2)).unwrap(), limits)
}

/// Figures of an independent implementation, whose own bounds are .03 apart.
#[test]
fn the_pendulum_has_its_figures() {
    let places = [[PI, 0.0], [FRAC_PI_2, 0.0], [0.0, 0.0]];
    let held = Oracle { cell: 0.25, ..Oracle::default() };
    for (steps, expected) in
        [(5, [1.43, 1.55, 2.08]), (8, [1.25, 1.38, 2.95]), (10, [1.06, 1.50, 3.42])]
    {
        let (channel, limits) = channel(steps, 0.1);
        let actions = ActionSequences::held(&limits, steps, 201).unwrap();
        for (place, expected) in places.iter().zip(expected) {
            let state = ndarray::aview1(place);
            let found = held.capacity(&Pendulum::default(), &channel, state, &actions).unwrap();
            assert!(found.upper - found.lower <= 0.01, "{found:?}");
            assert!(
                (found.middle() - expected).abs() < 0.03,
                "held K {steps}: {} {expected}",
                found.middle()
            );
        }
    }
    let (channel, limits) = channel(3, 0.1);
    let actions = ActionSequences::segmented(&limits, 3, 3, 9).unwrap();
    assert_eq!(actions.count(), 729);
    for (place, expected) in places.iter().zip([1.29, 1.40, 1.53]) {
        let found = Oracle::default().capacity(
            &Pendulum::default(),
            &channel,
            ndarray::aview1(place),
            &actions,
        );
        let found = found.unwrap().middle();
        assert!((found - expected).abs() < 0.03, "sequence K 3: {found} {expected}");
    }
}

#[test]
fn impossible_channels_are_errors() {
    let channel = |rows: Array2<f64>| DiscreteChannel::new(rows.view());
    assert!(channel(Array2::zeros((0, 2))).is_err());
    assert!(channel(array![[0.5, 0.4]]).unwrap_err().to_string().contains("sum of a row"));
    assert!(channel(array![[1.5, -0.5]]).unwrap_err().to_string().contains("at least 0"));
    assert_eq!(
        channel(array![[1.0, 0.0], [f64::NAN, 1.0]]).unwrap_err(),
        ControlError::NotFinite { what: "the probability", row: 1 }
    );
    let points = array![[0.0, 0.0], [1e6, 1e6]];
    assert!(
        DiscreteChannel::gaussian(points.view(), 0.5).unwrap_err().to_string().contains("2^27")
    );
    assert!(DiscreteChannel::gaussian(points.view(), 0.0).is_err());
    let limits = ControlLimits::symmetric(&[1.0, 1.0]).unwrap();
    assert!(
        ActionSequences::segmented(&limits, 10, 10, 5).unwrap_err().to_string().contains("2^20")
    );
    assert!(ActionSequences::segmented(&limits, 2, 3, 5).is_err());
    assert!(ActionSequences::held(&limits, 2, 1).is_err());
    assert_eq!(ActionSequences::held(&limits, 2, 5).unwrap().count(), 25);
}
