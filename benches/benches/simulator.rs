//! The simulator: 1024 rollouts of the pendulum's model, on one core and on two.

use criterion::Criterion;
use dvbf_benches::{ROLLOUTS, Rollouts, STEPS, Table, median, sampled};
use std::time::Duration;

/// What is timed.
type Work = fn(&mut Rollouts);

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    let mut table = Table::new(&["1024 rollouts", "threads", "ns each", "million a second"]);
    let mut group = criterion.benchmark_group("simulator");
    let kinds: [(&str, usize, Work); 4] = [
        ("latent steps, 50 a call", STEPS, Rollouts::run),
        ("latent steps, one a call", 1, Rollouts::step),
        ("mean frames", 1, Rollouts::draw),
        ("frames with sensor noise", 1, Rollouts::sample),
    ];
    for threads in [1, 2] {
        let mut rollouts = Rollouts::new(threads);
        for (name, times, work) in kinds {
            let mut samples = Vec::new();
            group.bench_function(format!("{name}, {threads} threads"), |bencher| {
                sampled(bencher, &mut samples, || work(&mut rollouts));
            });
            if !samples.is_empty() {
                let each = median(&samples) / (times * ROLLOUTS) as f64;
                let (ns, rate) = (format!("{:.1}", each * 1e9), format!("{:.2}", 1e-6 / each));
                table.row(vec![name.to_owned(), threads.to_string(), ns, rate]);
            }
        }
    }
    group.finish();
    criterion.final_summary();
    table.print("pendulum preset: 16×16 pixels, H 128, Z 3, M 16");
}
