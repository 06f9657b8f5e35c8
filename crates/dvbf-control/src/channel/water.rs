//! Water-filling: the best division of power among parallel Gaussian channels (Cover and Thomas,
//! *Elements of Information Theory*, section 9.4).

/// The best division of a power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WaterFilling {
    /// `μ`: a channel of gain `g` gets the power `(μ − 1/g)₊`.
    pub level: f64,
    /// `Σ ½ ln(1 + gᵢ pᵢ)`, in nats.
    pub capacity: f64,
}

/// Divides `power` among channels `yᵢ = √gᵢ xᵢ + ξᵢ` with `ξᵢ ~ N(0, 1)`, and sorts the gains,
/// largest first.
///
/// A gain is the square of a singular value over the variance of the noise. Gains of zero or less
/// get nothing; a gain that is NaN gives a capacity that is NaN.
///
/// ```
/// use dvbf_control::water_filling;
/// // The second channel would be worth it from a power of 1/1 − 1/4 on.
/// let one = water_filling(&mut [4.0, 1.0], 0.75);
/// assert!((one.capacity - 0.5 * (1.0_f64 + 4.0 * 0.75).ln()).abs() < 1e-12);
/// ```
pub fn water_filling(gains: &mut [f64], power: f64) -> WaterFilling {
    if gains.iter().any(|gain| gain.is_nan()) {
        return WaterFilling { level: f64::NAN, capacity: f64::NAN };
    }
    gains.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut level, mut active, mut inverses) = (0.0, 0, 0.0);
    for &gain in gains.iter().take_while(|&&gain| gain > 0.0) {
        let with = (power + inverses + gain.recip()) / (active + 1) as f64;
        // With finite power, the first channel always gets some.
        if with * gain <= 1.0 && active > 0 {
            break;
        }
        inverses += gain.recip();
        active += 1;
        level = with;
    }
    // Parts of the sum are not negative, but rounding may say so when there is no power.
    let capacity = gains[..active].iter().map(|g| 0.5 * (level * g).ln().max(0.0)).sum();
    WaterFilling { level, capacity }
}
