//! Numbers where they lie, and affine maps with a rectifier between them.

use crate::math::fused;

/// `f32` numbers as bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    /// The first `count` numbers of `bytes`, which become the rest; `None` if there are not so many.
    pub(crate) fn take(bytes: &mut &'a [u8], count: usize) -> Option<Self> {
        let (own, rest) = bytes.split_at_checked(count.checked_mul(4)?)?;
        *bytes = rest;
        Some(Self(own))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = f32> + 'a {
        self.0.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }

    /// Number `i`; NaN beyond the end.
    pub(crate) fn at(self, i: usize) -> f32 {
        let own = self.0.get(4 * i..).and_then(<[u8]>::first_chunk::<4>);
        own.map_or(f32::NAN, |bytes| f32::from_le_bytes(*bytes))
    }

    /// Pieces of `count` numbers.
    pub(crate) fn rows(self, count: usize) -> impl Iterator<Item = Numbers<'a>> {
        self.0.chunks_exact(4 * count.max(1)).map(Numbers)
    }
}

/// `y = W x + b`.
#[derive(Clone, Copy, Debug)]
struct Affine<'a> {
    inputs: usize,
    weight: Numbers<'a>,
    bias: Numbers<'a>,
}

impl<'a> Affine<'a> {
    fn take(bytes: &mut &'a [u8], inputs: usize, outputs: usize) -> Option<Self> {
        let weight = Numbers::take(bytes, inputs.checked_mul(outputs)?)?;
        Some(Self { inputs, weight, bias: Numbers::take(bytes, outputs)? })
    }

    fn apply(&self, x: &[f32], y: &mut [f32]) {
        let rows = self.weight.rows(self.inputs).zip(self.bias.iter());
        for (y, (row, bias)) in y.iter_mut().zip(rows) {
            *y = row.iter().zip(x).fold(0.0, |sum, (w, &x)| fused(x, w, sum)) + bias;
        }
    }
}

/// One or two affine maps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network<'a> {
    hidden: Option<Affine<'a>>,
    output: Affine<'a>,
}

impl<'a> Network<'a> {
    /// A network with no hidden layer if there are no hidden units.
    pub(crate) fn take(
        bytes: &mut &'a [u8],
        (inputs, hidden, outputs): (usize, usize, usize),
    ) -> Option<Self> {
        if hidden == 0 {
            return Some(Self { hidden: None, output: Affine::take(bytes, inputs, outputs)? });
        }
        let first = Affine::take(bytes, inputs, hidden)?;
        Some(Self { hidden: Some(first), output: Affine::take(bytes, hidden, outputs)? })
    }

    /// Writes the outputs for `x`; `scratch` has room for the hidden units.
    pub(crate) fn apply(&self, x: &[f32], y: &mut [f32], scratch: &mut [f32]) {
        let Some(first) = &self.hidden else { return self.output.apply(x, y) };
        let scratch = &mut scratch[..self.output.inputs];
        first.apply(x, scratch);
        for h in scratch.iter_mut() {
            // NaN stays.
            if *h < 0.0 {
                *h = 0.0;
            }
        }
        self.output.apply(scratch, y);
    }
}
