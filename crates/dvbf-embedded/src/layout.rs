//! The bytes of an embedded model.
//!
//! All numbers are little-endian; `f32` and `f64` are IEEE 754.
//!
//! | offset | bytes | are |
//! |--------|-------|-----|
//! | 0 | 8 | `DVBFe\r\n\x1a` |
//! | 8 | 4 | version, 1 (`u32`) |
//! | 12 | 4 | CRC-32 of everything from offset 16 on (`u32`) |
//! | 16 | 48 | twelve sizes (`u32`), in the order of [`Sizes`] |
//! | 64 | 4 | 1 if the filter judges its belief, otherwise 0 (`u32`) |
//! | 68 | 4 | zero |
//! | 72 | 8 | seconds of a step (`f64`) |
//! | 80 | 8 | bound of the squared noise of a step (`f64`) |
//! | 88 | … | means of channels and controls, `X + U` (`f64`) |
//! | | | then `f32` only: their scales, `X + U` |
//! | | | plausible values, lowest and highest by turns, `2 X + 2 U` |
//! | | | limits of the state, lowest and highest by turns, `2 Z` |
//! | | | inverse standard deviations of the emission, `X` |
//! | | | the networks, each layer with its weights `(outputs, inputs)` row by row, then its biases: |
//! | | | first frames `k X + (k − 1) U → H₀ → 2 W`, state `W → H₁ → Z`, recognition `X + Z + U → H₂ → 2 W`, mixing `Z + U → H₃ → M` or, if `H₃` is zero, `Z + U → M`, emission `V → H₄ → X` |
//! | | | base matrices `Dᵢ = [Aᵢ Bᵢ Cᵢ]`, `M` times `Z + U + W` columns of `Z` |

/// The first bytes.
pub const MAGIC: [u8; 8] = *b"DVBFe\r\n\x1a";
/// The version of the layout.
pub const VERSION: u32 = 1;
/// Bytes before the numbers.
pub const HEADER: usize = 88;
/// Where what the checksum covers begins.
pub(crate) const COVERED: usize = 16;
/// No size is larger.
const LARGEST: u32 = 1 << 24;

/// Sizes of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// `X`, channels.
    pub observation: usize,
    /// `U`, controls; may be zero.
    pub control: usize,
    /// `Z`, dimensions of the state.
    pub state: usize,
    /// `W`, dimensions of the noise.
    pub noise: usize,
    /// `k`, first frames.
    pub frames: usize,
    /// `M`, base matrices.
    pub matrices: usize,
    /// `V`, leading dimensions of the state that the emission sees.
    pub visible: usize,
    /// `H₀` to `H₄`: hidden units of the networks in the order of the layout. That of the mixing network, `H₃`,
    /// may be zero.
    pub hidden: [usize; 5],
}

impl Sizes {
    pub(crate) fn from_words(words: [u32; 12]) -> Option<Self> {
        let [observation, control, state, noise, frames, matrices, visible, h0, h1, h2, h3, h4] =
            words.map(|word| word as usize);
        let sizes = Self {
            observation,
            control,
            state,
            noise,
            frames,
            matrices,
            visible,
            hidden: [h0, h1, h2, h3, h4],
        };
        let least = [observation, state, noise, frames, matrices, visible, h0, h1, h2, h4];
        let possible = words.iter().all(|&word| word <= LARGEST) && !least.contains(&0);
        (possible && visible <= state).then_some(sizes)
    }

    fn words(&self) -> [usize; 12] {
        let [h0, h1, h2, h3, h4] = self.hidden;
        let Self { observation, control, state, noise, frames, matrices, visible, .. } = *self;
        [observation, control, state, noise, frames, matrices, visible, h0, h1, h2, h3, h4]
    }

    /// `k X + (k − 1) U`, what the initial state reads; `None` if that is no number.
    pub(crate) fn first(&self) -> Option<usize> {
        let seen = self.frames.checked_mul(self.observation)?;
        seen.checked_add((self.frames - 1).checked_mul(self.control)?)
    }

    /// `Z + U + W`, columns of a base matrix.
    pub(crate) fn columns(&self) -> usize {
        self.state + self.control + self.noise
    }

    /// `(inputs, hidden, outputs)` of the five networks; `None` if one is no number.
    pub(crate) fn networks(&self) -> Option<[(usize, usize, usize); 5]> {
        let Self { observation: x, control: u, state: z, noise: w, .. } = *self;
        let [h0, h1, h2, h3, h4] = self.hidden;
        Some([
            (self.first()?, h0, 2 * w),
            (w, h1, z),
            (x + z + u, h2, 2 * w),
            (z + u, h3, self.matrices),
            (self.visible, h4, x),
        ])
    }

    /// Bytes of a model of these sizes; `None` if that is no number.
    pub fn bytes(&self) -> Option<usize> {
        let Self { observation: x, control: u, state: z, .. } = *self;
        let mut singles = 3 * (x + u) + 2 * z + x;
        for (inputs, hidden, outputs) in self.networks()? {
            let affine =
                |inputs: usize, outputs: usize| inputs.checked_mul(outputs)?.checked_add(outputs);
            let count = match hidden {
                0 => affine(inputs, outputs)?,
                hidden => affine(inputs, hidden)?.checked_add(affine(hidden, outputs)?)?,
            };
            singles = singles.checked_add(count)?;
        }
        let base = self.matrices.checked_mul(self.columns())?.checked_mul(z)?;
        let singles = singles.checked_add(base)?.checked_mul(4)?;
        singles.checked_add(HEADER + 8 * (x + u))
    }
}

/// The header of a model of these sizes, with `body` as the bytes behind it.
///
/// `dt` are the seconds of a step; `judge` is the bound of the squared noise of a step, where the filter judges its
/// belief.
///
/// # Panics
/// If a size does not fit into 32 bits.
#[must_use]
pub fn header(sizes: &Sizes, dt: f64, judge: Option<f64>, body: &[u8]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&VERSION.to_le_bytes());
    for (place, size) in header[16..64].chunks_exact_mut(4).zip(sizes.words()) {
        let size = u32::try_from(size).expect("sizes are small");
        place.copy_from_slice(&size.to_le_bytes());
    }
    header[64..68].copy_from_slice(&u32::from(judge.is_some()).to_le_bytes());
    header[72..80].copy_from_slice(&dt.to_le_bytes());
    header[80..88].copy_from_slice(&judge.unwrap_or(0.0).to_le_bytes());
    let checksum = checksum(&header[COVERED..], body);
    header[12..16].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// CRC-32 of two pieces.
pub(crate) fn checksum(first: &[u8], second: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(first);
    hasher.update(second);
    hasher.finalize()
}
