//! The floating-point peak of a core, measured: independent chains of fused multiply-adds.

use dvbf_tensor::{Kernel, Level, level, vectorize};
use std::hint::black_box;
use std::time::Instant;

/// Operations of a reading, which then takes about half a millisecond.
const OPERATIONS: usize = 1 << 26;

/// `WIDTH` chains of single-precision values, flat, so that the compiler makes whole registers of
/// them: enough to hide the latency of an instruction, few enough not to spill.
struct Chains<const WIDTH: usize> {
    factor: f32,
    summand: f32,
}

impl<const WIDTH: usize> Kernel for Chains<WIDTH> {
    type Output = f32;

    #[inline(always)]
    fn run(self) -> f32 {
        let mut values = [1.0_f32; WIDTH];
        for _ in 0..OPERATIONS / (2 * WIDTH) {
            for value in &mut values {
                // Without the instruction the standard library computes the fused form in
                // software: then the peak is that of a product and a sum.
                *value = if cfg!(target_arch = "x86_64") && WIDTH == PLAIN {
                    *value * self.factor + self.summand
                } else {
                    value.mul_add(self.factor, self.summand)
                };
            }
        }
        values.iter().sum()
    }
}

const PLAIN: usize = 8 * 4;
const AVX2: usize = 12 * 8;
const AVX512: usize = 12 * 16;

/// The single-precision peak of this core in GFLOP/s, the best of `readings`.
///
/// A fused multiply-add counts as two operations. On [`Level::Plain`] this is a lower bound: eight
/// chains do not fill every core, and more of them do not stay in registers. Clocks wander with load and temperature, so a
/// share of the peak means something only beside a reading of the same minute.
pub fn peak(readings: usize) -> f64 {
    let read = match level() {
        Level::Avx512 => read::<AVX512>,
        Level::Avx2 => read::<AVX2>,
        Level::Plain => read::<PLAIN>,
    };
    (0..readings.max(1)).map(|_| read()).fold(0.0, f64::max)
}

fn read<const WIDTH: usize>() -> f64 {
    let chains = Chains::<WIDTH> { factor: black_box(0.5), summand: black_box(1.0) };
    let start = Instant::now();
    black_box(vectorize(chains));
    let operations = OPERATIONS / (2 * WIDTH) * (2 * WIDTH);
    operations as f64 / start.elapsed().as_secs_f64() / 1e9
}
