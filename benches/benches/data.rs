//! Recordings of the pendulum: the simulator alone, the renderer alone, and both with noise.

use criterion::{Criterion, Throughput};
use dvbf_benches::{Table, median, sampled};
use dvbf_envs::{ImageSettings, Pendulum, PendulumSettings, record};
use std::hint::black_box;
use std::time::Duration;

/// Frames of one call.
const FRAMES: usize = 1500;

type Work<'a> = Box<dyn FnMut() + 'a>;

fn pendulum(noise_std: f64) -> Pendulum {
    let image = ImageSettings { noise_std, ..ImageSettings::default() };
    let settings = PendulumSettings { image, ..PendulumSettings::default() };
    Pendulum::new(settings).expect("the settings are possible")
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(15)
        .configure_from_args();
    let mut table = Table::new(&["data", "frames/s"]);
    let (plain, noisy) = (pendulum(0.0), pendulum(0.1));
    let mut image = vec![0.0; plain.renderer().pixels()];
    let mut works: [(&str, Work<'_>); 4] = [
        (
            "simulate",
            Box::new(|| {
                let steps = 0..FRAMES;
                black_box(steps.fold(black_box([1.0, 0.0]), |state, _| plain.step(state, 0.5)));
            }),
        ),
        (
            "render",
            Box::new(|| {
                for frame in 0..FRAMES {
                    plain.renderer().render(frame as f64 * 0.01, &mut image);
                    black_box(&mut image);
                }
            }),
        ),
        ("record", Box::new(|| drop(black_box(record(&plain, FRAMES / 15, 15, 0))))),
        ("record with noise", Box::new(|| drop(black_box(record(&noisy, FRAMES / 15, 15, 0))))),
    ];
    let mut group = criterion.benchmark_group("data");
    group.throughput(Throughput::Elements(FRAMES as u64));
    for (name, work) in &mut works {
        let mut samples = Vec::new();
        group.bench_function(*name, |bencher| sampled(bencher, &mut samples, &mut *work));
        if !samples.is_empty() {
            let rate = FRAMES as f64 / median(&samples);
            table.row(vec![(*name).to_owned(), format!("{rate:.3e}")]);
        }
    }
    group.finish();
    criterion.final_summary();
    table.print("recordings of the pendulum, frames of 16×16 pixels");
}
