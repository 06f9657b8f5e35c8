//! Patches: where every value comes from, the adjoint, contracts.

#[path = "common/closeness.rs"]
mod closeness;
#[path = "common/drawn.rs"]
mod drawn;

use closeness::close;
use drawn::matrix;
use dvbf_ops::{ImageSize, Patches, Window};
use ndarray::Array2;
use proptest::prelude::*;

fn patches() -> impl Strategy<Value = Patches> {
    let sizes = (1..5_usize, 1..4_usize, 0..3_usize, 0..5_usize, 0..5_usize, 1..3_usize);
    (sizes, any::<bool>()).prop_map(|((kernel, stride, padding, tall, wide, channels), planes)| {
        let image = ImageSize { height: kernel + tall, width: kernel + wide, channels };
        let window = Window { kernel, stride, padding: padding.min(kernel - 1) };
        if planes { Patches::of_planes(image, window) } else { Patches::new(image, window) }
    })
}

fn gathered(patches: &Patches, image: &[f64]) -> Array2<f64> {
    let mut all = Array2::from_elem((patches.positions(1).pixels(), patches.values()), f64::NAN);
    patches.gather(image, all.view_mut());
    all
}

proptest! {
    #[test]
    fn every_value_is_that_of_its_pixel(patches in patches()) {
        let size = patches.image();
        let image: Vec<f64> = (1..=size.values()).map(|v| v as f64).collect();
        let (all, positions) = (gathered(&patches, &image), patches.positions(1));
        let Window { kernel, stride, padding } = patches.window();
        for ((p, v), found) in all.indexed_iter() {
            let planes = patches == Patches::of_planes(size, patches.window());
            let (a, b, c) = if planes {
                (v / kernel % kernel, v % kernel, v / kernel / kernel)
            } else {
                (v / size.channels / kernel, v / size.channels % kernel, v % size.channels)
            };
            let y = (p / positions.width * stride + a).checked_sub(padding);
            let x = (p % positions.width * stride + b).checked_sub(padding);
            let right = match (y, x) {
                (Some(y), Some(x)) if y < size.height && x < size.width =>
                    if planes {
                        image[(c * size.height + y) * size.width + x]
                    } else {
                        image[(y * size.width + x) * size.channels + c]
                    },
                _ => 0.0,
            };
            prop_assert!((found - right).abs() < 1e-15);
        }
    }

    #[test]
    fn scattering_is_the_adjoint_of_gathering(
        (patches, image, weight) in patches().prop_flat_map(|p| {
            let image = matrix(1, p.image().values());
            (Just(p), image, matrix(p.positions(1).pixels(), p.values()))
        })
    ) {
        let forward = (gathered(&patches, image.as_slice().unwrap()) * &weight).sum();
        let mut back = vec![0.5; patches.image().values()];
        patches.scatter(weight.view(), &mut back);
        let backward: f64 = back.iter().zip(&image).map(|(b, x)| (b - 0.5) * x).sum();
        close(&[backward], &[forward])?;
    }
}

const IMAGE: ImageSize = ImageSize { height: 3, width: 4, channels: 2 };

#[test]
fn positions_are_counted_as_in_the_definition() {
    let patches = Patches::new(
        ImageSize { height: 64, width: 50, channels: 3 },
        Window { kernel: 4, stride: 2, padding: 1 },
    );
    assert_eq!(patches.positions(8), ImageSize { height: 32, width: 25, channels: 8 });
    assert_eq!(patches.values(), 48);
}

#[test]
#[should_panic(expected = "a stride of zero")]
fn stride_of_zero_panics() {
    Patches::new(IMAGE, Window { kernel: 2, stride: 0, padding: 0 });
}

#[test]
#[should_panic(expected = "padding 2 against a window of 2")]
fn wide_padding_panics() {
    Patches::new(IMAGE, Window { kernel: 2, stride: 1, padding: 2 });
}

#[test]
#[should_panic(expected = "a window of 6 pixels")]
fn large_window_panics() {
    Patches::new(IMAGE, Window { kernel: 6, stride: 1, padding: 1 });
}

#[test]
#[should_panic(expected = "values of the image")]
fn image_of_another_size_panics() {
    let patches = Patches::new(IMAGE, Window { kernel: 2, stride: 1, padding: 0 });
    patches.gather(&[0.0; 23], Array2::<f64>::zeros((6, 8)).view_mut());
}

#[test]
#[should_panic(expected = "patches against")]
fn patches_of_another_size_panic() {
    let patches = Patches::new(IMAGE, Window { kernel: 2, stride: 1, padding: 0 });
    patches.scatter(Array2::<f64>::zeros((6, 9)).view(), &mut [0.0; 24]);
}
