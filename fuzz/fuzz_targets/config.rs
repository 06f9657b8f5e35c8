//! Configuration files and overrides: what is accepted survives its own file.

#![no_main]

use dvbf::settings::{Settings, apply_override, preset};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(settings) = Settings::from_toml(text) {
        let again = Settings::from_toml(&settings.to_toml()).expect("it was accepted");
        assert_eq!(again, settings);
    }
    let base = preset("smoke").expect("it exists");
    for line in text.lines().take(4) {
        if let Ok(changed) = apply_override(&base, line) {
            let _ = changed.validate();
        }
    }
});
