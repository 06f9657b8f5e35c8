//! The report of a run: what it shows, that it needs nothing else, and what happens to broken runs.

mod balls;
mod broken;
mod page;
mod run;
