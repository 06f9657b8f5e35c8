//! One array in `NumPy`'s format (NEP 1), read without trusting what its header promises.
//!
//! The header goes through `ndarray-npy`, after its length and its brackets were bounded, since its
//! parser recurses. The values are decoded here, so that memory grows with the bytes that really
//! come, every byte order works, and texts can be read.

use half::f16;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};
use std::io::Read;

/// Longest header in bytes; `NumPy` reads no longer one either by default.
const LONGEST_HEADER: usize = 10_000;
/// Opening brackets of a header, at most; one of plain numbers has two.
const BRACKETS: usize = 8;
/// Bytes that are decoded at once.
const PIECE: usize = 1 << 14;

/// What the elements of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Unsigned,
    Float,
    /// Texts of a fixed number of code points of four bytes.
    Unicode,
    /// Texts of a fixed number of bytes.
    Bytes,
}

/// What a header says of an array.
#[derive(Clone, Debug)]
pub(super) struct ArrayHeader {
    pub(super) kind: Kind,
    item: usize,
    big_endian: bool,
    fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes of the header and of all elements.
    pub(super) bytes: u64,
}

impl ArrayHeader {
    /// Reads a header; what is wrong with it in a few words otherwise.
    pub(super) fn read(from: &mut dyn Read) -> Result<Self, String> {
        let (header, length) = parse(from)?;
        let descriptor = header.type_descriptor;
        let Some(text) = descriptor.as_string().cloned() else {
            return Err("holds records; give it a plain type of numbers".into());
        };
        let (kind, item, big_endian) = element(&text)?;
        let count = header.shape.iter().try_fold(1_usize, |n, &axis| n.checked_mul(axis.max(1)));
        let bytes = count
            .filter(|&n| isize::try_from(n).is_ok())
            .and_then(|_| header.shape.iter().product::<usize>().checked_mul(item))
            .and_then(|data| u64::try_from(data).ok()?.checked_add(length))
            .ok_or_else(|| format!("has shape {:?}, more than any memory holds", header.shape))?;
        let fortran = header.layout == Layout::Fortran;
        Ok(Self { kind, item, big_endian, fortran, shape: header.shape, bytes })
    }

    /// Bytes of an element.
    pub(super) fn bytes_per_item(&self) -> usize {
        self.item
    }

    /// Reads the elements as numbers, each passed through `narrow`.
    pub(super) fn numbers<T>(
        &self,
        from: &mut dyn Read,
        narrow: impl Fn(f64) -> T,
    ) -> Result<ArrayD<T>, String> {
        let decode = self.decoder()?;
        let mut values = Vec::new();
        self.items(from, |item| {
            values.push(narrow(decode(item)));
            Ok(())
        })?;
        self.arrange(values)
    }

    /// Reads the elements as texts.
    pub(super) fn texts(&self, from: &mut dyn Read) -> Result<ArrayD<String>, String> {
        if !matches!(self.kind, Kind::Unicode | Kind::Bytes) {
            return Err("holds numbers and should hold texts".into());
        }
        let mut values = Vec::new();
        self.items(from, |item| {
            values.push(self.text(item).ok_or("holds a text that is not Unicode")?);
            Ok(())
        })?;
        self.arrange(values)
    }

    /// Hands out the elements one by one, and checks that nothing follows.
    fn items(
        &self,
        from: &mut dyn Read,
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut left = self.shape.iter().product::<usize>();
        if self.item == 0 {
            return Err("has elements of no size".into());
        }
        let mut piece = vec![0; (PIECE / self.item).max(1) * self.item];
        while left > 0 {
            let now = left.min(piece.len() / self.item);
            let bytes = &mut piece[..now * self.item];
            from.read_exact(bytes).map_err(|e| format!("ends before its last value ({e})"))?;
            bytes.chunks_exact(self.item).try_for_each(&mut each)?;
            left -= now;
        }
        // The end is reached only now: an archive checks its sum there.
        match from.read(&mut [0; 1]) {
            Ok(0) => Ok(()),
            Ok(_) => Err("goes on after its last value".into()),
            Err(e) => Err(format!("is damaged ({e})")),
        }
    }

    fn arrange<T>(&self, values: Vec<T>) -> Result<ArrayD<T>, String> {
        let shape = IxDyn(&self.shape).set_f(self.fortran);
        ArrayD::from_shape_vec(shape, values).map_err(|e| format!("cannot be laid out ({e})"))
    }

