//! Archives byte by byte, independent of every library that reads them.

use dvbf_data::{RawRecordings, read_npz_from};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An array with this header text, and these bytes after it.
pub(crate) fn array(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    raw_array(&header, data)
}

/// An array with any header.
pub(crate) fn raw_array(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.as_bytes().to_vec();
    header.push(b'\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    out.extend(header);
    out.extend(data);
    out
}

/// 32-bit floats in C order.
pub(crate) fn floats(shape: &str, values: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array("'<f4'", false, shape, &data)
}

/// 64-bit floats in C order.
pub(crate) fn doubles(shape: &str, values: &[f64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array("'<f8'", false, shape, &data)
}

/// 64-bit integers.
pub(crate) fn integers(shape: &str, values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    array("'<i8'", false, shape, &data)
}

/// Texts of four code points.
pub(crate) fn texts(values: &[&str]) -> Vec<u8> {
    let padded = |text: &str| -> Vec<u8> {
        let points = text.chars().chain(std::iter::repeat('\0')).take(4);
        points.flat_map(|c| u32::from(c).to_le_bytes()).collect()
    };
    let data: Vec<u8> = values.iter().flat_map(|v| padded(v)).collect();
    array("'<U4'", false, &format!("({},)", values.len()), &data)
}

/// A stored archive: local headers, data, directory, end.
pub(crate) fn archive(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let offset = u32::try_from(out.len()).unwrap();
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend([0; 8]);
        common.extend(crc32fast::hash(data).to_le_bytes());
        let size = u32::try_from(data.len()).unwrap();
        common.extend(size.to_le_bytes());
        common.extend(size.to_le_bytes());
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(data);
        directory.extend(b"PK\x01\x02");
        directory.extend(20_u16.to_le_bytes());
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = u32::try_from(out.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    out.extend(&directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// A compressed archive of entries that are `head` and then `zeros` zeros.
pub(crate) fn compressed(entries: &[(&str, Vec<u8>, usize)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let zeros = vec![0; 1 << 20];
    for (name, head, count) in entries {
        zip.start_file(*name, options).unwrap();
        zip.write_all(head).unwrap();
        let mut left = *count;
        while left > 0 {
            let now = left.min(zeros.len());
            zip.write_all(&zeros[..now]).unwrap();
            left -= now;
        }
    }
    zip.finish().unwrap().into_inner()
}

/// What the archive holds, or the error about it under the name `walk.npz`.
pub(crate) fn read(bytes: Vec<u8>) -> Result<RawRecordings, String> {
    read_npz_from(Cursor::new(bytes), Path::new("walk.npz")).map_err(|e| e.to_string())
}

/// [`read`] of a stored archive of these arrays.
pub(crate) fn read_arrays(entries: &[(&str, Vec<u8>)]) -> Result<RawRecordings, String> {
    let named: Vec<(String, Vec<u8>)> =
        entries.iter().map(|(name, data)| (format!("{name}.npy"), data.clone())).collect();
    let borrowed: Vec<(&str, Vec<u8>)> =
        named.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
    read(archive(&borrowed))
}
