//! Model files: as they are, and with a frame whose checksum is right, so that the inside is reached.

#![no_main]

use dvbf::train::TrainerState;
use dvbf_core::{Filter, FilterOptions, ModelFile};
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::Arc;

fuzz_target!(|data: &[u8]| {
    let path = Path::new("fuzz.dvbf");
    let _ = ModelFile::parse(data, path);
    let Some((version, payload)) = data.split_first() else { return };
    let mut framed = b"DVBF\r\n\x1a\n".to_vec();
    framed.extend(u32::from(version % 3).to_le_bytes());
    framed.extend((payload.len() as u64).to_le_bytes());
    let mut sum = crc32fast::Hasher::new();
    sum.update(&framed);
    sum.update(payload);
    framed.extend(sum.finalize().to_le_bytes());
    framed.extend(payload);
    match ModelFile::parse(&framed, path) {
        Ok(mut file) => {
            let _ = TrainerState::decode(&file.trainer, file.values.len());
            let (units, config) = (file.units.take(), file.config.clone());
            let model = Arc::new(file.into_model());
            let filter = Filter::new(model, 0.1, FilterOptions::MEAN_PATH).expect("it is a step");
            let mut filter = filter.with_units(units);
            let (x, u) = (vec![0.5; config.observation], vec![0.5; config.control]);
            let _ = filter.step(Some(&x), &u, 0.1);
        }
        Err(error) => assert!(error.to_string().contains("fuzz.dvbf")),
    }
});
