//! Known systems as if they were somebody's recordings: the automatic settings on all of them, beside linear
//! models.

mod catalog;
mod run;
mod table;

pub use catalog::{PLANTS, Plant};
pub use run::{PlantRow, SystemsRequest, compare_systems};
pub use table::systems_table;
