//! Parquet: whatever the bytes, an error in one sentence or recordings that can be divided.

#![no_main]

use dvbf::data::{read_parquet_from, Splits, describe};
use dvbf::settings::{preset_for, usual_source};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    match read_parquet_from(data.to_vec(), Path::new("fuzz.parquet")) {
        Ok(recordings) => {
            assert!(recordings.longest() > 0);
            describe(&recordings);
            let source = usual_source(&recordings, vec!["fuzz.parquet".into()]);
            if let Ok(settings) = preset_for("auto", &recordings, source, &[]) {
                let _ = Splits::recorded(&recordings, &settings);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.parquet")),
    }
});
