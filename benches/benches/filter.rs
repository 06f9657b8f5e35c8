//! One step of the online filter on frames of 16×16 pixels, along the mean path and with sample
//! paths: with a frame, and with a dropped one.

use criterion::Criterion;
use dvbf_benches::{BLOCK, Size, Table, median, sampled};
use dvbf_core::{Dvbf, Filter, FilterOptions, Noise, Params, Path};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const DT: f64 = 0.1;

fn filter(options: FilterOptions) -> Filter {
    let settings = Size::named("a").expect("a size").settings(1, BLOCK);
    let config = settings.model.resolve(256, 1).expect("the settings are possible");
    let mut model = Dvbf::random(&config, Noise::new(0, 0)).expect("the settings are possible");
    // Untrained dynamics may grow; these contract, so that the state stays finite for any number of
    // steps.
    model.visit_mut(Path::ROOT, &mut |path, mut values| {
        if path.to_string().starts_with("transition.") {
            values.map_inplace(|v| *v *= 0.8);
        }
    });
    let filter = Filter::new(Arc::new(model), DT, options);
    let mut filter = filter.expect("the options are possible");
    let frame = frame();
    for _ in 0..config.initial_frames {
        filter.step(Some(&frame), &[0.1], DT).expect("a valid observation");
    }
    filter
}

fn frame() -> [f32; 256] {
    let mut frame = [0.0; 256];
    Noise::new(0, 1).uniform(&mut frame);
    frame
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    let mut table = Table::new(&["step of the filter", "µs"]);
    let mut group = criterion.benchmark_group("filter");
    let (mean, paths) = (FilterOptions::MEAN_PATH, FilterOptions::default());
    let silent = FilterOptions { predict_missing: false, ..paths };
    for (name, seen, options) in [
        ("frame", true, mean),
        ("dropped frame", false, mean),
        ("frame, 32 paths", true, paths),
        ("dropped frame, 32 paths", false, paths),
        ("dropped frame, 32 paths, not predicted", false, silent),
    ] {
        let mut samples = Vec::new();
        group.bench_function(name, |bencher| {
            let (mut filter, frame) = (filter(options), frame());
            sampled(bencher, &mut samples, || {
                let belief = filter.step(seen.then_some(&frame), black_box(&[0.1]), DT);
                black_box(belief.expect("a valid observation"));
            });
        });
        if !samples.is_empty() {
            table.row(vec![name.to_owned(), format!("{:.2}", median(&samples) * 1e6)]);
        }
    }
    group.finish();
    criterion.final_summary();
    table.print("one sequence, 16×16 pixels, H 128, Z 3, M 16");
}
