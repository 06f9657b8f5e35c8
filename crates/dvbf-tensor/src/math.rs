//! Elementary functions of one `f32` in fixed arithmetic.
//!
//! They are branch-free so that they vectorize, are accurate to a few units in the
//! last place over the range that a network produces, and keep NaN. `exp` saturates instead of
//! overflowing: beyond ±87 it returns the value at the end of the range.

/// Adding and subtracting it rounds a small `f32` to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// `eˣ` by reduction to `[−ln 2 / 2, ln 2 / 2]` and a Taylor polynomial.
#[inline(always)]
pub(crate) fn exp32(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_HIGH, x);
    let r = n.mul_add(-LN2_LOW, r);
    let mut p = 1.0 / 5040.0;
    p = r.mul_add(p, 1.0 / 720.0);
    p = r.mul_add(p, 1.0 / 120.0);
    p = r.mul_add(p, 1.0 / 24.0);
    p = r.mul_add(p, 1.0 / 6.0);
    p = r.mul_add(p, 0.5);
    p = (r * r).mul_add(p, r) + 1.0;
    // The low bits of the shifted value are n in two's complement.
    let scale = shifted.to_bits().wrapping_add(127).wrapping_shl(23);
    p * f32::from_bits(scale)
}

/// `ln x` for positive normal `x`: `x = 2ᵉ m`, `ln m = 2 artanh((m − 1) / (m + 1))`.
#[inline(always)]
#[expect(clippy::cast_possible_wrap, reason = "exponents are small")]
pub(crate) fn ln32(x: f32) -> f32 {
    const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_sub(SQRT_HALF_BITS);
    let exponent = ((bits as i32) >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(SQRT_HALF_BITS));
    let s = (m - 1.0) / (m + 1.0);
    exponent.mul_add(std::f32::consts::LN_2, artanh_twice(s, 5))
}

/// `2 artanh s` by its power series with `terms` terms after the first.
#[inline(always)]
fn artanh_twice(s: f32, terms: usize) -> f32 {
    const SERIES: [f32; 8] = [
        1.0 / 3.0,
        1.0 / 5.0,
        1.0 / 7.0,
        1.0 / 9.0,
        1.0 / 11.0,
        1.0 / 13.0,
        1.0 / 15.0,
        1.0 / 17.0,
    ];
    let square = s * s;
    let mut p = SERIES[terms - 1];
    for &c in SERIES[..terms - 1].iter().rev() {
        p = square.mul_add(p, c);
    }
    let twice = s + s;
    (twice * square).mul_add(p, twice)
}

/// `ln(1 + eˣ) = max(x, 0) + ln(1 + e^{−|x|})`.
#[inline(always)]
pub(crate) fn softplus32(x: f32) -> f32 {
    let e = exp32(-x.abs());
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + artanh_twice(e / (2.0 + e), 8)
}

/// `tanh x`, by the exponential away from zero and by a series near it.
#[inline(always)]
pub(crate) fn tanh32(x: f32) -> f32 {
    let e = exp32(-2.0 * x.abs());
    let far = ((1.0 - e) / (1.0 + e)).copysign(x);
    let square = x * x;
    let mut p = -1382.0 / 155_925.0;
    p = square.mul_add(p, 62.0 / 2835.0);
    p = square.mul_add(p, -17.0 / 315.0);
    p = square.mul_add(p, 2.0 / 15.0);
    p = square.mul_add(p, -1.0 / 3.0);
    let near = (x * square).mul_add(p, x);
    if x.abs() < 0.35 { near } else { far }
}

/// `sin 2πu` and `cos 2πu` for `u ∈ [0, 1)`.
#[inline(always)]
pub(crate) fn sin_cos_turns(u: f32) -> (f32, f32) {
    let shifted = u.mul_add(4.0, ROUND);
    let quadrant = shifted.to_bits();
    let a = u.mul_add(4.0, ROUND - shifted) * std::f32::consts::FRAC_PI_2;
    let square = a * a;
    let mut s = 1.0 / 362_880.0;
    s = square.mul_add(s, -1.0 / 5040.0);
    s = square.mul_add(s, 1.0 / 120.0);
    s = square.mul_add(s, -1.0 / 6.0);
    let s = (a * square).mul_add(s, a);
    let mut c = 1.0 / 40_320.0;
    c = square.mul_add(c, -1.0 / 720.0);
    c = square.mul_add(c, 1.0 / 24.0);
    c = square.mul_add(c, -0.5);
    let c = square.mul_add(c, 1.0);
    let swap = quadrant & 1 == 1;
    let (sine, cosine) = (if swap { c } else { s }, if swap { s } else { c });
    let negate_sine = (quadrant & 2) << 30;
    let negate_cosine = (quadrant.wrapping_add(1) & 2) << 30;
    (f32::from_bits(sine.to_bits() ^ negate_sine), f32::from_bits(cosine.to_bits() ^ negate_cosine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;

    fn worst(f: fn(f32) -> f32, exact: fn(f64) -> f64, low: f64, high: f64) -> f64 {
        (0..200_000_i32)
            .map(|i| f32::of(low + (high - low) * f64::from(i) / 200_000.0))
            .map(|x| {
                let e = exact(f64::from(x));
                (f64::from(f(x)) - e).abs() / (1e-7 + e.abs())
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_accurate() {
        assert!(worst(exp32, f64::exp, -80.0, 80.0) < 2e-6);
        assert!(worst(exp32, f64::exp, -8.0, 8.0) < 3e-7);
        assert!(worst(ln32, f64::ln, 1e-6, 20.0) < 3e-7);
        assert!(worst(softplus32, |x| x.exp().ln_1p(), -15.0, 30.0) < 4e-7);
        assert!(worst(tanh32, f64::tanh, -9.0, 9.0) < 4e-7);
        let sine = |x: f64| (x * std::f64::consts::TAU).sin();
        let cosine = |x: f64| (x * std::f64::consts::TAU).cos();
        for i in 0..100_000_i32 {
            let u = f32::of(f64::from(i) / 100_000.0);
            let (s, c) = sin_cos_turns(u);
            assert!((f64::from(s) - sine(f64::from(u))).abs() < 3e-7, "sine at {u}");
            assert!((f64::from(c) - cosine(f64::from(u))).abs() < 3e-7, "cosine at {u}");
        }
    }

    #[test]
    fn nan_stays_and_extremes_are_finite() {
        for f in [exp32, softplus32, tanh32] {
            assert!(f(f32::NAN).is_nan());
            assert!(f(1000.0).is_finite() && f(-1000.0).is_finite());
        }
        assert!(f32::NAN.kernel_logistic().is_nan());
        assert!(f64::NAN.kernel_softplus().is_nan());
        assert!((softplus32(1000.0) - 1000.0).abs() < 1e-3);
    }
}
