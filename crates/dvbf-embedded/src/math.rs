//! Elementary functions in the arithmetic of the kernels of `dvbf_tensor`.

/// Adding and subtracting it rounds a small `f32` to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// `a b + c`, rounded once.
pub(crate) fn fused(a: f32, b: f32, c: f32) -> f32 {
    libm::fmaf(a, b, c)
}

/// `eˣ` by reduction to `[−ln 2 / 2, ln 2 / 2]` and a Taylor polynomial, between `e⁻⁸⁷` and `e⁸⁸`.
pub(crate) fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    const TAYLOR: [f32; 5] = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
    let x = x.clamp(-87.0, 88.0);
    let shifted = fused(x, core::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fused(n, -LN2_LOW, fused(n, -LN2_HIGH, x));
    let p = TAYLOR.iter().fold(1.0 / 5040.0, |p, &c| fused(r, p, c));
    let p = fused(r * r, p, r) + 1.0;
    // The low bits of the shifted value are n in two's complement.
    p * f32::from_bits(shifted.to_bits().wrapping_add(127).wrapping_shl(23))
}

/// Replaces logits by `αᵢ = e^{aᵢ − max a} / Σⱼ e^{aⱼ − max a}`.
pub(crate) fn softmax(row: &mut [f32]) {
    let largest = row.iter().fold(f32::NEG_INFINITY, |most, &a| if a > most { a } else { most });
    for a in row.iter_mut() {
        *a = exp(*a - largest);
    }
    let scale = 1.0 / row.iter().fold(0.0, |sum, &a| sum + a);
    for a in row {
        *a *= scale;
    }
}
