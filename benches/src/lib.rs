//! Shared pieces of the cross-crate benches: the peak of a core, the operations of a training
//! step, the sizes and the simulator that are compared with other systems, and a table at the end.

mod flops;
mod peak;
mod rollouts;
mod sizes;
mod table;
mod turns;

pub use flops::StepShape;
pub use peak::peak;
pub use rollouts::{ROLLOUTS, Rollouts, STEPS};
pub use sizes::{BLOCK, SIZES, Size};
pub use table::{Table, median, sampled};
pub use turns::{Times, positive, seconds, take_turns};
