//! A whole training step: noise, forward and backward pass, clipping, Adam.
//!
//! The sizes are those that `cargo xtask bench-peers` compares with other systems. The table gives
//! the rate of the counted matrix products; two threads are held against the peak of two cores.

use criterion::{BenchmarkId, Criterion, Throughput};
use dvbf::pool::Pool;
use dvbf::train::Trainer;
use dvbf_benches::{BLOCK, SIZES, Table, median, peak, sampled};
use std::time::Duration;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .sample_size(10)
        .nresamples(2_000)
        .configure_from_args();
    let before = peak(100);
    let mut table = Table::new(&["step", "threads", "ms", "GFLOP", "GFLOP/s", "of the peak"]);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut group = criterion.benchmark_group("train_step");
    for size in SIZES {
        for threads in [1, 2].into_iter().filter(|&threads| threads <= cores) {
            let (flops, mut samples) = (size.shape().flops(), Vec::new());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number below 2⁶³"
            )]
            group.throughput(Throughput::Elements(flops as u64));
            group.bench_function(BenchmarkId::new(size.name, threads), |bencher| {
                let data = size.recordings();
                let mut trainer = Trainer::new(&size.settings(threads, BLOCK), &data, 0)
                    .expect("the settings are possible");
                let pool = Pool::new(threads).expect("the system has threads");
                sampled(bencher, &mut samples, || {
                    trainer.step(&data, &pool).expect("the gradient is finite");
                });
            });
            if !samples.is_empty() {
                let seconds = median(&samples);
                let rate = flops / seconds / 1e9;
                table.row(vec![
                    size.name.to_owned(),
                    threads.to_string(),
                    format!("{:.3}", seconds * 1e3),
                    format!("{:.3}", flops / 1e9),
                    format!("{rate:.1}"),
                    format!("{:.1} %", 100.0 * rate / (before * threads as f64)),
                ]);
            }
        }
    }
    group.finish();
    criterion.final_summary();
    table.print(&format!(
        "training steps, blocks of at most {BLOCK} sequences; peak of a core {before:.1} GFLOP/s \
         before and {:.1} after",
        peak(100)
    ));
}
