//! Tables: two files in one input, parted by a zero byte.

#![no_main]

use dvbf::data::{Columns, Splits, TableReader, describe};
use dvbf::settings::{preset_for, usual_source};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    let mut reader = TableReader::new(Columns::default());
    for table in data.split(|&byte| byte == 0).take(4) {
        if let Err(error) = reader.read(table, Path::new("fuzz.csv")) {
            assert!(error.to_string().starts_with("fuzz.csv"));
            return;
        }
    }
    if let Ok(recordings) = reader.finish() {
        describe(&recordings);
        let source = usual_source(&recordings, vec!["fuzz.csv".into()]);
        if let Ok(settings) = preset_for("auto", &recordings, source, &[]) {
            let _ = Splits::recorded(&recordings, &settings);
        }
    }
});
