//! Many runs that differ in some settings: which there are, and a table of what came of them.

mod plan;
mod table;

pub use plan::{Sweep, SweepError, SweepRun};
pub use table::{SweepRow, SweepState, SweepTable};
