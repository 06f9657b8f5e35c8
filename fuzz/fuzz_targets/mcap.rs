//! MCAP: whatever the bytes, an error in one sentence or recordings that can be divided.

#![no_main]

use dvbf::data::{Columns, Splits, describe, read_mcap_from};
use dvbf::settings::{preset_for, usual_source};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let columns = Columns {
        observe: vec!["joint".into()],
        control: vec!["drive".into()],
        ..Columns::default()
    };
    match read_mcap_from(data, &columns, Path::new("fuzz.mcap")) {
        Ok(recordings) => {
            assert!(recordings.longest() > 0);
            describe(&recordings);
            let source = usual_source(&recordings, vec!["fuzz.mcap".into()]);
            if let Ok(settings) = preset_for("auto", &recordings, source, &[]) {
                let _ = Splits::recorded(&recordings, &settings);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("fuzz.mcap")),
    }
});
