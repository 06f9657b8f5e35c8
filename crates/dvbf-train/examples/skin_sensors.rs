//! How well the force on a simulated skin is told, over several sensors: without any training, those who know the
//! equations beside regressions on the readings.
//!
//! `cargo run --release -p dvbf-train --example skin_sensors -- FIRST COUNT`: each seed from `FIRST` on draws another
//! sensor and other contacts, temperatures and noise, as `--seed`, `data.seed` and `skin.sensor_seed` do in a run.

#![expect(clippy::print_stdout, reason = "figures are its output")]

use dvbf_envs::{Skin, SkinSettings, record};
use dvbf_train::pool::Pool;
use dvbf_train::skin::{
    ForceFigures, ForceMethod, Labels, Oracle, Trials, Unlabelled, figures, inverse_play, lagged,
    sum,
};
use std::collections::BTreeMap;
use std::time::Instant;

/// Unlabelled sequences of so many steps.
const UNLABELLED: (usize, usize) = (3, 2000);
const SECONDS: [f64; 4] = [5.0, 10.0, 20.0, 60.0];

/// Figures by method and seconds of labels.
type Table = BTreeMap<(&'static str, usize), Vec<ForceFigures>>;

fn main() {
    let number = |place: usize, other: u32| {
        std::env::args().nth(place).map_or(other, |text| text.parse().expect("a number"))
    };
    let (first, count) = (number(1, 0), number(2, 10));
    let pool = Pool::new(number(3, 1) as usize).expect("threads");
    let mut table = Table::new();
    for seed in first..first + count {
        let begun = Instant::now();
        sensor(seed, &pool, &mut table);
        println!("seed {seed}: {:.0} s", begun.elapsed().as_secs_f64());
        for ((name, place), all) in &table {
            let of = all.last().map(line).unwrap_or_default();
            println!("  {name:<13} {:>4} s  {of}", SECONDS[*place]);
        }
    }
    println!("median and worst RMSE, median of the others");
    for ((name, place), all) in &table {
        let median = ForceFigures {
            rmse_percent: median(all, |f| f.rmse_percent),
            hysteresis_percent: median(all, |f| f.hysteresis_percent),
            creep_percent: median(all, |f| f.creep_percent),
            drift_percent: median(all, |f| f.drift_percent),
            coverage90: median(all, |f| f.coverage90),
            delay_ms: median(all, |f| f.delay_ms),
        };
        let worst = all.iter().map(|f| f.rmse_percent).fold(0.0, f64::max);
        println!("  {name:<13} {:>4} s  {} worst {worst:.2}", SECONDS[*place], line(&median));
    }
}

/// Adds the figures of one sensor.
fn sensor(seed: u32, pool: &Pool, table: &mut Table) {
    let settings = SkinSettings { sensor_seed: seed, ..SkinSettings::default() };
    let skin = Skin::new(settings).expect("valid settings");
    let readings = record(&skin, UNLABELLED.0, UNLABELLED.1, u64::from(seed)).observations;
    // Other trajectories and another temperature than those without labels.
    let other = 2 * u64::from(seed) + 0x5_0000_0001;
    let labels = Labels::record(&skin, 60.0, other);
    let trials = Trials::record(&skin, other + 1);
    let grey = Unlabelled::fit(skin.settings(), readings, pool);
    for (place, &seconds) in SECONDS.iter().enumerate() {
        let labels = labels.first(seconds);
        let mut add = |name, method: Option<&dyn ForceMethod>| {
            let figures = method.map(|method| figures(method, &trials));
            table.entry((name, place)).or_default().extend(figures);
        };
        add("oracle", Some(&Oracle::new(&skin, &labels)));
        let known = grey.as_ref().and_then(|grey| grey.calibrate(&labels, pool));
        add("grey_box", known.as_ref().map(|known| known as &dyn ForceMethod));
        let regressions = [
            ("raw_sum", sum(&labels)),
            ("lagged_ridge", lagged(&labels)),
            ("inverse_play", inverse_play(&labels)),
        ];
        for (name, method) in &regressions {
            add(name, method.as_ref().map(|method| method as &dyn ForceMethod));
        }
    }
}

fn line(of: &ForceFigures) -> String {
    format!(
        "{:>6.2} % hysteresis {:>5.2} creep {:>5.2} drift {:>5.2} within 90 % {:>5.1}",
        of.rmse_percent,
        of.hysteresis_percent,
        of.creep_percent,
        of.drift_percent,
        100.0 * of.coverage90
    )
}

fn median(all: &[ForceFigures], of: impl Fn(&ForceFigures) -> f64) -> f64 {
    let mut values: Vec<f64> = all.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    f64::midpoint(low, high)
}
