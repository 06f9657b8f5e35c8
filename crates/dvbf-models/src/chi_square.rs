//! Quantiles of the chi-square distribution.
//!
//! With `n` degrees of freedom and `a = n / 2`, twice a variable of the gamma distribution with
//! shape `a`, whose distribution function is `P(a, x) = 1 − Q(a, x)`. Newton's method finds
//! `t = ln x` where `ln P = ln p`, or, for `p` above one half, `ln Q = ln (1 − p)`. Both logarithms
//! are concave in `t`, so that from the side where the tail is too small every step stays there; and
//! in a tail the logarithm keeps every digit.
//!
//! | | equation (DLMF 8.11.4, 8.9.2) |
//! |-|-|
//! | series | `P = xᵃ e⁻ˣ / Γ(a + 1) · Σ xᵏ / ((a + 1) … (a + k))` |
//! | continued fraction | `Q = xᵃ e⁻ˣ / Γ(a) · 1/(x + 1 − a − 1 (1 − a)/(x + 3 − a − …))` |
//! | slopes | `d ln P / dt = xᵃ e⁻ˣ / (Γ(a) P)`, `d ln Q / dt = −xᵃ e⁻ˣ / (Γ(a) Q)` |

use statrs::function::gamma::ln_gamma;

/// The `probability` quantile of the chi-square distribution with `freedom` degrees of freedom, to
/// twelve digits in both tails; none if the probability is not strictly between zero and one, or
/// there is no degree of freedom.
pub fn quantile(probability: f64, freedom: usize) -> Option<f64> {
    if !(probability > 0.0 && probability < 1.0) || freedom == 0 {
        return None;
    }
    let a = 0.5 * freedom as f64;
    let lower = probability <= 0.5;
    let tail = if lower { probability.ln() } else { (1.0 - probability).ln() };
    // From below, P being less than its series begins with; or from above, by the bound of Laurent
    // and Massart 2000, lemma 1.
    let mut t = if lower {
        (tail + ln_gamma(a + 1.0)) / a
    } else {
        (a + (-2.0 * a * tail).sqrt() - tail).ln()
    };
    for _ in 0..200 {
        let x = t.exp();
        if x == 0.0 {
            break;
        }
        let density = a * t - x - ln_gamma(a);
        let (ln_lower, ln_upper) = tails(a, x, density);
        let (value, sign) = if lower { (ln_lower, 1.0) } else { (ln_upper, -1.0) };
        let step = (tail - value) / (sign * (density - value).exp());
        t += step;
        if step.abs() <= 4.0 * f64::EPSILON * t.abs().max(1.0) {
            break;
        }
    }
    Some(2.0 * t.exp())
}

/// `ln P(a, x)` and `ln Q(a, x)`, given `density = ln (xᵃ e⁻ˣ / Γ(a))`.
fn tails(a: f64, x: f64, density: f64) -> (f64, f64) {
    if x < a + 1.0 {
        let (mut term, mut sum, mut k) = (1.0, 1.0, a);
        while term > f64::EPSILON * 0.1 * sum {
            k += 1.0;
            term *= x / k;
            sum += term;
        }
        let lower = density - a.ln() + sum.ln();
        (lower, (-lower.exp()).ln_1p())
    } else {
        // Lentz's method.
        let mut b = x + 1.0 - a;
        let (mut c, mut d) = (f64::INFINITY, 1.0 / b);
        let mut fraction = d;
        for k in 1..1_000_000 {
            let k = f64::from(k);
            let numerator = -k * (k - a);
            b += 2.0;
            d = 1.0 / (numerator * d + b);
            c = b + numerator / c;
            let factor = c * d;
            fraction *= factor;
            if (factor - 1.0).abs() <= f64::EPSILON {
                break;
            }
        }
        let upper = density + fraction.ln();
        ((-upper.exp()).ln_1p(), upper)
    }
}
