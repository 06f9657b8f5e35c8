//! `Conv2d`: the equation, both gradients, accumulation, independence of the rows, contracts.

#[path = "common/closeness.rs"]
mod closeness;
#[path = "common/drawn.rs"]
mod drawn;

use closeness::close;
use drawn::matrix;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Conv2d, ImageSize, Linear, Params, Patches, Window};
use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

/// A layer, images `x`, and the weights `r` of the scalar loss `Σ r ⊙ y`.
#[derive(Clone, Debug)]
struct Case {
    layer: Conv2d<f64>,
    x: Array2<f64>,
    r: Array2<f64>,
}

fn case() -> impl Strategy<Value = Case> {
    (1..4_usize, 1..4_usize, 0..2_usize, 1..3_usize, 1..4_usize, 1..4_usize).prop_flat_map(
        |(kernel, stride, padding, channels, filters, rows)| {
            let image = ImageSize { height: kernel + 2, width: kernel + 1, channels };
            let window = Window { kernel, stride, padding: padding.min(kernel - 1) };
            let patches = Patches::new(image, window);
            let outputs = patches.positions(filters).values();
            (
                matrix(filters, patches.values()),
                matrix(1, filters),
                matrix(rows, image.values()),
                matrix(rows, outputs),
            )
                .prop_map(move |(weight, bias, x, r)| {
                    let filters = Linear::new(weight, bias.row(0).to_owned());
                    Case { layer: Conv2d::new(filters, patches), x, r }
                })
        },
    )
}

fn output(layer: &Conv2d<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut pack = layer.new_pack();
    layer.pack(&mut pack);
    let mut y = Array2::from_elem((x.nrows(), layer.output().values()), f64::NAN);
    layer.apply_relu(x, y.view_mut(), &mut pack);
    y
}

/// `dx` and `dθ` of the loss, pulled back `times` times onto buffers that hold `start`.
fn gradients(case: &Case, start: f64, times: usize) -> (Vec<f64>, Vec<f64>) {
    let Case { layer, x, r } = case;
    let mut pack = layer.new_pack();
    layer.pack(&mut pack);
    let da = output(layer, x.view()).mapv(|y| if y > 0.0 { 1.0 } else { 0.0 }) * r;
    let mut dx = Array2::from_elem(x.dim(), start);
    let mut grads = layer.clone();
    grads.set_flat(&vec![start; layer.count()]);
    for _ in 0..times {
        layer.backward_input(da.view(), dx.view_mut(), &mut pack);
        layer.backward_params(x.view(), da.view(), &mut pack, &mut grads);
    }
    (dx.into_iter().collect(), grads.to_flat())
}

/// The definition, one output at a time.
fn naive(case: &Case) -> Array2<f64> {
    let Case { layer, x, .. } = case;
    let (image, size) = (layer.input(), layer.output());
    let (weight, window) = (layer.filters().weight(), layer.window());
    let kernel = window.kernel;
    Array2::from_shape_fn((x.nrows(), size.values()), |(n, value)| {
        let (position, o) = (value / size.channels, value % size.channels);
        let (i, j) = (position / size.width, position % size.width);
        let mut sum = layer.filters().bias()[o];
        for (a, b, c) in window_values(kernel, image.channels) {
            let y = (i * window.stride + a).wrapping_sub(window.padding);
            let z = (j * window.stride + b).wrapping_sub(window.padding);
            if y < image.height && z < image.width {
                sum += weight[[o, (a * kernel + b) * image.channels + c]]
                    * x[[n, (y * image.width + z) * image.channels + c]];
            }
        }
        sum.max(0.0)
    })
}

fn window_values(kernel: usize, channels: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..kernel)
        .flat_map(move |a| (0..kernel).flat_map(move |b| (0..channels).map(move |c| (a, b, c))))
}

proptest! {
    #[test]
    fn forward_is_the_definition(case in case()) {
        let y = output(&case.layer, case.x.view());
        close(y.as_slice().unwrap(), naive(&case).as_slice().unwrap())?;
    }

    #[test]
    fn gradients_match_differences(case in case()) {
        let (dx, dtheta) = gradients(&case, 0.0, 1);
        let Case { layer, x, r } = &case;
        let at = |v: &[f64]| (output(layer, ArrayView2::from_shape(x.dim(), v).unwrap()) * r).sum();
        check_coordinates(at, x.as_slice().unwrap(), &dx, Tol::SMOOTH)?;
        let mut moved = layer.clone();
        let at = |theta: &[f64]| {
            moved.set_flat(theta);
            (output(&moved, x.view()) * r).sum()
        };
        check_coordinates(at, &layer.to_flat(), &dtheta, Tol::SMOOTH)?;
    }

    #[test]
    fn backward_accumulates(case in case(), start in -2.0..2.0) {
        let (one, three) = (gradients(&case, 0.0, 1), gradients(&case, start, 3));
        let thrice = |one: &[f64]| one.iter().map(|g| start + 3.0 * g).collect::<Vec<_>>();
        close(&three.0, &thrice(&one.0))?;
        close(&three.1, &thrice(&one.1))?;
    }

    #[test]
    fn single_images_agree_bitwise(case in case()) {
        let whole = output(&case.layer, case.x.view());
        for n in 0..case.x.nrows() {
            let one = output(&case.layer, case.x.slice(s![n..=n, ..]));
            prop_assert_eq!(one, whole.slice(s![n..=n, ..]));
        }
    }
}

#[test]
#[should_panic(expected = "values of a filter against those of a patch")]
fn filters_of_another_size_panic() {
    let image = ImageSize { height: 4, width: 4, channels: 1 };
    let patches = Patches::new(image, Window { kernel: 2, stride: 2, padding: 0 });
    Conv2d::new(Linear::<f64>::zeros(5, 3), patches);
}
