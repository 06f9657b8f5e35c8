//! Development commands: `check`, `tidy`; everything else is handed to the release binary.
fn main() {}
