//! `ConvTransposed2d`: adjoint of a convolution, gradients, accumulation, independence of the rows.

#[path = "common/closeness.rs"]
mod closeness;
#[path = "common/drawn.rs"]
mod drawn;

use closeness::close;
use drawn::matrix;
use dvbf_gradcheck::{Tol, check_coordinates};
use dvbf_ops::{Conv2d, ConvTransposed2d, ImageSize, Linear, Params, Patches, Window};
use dvbf_tensor::Noise;
use ndarray::{Array1, Array2, ArrayView2, s};
use proptest::prelude::*;

/// A layer, images `x` without zeros and the weights `r` of the scalar loss `Σ r ⊙ y`.
#[derive(Clone, Debug)]
struct Case {
    layer: ConvTransposed2d<f64>,
    patches: Patches,
    x: Array2<f64>,
    r: Array2<f64>,
}

fn case() -> impl Strategy<Value = Case> {
    let sizes = (1..4_usize, 1..4_usize, 0..2_usize, 1..3_usize, 1..4_usize, 1..4_usize);
    (sizes, any::<bool>()).prop_flat_map(
        |((kernel, stride, padding, channels, inputs, rows), planes)| {
            let image = ImageSize { height: kernel + 2, width: kernel + 1, channels };
            let window = Window { kernel, stride, padding: padding.min(kernel - 1) };
            let patches = if planes {
                Patches::of_planes(image, window)
            } else {
                Patches::new(image, window)
            };
            let size = inputs * patches.values() + channels;
            (
                matrix(1, size),
                matrix(rows, patches.positions(inputs).values()),
                matrix(rows, image.values()),
            )
                .prop_map(move |(theta, x, r)| {
                    let mut layer =
                        ConvTransposed2d::random(patches, inputs, 1.0, Noise::new(0, 0));
                    layer.set_flat(&theta.into_raw_vec_and_offset().0);
                    Case { layer, patches, x, r }
                })
        },
    )
}

fn output(layer: &ConvTransposed2d<f64>, x: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut pack = layer.new_pack();
    layer.pack(&mut pack);
    let mut y = Array2::from_elem((x.nrows(), layer.output().values()), f64::NAN);
    layer.apply(x, y.view_mut(), &mut pack);
    y
}

/// `dx ⊙ [x > 0]`, and `dθ` pulled back `times` times onto buffers that hold `start`.
fn gradients(case: &Case, start: f64, times: usize) -> (Array2<f64>, Vec<f64>) {
    let Case { layer, x, r, .. } = case;
    let mut pack = layer.new_pack();
    layer.pack(&mut pack);
    let mut dx = Array2::from_elem(x.dim(), f64::NAN);
    layer.backward_rectified(r.view(), x.view(), dx.view_mut(), &mut pack);
    let mut grads = layer.clone();
    grads.set_flat(&vec![start; layer.count()]);
    for _ in 0..times {
        layer.backward_params(x.view(), r.view(), &mut pack, &mut grads);
    }
    (dx, grads.to_flat())
}

proptest! {
    /// `⟨convᵀ(x) − b, v⟩ = ⟨x, conv(v)⟩` with the same weights, as long as no rectifier acts.
    #[test]
    fn it_is_the_adjoint_of_the_convolution(case in case()) {
        let Case { layer, patches, x, r } = &case;
        let inputs = x.ncols() / patches.positions(1).pixels();
        // A bias so large that the rectifier of the convolution passes everything.
        let filters = Linear::new(layer.weight().to_owned(), Array1::from_elem(inputs, 1e3));
        let conv = Conv2d::new(filters, *patches);
        let mut pack = conv.new_pack();
        conv.pack(&mut pack);
        let mut y = Array2::zeros(x.dim());
        conv.apply_relu(r.view(), y.view_mut(), &mut pack);
        let forward: f64 = (output(layer, x.view()) * r).sum();
        let mut unbiased = layer.clone();
        let mut theta = unbiased.to_flat();
        let weights = theta.len() - patches.image().channels;
        theta[weights..].fill(0.0);
        unbiased.set_flat(&theta);
        let without: f64 = (output(&unbiased, x.view()) * r).sum();
        let backward = (y.mapv(|y| y - 1e3) * x).sum();
        prop_assert!((without - backward).abs() < 1e-9, "{without} is not {backward}");
        // The bias of a channel reaches each of its pixels once.
        let (channels, pixels) = (patches.image().channels, patches.image().pixels());
        let planes = *patches == Patches::of_planes(patches.image(), patches.window());
        let channel = |v: usize| if planes { v / pixels } else { v % channels };
        let bias: f64 = r
            .indexed_iter()
            .map(|((_, v), r)| r * layer.to_flat()[weights + channel(v)])
            .sum();
        prop_assert!((forward - without - bias).abs() < 1e-9);
    }

    #[test]
    fn gradients_match_differences(case in case()) {
        let (dx, dtheta) = gradients(&case, 0.0, 1);
        let Case { layer, x, r, .. } = &case;
        let at = |v: &[f64]| {
            let x = ArrayView2::from_shape(x.dim(), v).unwrap().mapv(|x| x.max(0.0));
            (output(layer, x.view()) * r).sum()
        };
        check_coordinates(at, x.as_slice().unwrap(), dx.as_slice().unwrap(), Tol::SMOOTH)?;
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
        let thrice: Vec<f64> = one.1.iter().map(|g| start + 3.0 * g).collect();
        close(&three.1, &thrice)?;
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
