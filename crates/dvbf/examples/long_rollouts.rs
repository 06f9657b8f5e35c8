//! How long rollouts of a learned model stay inside of the range of its training.
//!
//! ```text
//! cargo xtask train pendulum --seed 0
//! cargo run --release -p dvbf --example long_rollouts -- runs/pendulum-seed0
//! ```
//!
//! One rollout for each test sequence, under its controls and under larger ones, from the prior.

#![expect(clippy::print_stdout, reason = "an example speaks to its terminal")]

use dvbf::data::{Set, Supply};
use dvbf::eval::training_range;
use dvbf::pool::Pool;
use dvbf::run::RunFolder;
use dvbf_core::{SimulatedModel, Simulator, SimulatorOptions};
use ndarray::{ArrayView1, ArrayViewMut1, Axis};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Steps after which a line is printed.
const SHOWN: [usize; 5] = [1, 15, 30, 60, 99];

fn main() -> Result<(), Box<dyn Error>> {
    let run = std::env::args().nth(1).ok_or("usage: long_rollouts RUN")?;
    let folder = RunFolder::open(Path::new(&run))?;
    let settings = folder.settings()?;
    let supply = Supply::open(&settings)?;
    let mut source = SimulatedModel::load(folder.best_path()?)?;
    if source.range.is_none() {
        // The run was made before model files had it.
        let train = supply.sequences(Set::Train);
        let (steps, pool) = (settings.data.steps, Pool::new(1)?);
        source.range =
            training_range(&source.model, train, steps, settings.seed, &pool).map(Arc::new);
    }
    let test = supply.sequences(Set::TestLong).all();
    let (count, steps, _) = test.controls.dim();
    println!("{count} rollouts from the prior under the controls of the test sequences\n");
    println!(
        "| controls | after steps | inside now | never left | departure, median of those outside | largest |"
    );
    println!("|---|---|---|---|---|---|");
    for factor in [1.0_f32, 2.0, 4.0] {
        let options = SimulatorOptions::default();
        let mut simulator = Simulator::new(&source, 0..count as u64, options)?;
        for t in 0..steps - 1 {
            let mut controls = test.controls.index_axis(Axis(1), t).to_owned();
            if let Some(units) = &source.units {
                // Data sets are in the units of the model, a simulator takes those of the recordings.
                let restore = |mut row: ArrayViewMut1<'_, f32>| {
                    let mut values = row.to_vec();
                    units.control.restore(&mut values);
                    row.assign(&ArrayView1::from(&values));
                };
                controls.rows_mut().into_iter().for_each(restore);
            }
            simulator.step((controls * factor).view())?;
            if !SHOWN.contains(&(t + 1)) {
                continue;
            }
            let departures = simulator.departures().ok_or("a training range")?;
            let mut outside: Vec<f32> = departures.iter().copied().filter(|d| *d > 0.0).collect();
            outside.sort_by(f32::total_cmp);
            let never = (0..count).filter(|row| simulator.left_after(*row).is_none()).count();
            let share = |n: usize| 100.0 * n as f64 / count as f64;
            println!(
                "| × {factor} | {} | {:.1} % | {:.1} % | {:.3} | {:.2} |",
                t + 1,
                share(count - outside.len()),
                share(never),
                outside.get(outside.len() / 2).copied().unwrap_or(0.0),
                outside.last().copied().unwrap_or(0.0),
            );
        }
    }
    Ok(())
}
