//! Counter-based noise: draws are pure functions of `(seed, stream, index)`.
//!
//! Philox 4×32 with ten rounds (Salmon, Moraes, Dror and Shaw 2011) turns counters into uniform
//! words; Box and Muller's transform turns pairs of words into standard normal draws. Nothing is
//! stored between draws, so results depend neither on threads nor on the order of calls.

use crate::level::leveled;
use crate::math::{ln32, sin_cos_turns};
use crate::scalar::Scalar;
use ndarray::ArrayViewMut2;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One Philox 4×32-10 block: four uniform words from a counter and a key.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the halves of a 64-bit product")]
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let first = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let second = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (second >> 32) as u32 ^ counter[1] ^ key[0],
            second as u32,
            (first >> 32) as u32 ^ counter[3] ^ key[1],
            first as u32,
        ];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// A stream of noise; copies draw the same values.
///
/// ```
/// use dvbf_tensor::Noise;
/// let (mut a, mut b) = ([0.0_f32; 6], [0.0_f64; 3]);
/// Noise::new(7, 1).normal(&mut a);
/// Noise::new(7, 1).normal(&mut b);
/// assert_eq!(f64::from(a[2]), b[2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    key: [u32; 2],
    stream: [u32; 2],
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the halves of a 64-bit word")]
fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

impl Noise {
    /// The stream `stream` of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        Self { key: halves(seed), stream: halves(stream) }
    }

    /// Stream number `index` of 256 streams that belong to this one.
    ///
    /// Parts of different streams coincide only when the streams agree in their low 56 bits, so
    /// streams that are divided are numbered below 2⁵⁶.
    #[must_use]
    pub fn part(&self, index: u8) -> Self {
        let [low, high] = self.stream;
        let carried = (high << 8) | (low >> 24);
        Self { key: self.key, stream: [(low << 8) | u32::from(index), carried] }
    }

    /// Fills `out` with independent draws from `N(0, 1)`.
    ///
    /// Both precisions get the same single-precision draws; `|draw| < 6.7`.
    pub fn normal<S: Scalar>(&self, out: &mut [S]) {
        normals(self.key, self.stream, 0, out);
    }

    /// Fills `out` with the draws of [`normal`](Self::normal) from number `64 · block` on, of which
    /// there are 2⁷⁰.
    ///
    /// ```
    /// use dvbf_tensor::Noise;
    /// let (mut all, mut later) = ([0.0_f32; 150], [0.0_f32; 22]);
    /// Noise::new(7, 1).normal(&mut all);
    /// Noise::new(7, 1).normal_from(2, &mut later);
    /// assert_eq!(all[128..], later);
    /// ```
    pub fn normal_from<S: Scalar>(&self, block: u64, out: &mut [S]) {
        normals(self.key, self.stream, block.wrapping_mul(BLOCK as u64), out);
    }

    /// Fills row `r` of `out (n, W)` with independent draws from `N(0, 1)`: those numbered `at[r]` of
    /// stream `first + r` of `seed`.
    ///
    /// A row depends on its seed, its stream, its number and `W`, not on the rows beside it. The draws
    /// are others than those of [`normal`](Self::normal): `W` of them take `⌈W/4⌉` Philox blocks, so that
    /// rows are computed side by side.
    ///
    /// # Panics
    /// If there is not one number a row.
    #[track_caller]
    pub fn normal_rows<S: Scalar>(
        seed: u64,
        first: u64,
        at: &[u64],
        mut out: ArrayViewMut2<'_, S>,
    ) {
        assert_eq!(at.len(), out.nrows(), "numbers of draws against rows");
        let (key, width) = (halves(seed), out.ncols());
        let blocks = width.div_ceil(4) as u64;
        for (start, at) in (0..at.len()).step_by(BLOCK).zip(at.chunks(BLOCK)) {
            let (mut streams, mut counters) = ([[0; 2]; BLOCK], [0_u64; BLOCK]);
            for (r, (&number, (stream, counter))) in
                (0..).zip(at.iter().zip(streams.iter_mut().zip(&mut counters)))
            {
                *stream = halves(first.wrapping_add(start as u64 + r));
                *counter = number.wrapping_mul(blocks);
            }
            for column in (0..width).step_by(4) {
                let draws = normals_across(key, &streams, &counters);
                for (k, draws) in draws.iter().take(width - column).enumerate() {
                    let mut to = out.column_mut(column + k);
                    let values = draws.iter().map(|&draw| S::of(f64::from(draw)));
                    if let Some(to) = to.as_slice_mut() {
                        to[start..start + at.len()]
                            .iter_mut()
                            .zip(values)
                            .for_each(|(to, v)| *to = v);
                    } else {
                        to.iter_mut()
                            .skip(start)
                            .zip(values.take(at.len()))
                            .for_each(|(to, v)| *to = v);
                    }
                }
                for counter in &mut counters {
                    *counter = counter.wrapping_add(1);
                }
            }
        }
    }

    /// Fills `out` with independent draws from the uniform distribution on `[0, 1)`.
    pub fn uniform<S: Scalar>(&self, out: &mut [S]) {
        uniforms(self.key, self.stream, out);
    }

    /// Shuffles `items` uniformly (Fisher and Yates).
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for (index, last) in (0_u32..).zip((1..items.len()).rev()) {
            let words = philox([index, 0, self.stream[0], self.stream[1]], self.key);
            let wide = u128::from(u64::from(words[0]) << 32 | u64::from(words[1]));
            let chosen = usize::try_from((wide * (last as u128 + 1)) >> 64).unwrap_or(last);
            items.swap(last, chosen);
        }
    }
}