    fn decoder(&self) -> Result<impl Fn(&[u8]) -> f64 + use<>, String> {
        let (kind, size, big_endian) = (self.kind, self.item, self.big_endian);
        if matches!(kind, Kind::Unicode | Kind::Bytes) {
            return Err("holds texts and should hold numbers".into());
        }
        Ok(move |item: &[u8]| {
            let mut bytes = [0; 8];
            for (i, &byte) in item.iter().enumerate() {
                bytes[if big_endian { size - 1 - i } else { i }] = byte;
            }
            let bits = u64::from_le_bytes(bytes);
            let unused = 64 - 8 * u32::try_from(size).unwrap_or(8);
            match (kind, size) {
                (Kind::Float, 2) => {
                    f16::from_bits(u16::try_from(bits).unwrap_or_default()).to_f64()
                }
                (Kind::Float, 4) => {
                    f64::from(f32::from_bits(u32::try_from(bits).unwrap_or_default()))
                }
                (Kind::Float, _) => f64::from_bits(bits),
                (Kind::Int, _) => ((bits << unused).cast_signed() >> unused) as f64,
                _ => bits as f64,
            }
        })
    }

    fn text(&self, item: &[u8]) -> Option<String> {
        if self.kind == Kind::Bytes {
            let end = item.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
            return std::str::from_utf8(&item[..end]).ok().map(str::to_owned);
        }
        let points = item.chunks_exact(4).map(|four| {
            let four = [four[0], four[1], four[2], four[3]];
            if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
        });
        let text: String = points.map(char::from_u32).collect::<Option<_>>()?;
        Some(text.trim_end_matches('\0').to_owned())
    }
}

/// The header and its length in bytes.
fn parse(from: &mut dyn Read) -> Result<(Header, u64), String> {
    const FOREIGN: &str = "is not an array in the format of numpy.save";
    let mut bytes = vec![0; 10];
    from.read_exact(&mut bytes).map_err(|e| format!("ends inside its header ({e})"))?;
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(FOREIGN.into());
    }
    let mut length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    if bytes[6] > 1 {
        let mut rest = [0; 2];
        from.read_exact(&mut rest).map_err(|e| format!("ends inside its header ({e})"))?;
        length |= usize::from(u16::from_le_bytes(rest)) << 16;
        bytes.extend(rest);
    }
    if length > LONGEST_HEADER {
        return Err(format!("has a header of {length} bytes; at most {LONGEST_HEADER} are read"));
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    from.read_exact(&mut bytes[start..]).map_err(|e| format!("ends inside its header ({e})"))?;
    let brackets = bytes[start..].iter().filter(|byte| b"([{".contains(byte)).count();
    if brackets > BRACKETS {
        return Err("holds records; give it a plain type of numbers".into());
    }
    let header = Header::from_reader(&mut bytes.as_slice())
        .map_err(|e| format!("has a header that cannot be read ({e})"))?;
    Ok((header, bytes.len() as u64))
}

/// Kind, size and byte order of the elements of the type `text`, such as `<f4`.
fn element(text: &str) -> Result<(Kind, usize, bool), String> {
    let unknown = || {
        format!(
            "has elements of type {text:?}; there are floats of 16, 32 and 64 bits, integers, bytes"
        )
    };
    let order = text.chars().next().ok_or_else(unknown)?;
    let (big_endian, rest) = match order {
        '<' | '|' => (false, &text[1..]),
        '>' => (true, &text[1..]),
        '=' => (cfg!(target_endian = "big"), &text[1..]),
        _ => (false, text),
    };
    if rest == "O" {
        return Err("holds Python objects; make it an array of numbers, padded where sequences \
                    differ in length, and give their lengths in the array lengths"
            .into());
    }
    let letter = rest.chars().next().ok_or_else(unknown)?;
    let size: usize = rest[letter.len_utf8()..].parse().map_err(|_| unknown())?;
    match (letter, size) {
        ('b', 1) => Ok((Kind::Bool, 1, big_endian)),
        ('i', 1 | 2 | 4 | 8) => Ok((Kind::Int, size, big_endian)),
        ('u', 1 | 2 | 4 | 8) => Ok((Kind::Unsigned, size, big_endian)),
        ('f', 2 | 4 | 8) => Ok((Kind::Float, size, big_endian)),
        ('c', _) => Err(format!(
            "holds complex numbers of type {text:?}; give their real and imaginary parts as two channels"
        )),
        ('U', _) => size
            .checked_mul(4)
            .filter(|&bytes| bytes <= 1 << 16)
            .map(|bytes| (Kind::Unicode, bytes, big_endian))
            .ok_or_else(unknown),
        ('S', 0..=65_536) => Ok((Kind::Bytes, size, big_endian)),
        _ => Err(unknown()),
    }
}
