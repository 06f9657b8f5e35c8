//! Held empowerment over ten steps with three latent dimensions, in blocks of rows: the linear
//! dynamics cost nearly nothing, so that what remains is the estimate itself.

use criterion::{Criterion, Throughput};
use dvbf_control::{
    Channel, ControlLimits, Cotangents, Empowerment, HeldGaussian, Inputs, Linearization,
    MeanDynamics, SequenceGaussian, StateScale,
};
use dvbf_tensor::{Noise, Scalar};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use std::hint::black_box;
use std::time::Duration;

const STATE: [[f64; 3]; 3] = [[0.9, 0.1, 0.0], [-0.1, 0.9, 0.2], [0.0, -0.2, 0.9]];
const CONTROL: [f64; 3] = [0.0, 0.1, 0.3];
const ROWS: usize = 256;

/// `z' = A z + b u`.
struct Linear;

impl<S: Scalar> MeanDynamics<S> for Linear {
    type Workspace = ();

    fn state_size(&self) -> usize {
        3
    }
    fn control_size(&self) -> usize {
        1
    }
    fn workspace(&self, _: usize) {}

    fn step(&self, at: Inputs<'_, S>, mut next: ArrayViewMut2<'_, S>, (): &mut ()) {
        let rows = at.states.rows().into_iter().zip(at.controls);
        for ((z, &u), mut next) in rows.zip(next.rows_mut()) {
            for i in 0..3 {
                let [a, b, c] = STATE[i].map(S::of);
                next[i] = a * z[0] + b * z[1] + c * z[2] + S::of(CONTROL[i]) * u;
            }
        }
    }

    fn linearize(&self, at: Inputs<'_, S>, out: Linearization<'_, S>, (): &mut ()) {
        let Linearization { next, mut state, mut control } = out;
        self.step(at, next, &mut ());
        for (i, row) in STATE.iter().enumerate() {
            control.slice_mut(ndarray::s![.., i, 0]).fill(S::of(CONTROL[i]));
            for (j, &entry) in row.iter().enumerate() {
                state.slice_mut(ndarray::s![.., i, j]).fill(S::of(entry));
            }
        }
    }

    fn pull_back(
        &self,
        _: Inputs<'_, S>,
        dnext: ArrayView2<'_, S>,
        mut out: Cotangents<'_, S>,
        (): &mut (),
    ) {
        for (n, d) in dnext.rows().into_iter().enumerate() {
            for (i, row) in STATE.iter().enumerate() {
                out.controls[[n, 0]] += S::of(CONTROL[i]) * d[i];
                for (j, &entry) in row.iter().enumerate() {
                    out.states[[n, j]] += S::of(entry) * d[i];
                }
            }
        }
    }
}

fn states<S: Scalar>() -> Array2<S> {
    let mut states = Array2::zeros((ROWS, 3));
    Noise::new(0, 0).normal(states.as_slice_mut().expect("a fresh array is contiguous"));
    states
}

fn channel<S: Scalar>() -> Channel<S> {
    let limits = ControlLimits::symmetric(&[S::of(2.0)]).expect("a possible limit");
    Channel::new(10, 0.1, limits, StateScale::identity(3)).expect("a possible channel")
}

fn bench<S: Scalar>(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    mut estimator: impl Empowerment<S>,
) {
    let (states, mut out) = (states::<S>(), vec![S::ZERO; ROWS]);
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            estimator.evaluate(black_box(states.view()), &mut out).expect("finite states");
            black_box(&out);
        });
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(15)
        .configure_from_args();
    let mut group = criterion.benchmark_group("empowerment");
    group.throughput(Throughput::Elements(ROWS as u64));
    let made = "possible settings";
    bench::<f32>(&mut group, "held f32", HeldGaussian::new(Linear, &channel(), ROWS).expect(made));
    bench::<f64>(&mut group, "held f64", HeldGaussian::new(Linear, &channel(), ROWS).expect(made));
    let sequence = SequenceGaussian::new(Linear, &channel(), ROWS).expect(made);
    bench::<f64>(&mut group, "sequence f64", sequence);
    group.finish();
    criterion.final_summary();
}