/// Counters handled together, so that the rounds vectorize.
const BLOCK: usize = 16;

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the halves of a 64-bit counter")]
fn words(first: u64, stream: [u32; 2], key: [u32; 2]) -> [[u32; BLOCK]; 4] {
    let mut out = [[0; BLOCK]; 4];
    for i in 0..BLOCK {
        let index = first.wrapping_add(i as u64);
        let block = philox([index as u32, (index >> 32) as u32, stream[0], stream[1]], key);
        for (row, word) in out.iter_mut().zip(block) {
            row[i] = word;
        }
    }
    out
}

/// A uniform number in `(0, 1]` with 24 bits.
#[inline(always)]
fn open_unit(word: u32) -> f32 {
    ((word >> 8) + 1) as f32 * (1.0 / 16_777_216.0)
}

/// A uniform number in `[0, 1)` with 24 bits.
#[inline(always)]
fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Two standard normal numbers of two uniform words (Box and Muller).
#[inline(always)]
fn pair(first: u32, second: u32) -> (f32, f32) {
    let radius = (-2.0 * ln32(open_unit(first))).sqrt();
    let (sine, cosine) = sin_cos_turns(unit(second));
    (radius * cosine, radius * sine)
}

leveled! {
    fn normals_across(
        key: [u32; 2],
        streams: &[[u32; 2]; BLOCK],
        counters: &[u64; BLOCK],
    ) -> [[f32; BLOCK]; 4] {
        let mut w = [[0; BLOCK]; 4];
        for i in 0..BLOCK {
            let ([low, high], stream) = (halves(counters[i]), streams[i]);
            let block = philox([low, high, stream[0], stream[1]], key);
            for (row, word) in w.iter_mut().zip(block) {
                row[i] = word;
            }
        }
        let mut draws = [[0.0_f32; BLOCK]; 4];
        for i in 0..BLOCK {
            (draws[0][i], draws[1][i]) = pair(w[0][i], w[1][i]);
            (draws[2][i], draws[3][i]) = pair(w[2][i], w[3][i]);
        }
        draws
    }

    fn normals<S: Scalar>(key: [u32; 2], stream: [u32; 2], first: u64, out: &mut [S]) {
        let mut first = first;
        for chunk in out.chunks_mut(4 * BLOCK) {
            let w = words(first, stream, key);
            first = first.wrapping_add(BLOCK as u64);
            let mut draws = [0.0_f32; 4 * BLOCK];
            for i in 0..BLOCK {
                for half in 0..2 {
                    let (a, b) = pair(w[2 * half][i], w[2 * half + 1][i]);
                    draws[2 * half * BLOCK + i] = a;
                    draws[(2 * half + 1) * BLOCK + i] = b;
                }
            }
            for (o, &d) in chunk.iter_mut().zip(&draws) {
                *o = S::of(f64::from(d));
            }
        }
    }

    fn uniforms<S: Scalar>(key: [u32; 2], stream: [u32; 2], out: &mut [S]) {
        let mut first = 0;
        for chunk in out.chunks_mut(4 * BLOCK) {
            let w = words(first, stream, key);
            first += BLOCK as u64;
            for (o, &word) in chunk.iter_mut().zip(w.as_flattened()) {
                *o = S::of(f64::from(unit(word)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors that come with the authors' Random123 library.
    #[test]
    fn philox_matches_known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([u32::MAX; 4], [u32::MAX; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox(
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0]
            ),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn normal_draws_have_the_right_moments() {
        let mut draws = vec![0.0_f64; 400_000];
        Noise::new(1, 2).normal(&mut draws);
        let n = draws.len() as f64;
        let moment = |k: i32| draws.iter().map(|d| d.powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 0.006, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.01, "variance {}", moment(2));
        assert!(moment(3).abs() < 0.025, "skewness {}", moment(3));
        assert!((moment(4) - 3.0).abs() < 0.07, "kurtosis {}", moment(4));
        let lag: f64 = draws.windows(2).map(|w| w[0] * w[1]).sum::<f64>() / n;
        assert!(lag.abs() < 0.007, "neighbors correlate {lag}");
    }

    #[test]
    fn draws_do_not_depend_on_how_many_are_asked_for() {
        let (mut long, mut short) = ([0.0_f32; 200], [0.0_f32; 77]);
        Noise::new(3, 4).normal(&mut long);
        Noise::new(3, 4).normal(&mut short);
        assert_eq!(long[..77], short);
        Noise::new(3, 5).normal(&mut short);
        assert_ne!(long[..77], short);
    }

    /// Box and Muller's transform of the Philox words in double precision, row by row.
    #[test]
    fn rows_are_drawn_from_their_own_streams() {
        let (seed, first, width) = ((7_u64 << 40) | 9, (3_u64 << 56) | 5, 6);
        let at: Vec<u64> = (0..37).map(|r| (r * r) << (r % 3 * 20)).collect();
        let mut out = ndarray::Array2::<f64>::zeros((at.len(), width));
        Noise::normal_rows(seed, first, &at, out.view_mut());
        let turn = std::f64::consts::TAU / f64::from(1 << 24);
        for (r, &number) in at.iter().enumerate() {
            for column in 0..width {
                let stream = halves(first + r as u64);
                let [low, high] = halves(number * 2 + column as u64 / 4);
                let words = philox([low, high, stream[0], stream[1]], halves(seed));
                let (a, b) = (words[column % 4 / 2 * 2] >> 8, words[column % 4 / 2 * 2 + 1] >> 8);
                let radius = (-2.0 * (f64::from(a + 1) / f64::from(1 << 24)).ln()).sqrt();
                let angle = turn * f64::from(b);
                let draw = radius * if column % 2 == 0 { angle.cos() } else { angle.sin() };
                assert!((out[[r, column]] - draw).abs() < 1e-5, "({r}, {column}): {draw}");
            }
        }
        let mut alone = ndarray::Array2::<f64>::zeros((1, width));
        Noise::normal_rows(seed, first + 20, &at[20..21], alone.view_mut());
        assert_eq!(alone.row(0), out.row(20));
    }

    #[test]
    fn shuffle_is_a_permutation_without_bias() {
        let mut counts = [[0_u32; 5]; 5];
        for stream in 0..20_000 {
            let mut items = [0, 1, 2, 3, 4];
            Noise::new(9, stream).shuffle(&mut items);
            let mut sorted = items;
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
            for (place, &item) in items.iter().enumerate() {
                counts[place][item] += 1;
            }
        }
        assert!(counts.as_flattened().iter().all(|c| (3750..4250).contains(c)), "{counts:?}");
    }

    /// Pins the first draws of every kind: figures belong to seeds.
    #[test]
    fn value_stability() {
        let noise = Noise::new(42, 7);
        let (mut normal, mut uniform) = ([0.0_f32; 6], [0.0_f32; 6]);
        noise.normal(&mut normal);
        noise.uniform(&mut uniform);
        let bits = |values: [f32; 6]| values.map(f32::to_bits);
        let then =
            [1.065_150_6, -0.328_625_53, 1.818_128_6, -1.043_601_6, 0.300_963_16, 2.113_482_2];
        assert_eq!(bits(normal), bits(then), "{normal:?}");
        let then =
            [0.405_981_96, 0.897_917_33, 0.144_241_1, 0.579_525_6, 0.831_530_8, 0.050_931_81];
        assert_eq!(bits(uniform), bits(then), "{uniform:?}");
        let (mut order, mut part) = ([0_u8, 1, 2, 3, 4, 5, 6, 7, 8, 9], [0.0_f32; 2]);
        noise.shuffle(&mut order);
        noise.part(3).normal(&mut part);
        assert_eq!(order, [7, 3, 2, 5, 0, 6, 9, 1, 8, 4]);
        assert_eq!(
            part.map(f32::to_bits),
            [1.015_911_9, 0.700_879_8].map(f32::to_bits),
            "{part:?}"
        );
    }
}
