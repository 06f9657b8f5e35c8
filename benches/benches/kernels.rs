//! Matrix products of the shapes that training and filtering need, and elementwise functions.
//!
//! `cargo bench --bench kernels -- gemm` runs the products alone. Beside criterion's report stand
//! tables with the rate as a share of the peak that the same core reaches in chains of fused
//! multiply-adds.

use criterion::{BenchmarkId, Criterion, Throughput};
use dvbf_benches::{Table, median, peak, sampled};
use dvbf_ops::{Adam, Linear, RmsProp};
use dvbf_tensor::{
    Accum, Noise, PackedMatrix, exp, gemm, gemm_packed, ln, logistic, softmax_rows, softplus, tanh,
};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use std::time::Duration;

/// How the factors lie in memory; every array is in row-major order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As they are multiplied.
    Plain,
    /// The right factor transposed: weights of a layer.
    RightTransposed,
    /// The left factor transposed: the gradient of weights.
    LeftTransposed,
}
use Layout::{LeftTransposed, Plain, RightTransposed};

/// `(M, K, N)` of `(M, K) · (K, N)`.
const PRODUCTS: [((usize, usize, usize), Layout); 16] = [
    ((500, 256, 128), Plain),
    ((7500, 256, 128), Plain),
    ((7500, 128, 256), Plain),
    ((7500, 128, 256), RightTransposed),
    ((7500, 128, 128), Plain),
    ((7500, 128, 128), RightTransposed),
    ((500, 3, 128), Plain),
    ((500, 128, 16), Plain),
    ((500, 16, 12), Plain),
    ((128, 7500, 256), LeftTransposed),
    ((128, 500, 256), LeftTransposed),
    ((500, 128, 128), Plain),
    ((32, 128, 128), Plain),
    ((1, 256, 128), Plain),
    ((1, 128, 128), Plain),
    ((1024, 1024, 1024), Plain),
];

fn normal(rows: usize, columns: usize, stream: u64) -> Array2<f32> {
    let mut values = vec![0.0; rows * columns];
    Noise::new(0, stream).normal(&mut values);
    Array2::from_shape_vec((rows, columns), values).expect("as many values as entries")
}

struct Factors {
    left: Array2<f32>,
    right: Array2<f32>,
    layout: Layout,
    product: Array2<f32>,
}

impl Factors {
    fn new((m, k, n): (usize, usize, usize), layout: Layout) -> Self {
        let (left, right) = match layout {
            Plain => ((m, k), (k, n)),
            RightTransposed => ((m, k), (n, k)),
            LeftTransposed => ((k, m), (k, n)),
        };
        Self {
            left: normal(left.0, left.1, 1),
            right: normal(right.0, right.1, 2),
            layout,
            product: Array2::zeros((m, n)),
        }
    }

    fn split(&mut self) -> (ArrayViewMut2<'_, f32>, ArrayView2<'_, f32>, ArrayView2<'_, f32>) {
        let left = if self.layout == LeftTransposed { self.left.t() } else { self.left.view() };
        let right = if self.layout == RightTransposed { self.right.t() } else { self.right.view() };
        (self.product.view_mut(), left, right)
    }
}

fn products(criterion: &mut Criterion, table: &mut Table, peak: f64) {
    for packed in [false, true] {
        let name = if packed { "gemm packed" } else { "gemm" };
        let mut group = criterion.benchmark_group(name);
        for (dim @ (m, k, n), layout) in PRODUCTS {
            let suffix = match layout {
                Plain => "",
                RightTransposed => " NT",
                LeftTransposed => " TN",
            };
            let (shape, flops) = (format!("{m}x{k}x{n}{suffix}"), 2 * m * k * n);
            let mut samples = Vec::new();
            group.throughput(Throughput::Elements(flops as u64));
            group.bench_function(BenchmarkId::from_parameter(&shape), |bencher| {
                let mut factors = Factors::new(dim, layout);
                let (mut c, a, b) = factors.split();
                let mut panels = PackedMatrix::new();
                panels.pack(b);
                sampled(bencher, &mut samples, || {
                    if packed {
                        gemm_packed(Accum::Replace, c.view_mut(), a, &panels);
                    } else {
                        gemm(Accum::Replace, c.view_mut(), a, b);
                    }
                });
            });
            if !samples.is_empty() {
                let seconds = median(&samples);
                let rate = flops as f64 / seconds / 1e9;
                table.row(vec![
                    format!("{name} {shape}"),
                    format!("{:.2}", seconds * 1e6),
                    format!("{rate:.1}"),
                    format!("{:.1} %", 100.0 * rate / peak),
                ]);
            }
        }
        group.finish();
    }
}

