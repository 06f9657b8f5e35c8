//! A model that is read where it lies.

use crate::error::Error;
use crate::layout::{COVERED, HEADER, MAGIC, Sizes, VERSION, checksum};
use crate::network::{Network, Numbers};
use crate::transition::Transition;

/// A model that is read where it lies; [`Sizes`] and the [layout](crate::header) say how.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    pub(crate) sizes: Sizes,
    pub(crate) dt: f64,
    /// Bound of the squared noise of a step, where the filter judges its belief.
    pub(crate) judge: Option<f64>,
    means: &'a [u8],
    scales: Numbers<'a>,
    pub(crate) plausible: Numbers<'a>,
    pub(crate) limits: Numbers<'a>,
    pub(crate) precision: Numbers<'a>,
    pub(crate) first: Network<'a>,
    pub(crate) state: Network<'a>,
    pub(crate) recognition: Network<'a>,
    pub(crate) transition: Transition<'a>,
    pub(crate) emission: Network<'a>,
}

impl<'a> Model<'a> {
    /// Reads and checks a model; nothing is copied.
    ///
    /// # Errors
    /// If the bytes are foreign, of another version, damaged, or hold numbers that are not finite.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let found = bytes.len();
        if !bytes.starts_with(&MAGIC) {
            return Err(Error::Foreign);
        }
        let Some((header, body)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(Error::Length { found, expected: Some(HEADER) });
        };
        let version = word(header, 8);
        if version != VERSION {
            return Err(Error::Version { found: version });
        }
        let words = core::array::from_fn(|i| word(header, 16 + 4 * i));
        let sizes = Sizes::from_words(words).ok_or(Error::Length { found, expected: None })?;
        let expected = sizes.bytes();
        if expected != Some(found) {
            return Err(Error::Length { found, expected });
        }
        if checksum(&header[COVERED..], body) != word(header, 12) {
            return Err(Error::Checksum);
        }
        let (dt, bound) = (double(&header[72..]), double(&header[80..]));
        let judge = match word(header, 64) {
            0 => None,
            _ => Some(bound),
        };
        let model = Self::take(sizes, (dt, judge), body);
        let model = model.ok_or(Error::Length { found, expected })?;
        let doubles = model.means.chunks_exact(8).all(|b| double(b).is_finite());
        let singles = &body[model.means.len()..];
        let mut all = singles;
        let singles = Numbers::take(&mut all, singles.len() / 4);
        let finite = singles.is_some_and(|own| own.iter().all(f32::is_finite));
        let scaled = model.scales.iter().all(|scale| scale > 0.0);
        if !(doubles && finite && scaled && dt.is_finite() && dt > 0.0 && !bound.is_nan()) {
            return Err(Error::Number);
        }
        Ok(model)
    }

    fn take(sizes: Sizes, (dt, judge): (f64, Option<f64>), body: &'a [u8]) -> Option<Self> {
        let Sizes { observation: x, control: u, state: z, .. } = sizes;
        let (means, mut rest) = body.split_at_checked(8 * (x + u))?;
        let rest = &mut rest;
        let scales = Numbers::take(rest, x + u)?;
        let plausible = Numbers::take(rest, 2 * (x + u))?;
        let limits = Numbers::take(rest, 2 * z)?;
        let precision = Numbers::take(rest, x)?;
        let [first, state, recognition, mixing, emission] = sizes.networks()?;
        let first = Network::take(rest, first)?;
        let state = Network::take(rest, state)?;
        let recognition = Network::take(rest, recognition)?;
        let mixing = Network::take(rest, mixing)?;
        let emission = Network::take(rest, emission)?;
        let base = Numbers::take(rest, sizes.matrices * sizes.columns() * z)?;
        let transition = Transition::new(mixing, base, &sizes);
        Some(Self {
            sizes,
            dt,
            judge,
            means,
            scales,
            plausible,
            limits,
            precision,
            first,
            state,
            recognition,
            transition,
            emission,
        })
    }

    /// Its sizes.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Seconds between two steps.
    #[must_use]
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Mean and scale of channel `i`, or of control `i − X`.
    pub(crate) fn unit(&self, i: usize) -> (f64, f32) {
        let mean = self.means.get(8 * i..).map_or(f64::NAN, double);
        (mean, self.scales.at(i))
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The number that `bytes` begin with; NaN if they are too few.
fn double(bytes: &[u8]) -> f64 {
    bytes.first_chunk::<8>().map_or(f64::NAN, |bytes| f64::from_le_bytes(*bytes))
}