/// Values of an elementwise pass: they stay in the first-level cache.
const VALUES: usize = 4096;

/// Elementwise functions on fresh values, so that the copy is a part of the time.
fn functions(criterion: &mut Criterion, table: &mut Table) {
    let mut any = vec![0.0_f32; VALUES];
    Noise::new(0, 3).normal(&mut any);
    let positive: Vec<f32> = any.iter().map(|v| v.abs() + 1e-3).collect();
    let mut out = any.clone();
    let mut time = |name: &str, work: &mut dyn FnMut(&mut [f32])| {
        let out = &mut out;
        elementwise(criterion, table, name, VALUES, &mut || work(out));
    };
    let functions = [exp, tanh, softplus, logistic];
    for (name, function) in ["exp", "tanh", "softplus", "logistic"].iter().zip(functions) {
        time(name, &mut |out| {
            out.copy_from_slice(&any);
            function(out);
        });
    }
    time("ln", &mut |out| {
        out.copy_from_slice(&positive);
        ln(out);
    });
    time("softmax of 16", &mut |out| {
        out.copy_from_slice(&any);
        let rows = ArrayViewMut2::from_shape((VALUES / 16, 16), out).expect("whole rows");
        softmax_rows(rows);
    });
    time("normal noise", &mut |out| Noise::new(0, 4).normal(out));
    time("uniform noise", &mut |out| Noise::new(0, 5).uniform(out));
}

/// Updates of a layer's parameters.
fn optimizers(criterion: &mut Criterion, table: &mut Table) {
    let mut layer = Linear::new(normal(128, 256, 6), Array1::zeros(128));
    let count = 128 * 256 + 128;
    let mut gradient = vec![0.0_f32; count];
    Noise::new(0, 7).normal(&mut gradient);
    let mut adam = Adam::new(count);
    elementwise(criterion, table, "Adam", count, &mut || {
        adam.update(&mut layer, &gradient, 1e-3, 1e-6);
    });
    let mut rmsprop = RmsProp::new(count, 0.9, 1e-4);
    elementwise(criterion, table, "RMSprop", count, &mut || {
        rmsprop.update(&mut layer, &gradient, 1e-3, 1e-6);
    });
}

fn elementwise(
    criterion: &mut Criterion,
    table: &mut Table,
    name: &str,
    count: usize,
    work: &mut dyn FnMut(),
) {
    let mut samples = Vec::new();
    let mut group = criterion.benchmark_group("elementwise");
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(name, |bencher| sampled(bencher, &mut samples, &mut *work));
    group.finish();
    if !samples.is_empty() {
        let rate = count as f64 / (median(&samples) * 1e9);
        table.row(vec![name.to_owned(), format!("{rate:.2}")]);
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(400))
        .sample_size(15)
        .nresamples(2_000)
        .configure_from_args();
    let before = peak(100);
    let mut gemms = Table::new(&["product", "µs", "GFLOP/s", "of the peak"]);
    products(&mut criterion, &mut gemms, before);
    let mut passes = Table::new(&["pass", "elements/ns"]);
    functions(&mut criterion, &mut passes);
    optimizers(&mut criterion, &mut passes);
    criterion.final_summary();
    gemms.print(&format!(
        "single-precision products; peak {before:.1} GFLOP/s before and {:.1} after",
        peak(100)
    ));
    passes.print("elementwise passes, single precision");
}
