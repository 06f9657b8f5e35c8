//! Images of a cart and its pole: places, mirror images, range, smoothness, and whether position and
//! angle can be told from them.

use dvbf_envs::{CartPoleImageSettings, CartPoleRenderer, Style};
use proptest::prelude::*;

fn renderer(style: Style, size: usize) -> CartPoleRenderer {
    let settings = CartPoleImageSettings { size, style, ..CartPoleImageSettings::default() };
    CartPoleRenderer::new(settings, 1.0).expect("valid settings")
}

fn draw(style: Style, size: usize, position: f64, angle: f64) -> Vec<f32> {
    let renderer = renderer(style, size);
    let mut image = vec![f32::NAN; renderer.pixels()];
    renderer.render(position, angle, &mut image);
    image
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Blob), Just(Style::Rod)]
}

#[test]
fn blobs_are_where_the_formula_has_them() {
    // 24 pixels show 4.8 m: a meter has 5 pixels, σ is 1.5, and the cart stands at pixel 16.5.
    let image = draw(Style::Blob, 24, 1.0, 0.5);
    let (tip_x, tip_y) = (16.5 + 5.0 * 0.5_f64.sin(), 11.5 - 5.0 * 0.5_f64.cos());
    for (i, j) in [(11_u8, 16_u8), (7, 19), (9, 17), (6, 14), (15, 21)] {
        let (y, x) = (f64::from(i), f64::from(j));
        let cart = (-(x - 16.5).powi(2) / 18.0 - (y - 11.5).powi(2) / 1.125).exp();
        let pole = (-((x - tip_x).powi(2) + (y - tip_y).powi(2)) / 4.5).exp();
        let expected = 1.0 - (1.0 - cart) * (1.0 - pole);
        let pixel = f64::from(image[usize::from(i) * 24 + usize::from(j)]);
        assert!((pixel - expected).abs() < 1e-6, "{i}, {j}: {pixel} against {expected}");
    }
}

#[test]
fn a_rod_covers_its_area() {
    // A cart of 16 × 4 pixels, and a rod of 4 pixels' width whose last part is beyond the cart.
    let image = draw(Style::Rod, 64, 0.0, 0.0);
    let lit: f64 = image.iter().map(|&p| f64::from(p)).sum();
    let rod = 64.0 / 4.8 - 2.0;
    // Its end is rounded.
    let expected = 16.0 * 4.0 + rod * 4.0 + std::f64::consts::PI * 2.0;
    assert!((lit / expected - 1.0).abs() < 0.05, "{lit} against {expected}");
}

proptest! {
    #[test]
    fn mirrored_carts_give_mirrored_images(
        style in styles(), x in -2.0..2.0_f64, angle in -4.0..4.0_f64, size in 2..20_usize,
    ) {
        let image = draw(style, size, x, angle);
        let across = draw(style, size, -x, -angle);
        for i in 0..size {
            for j in 0..size {
                prop_assert!((image[i * size + j] - across[i * size + size - 1 - j]).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn pixels_are_bounded_periodic_and_continuous(
        style in styles(), x in -2.0..2.0_f64, angle in -4.0..4.0_f64,
    ) {
        let image = draw(style, 16, x, angle);
        let round = draw(style, 16, x, angle + std::f64::consts::TAU);
        let near = draw(style, 16, x + 1e-4, angle + 1e-4);
        for ((&pixel, round), near) in image.iter().zip(round).zip(near) {
            prop_assert!((0.0..=1.0).contains(&pixel) && !pixel.is_subnormal());
            prop_assert!((pixel - round).abs() < 1e-5 && (pixel - near).abs() < 5e-3);
        }
    }

    /// No two configurations that differ look alike, also where the pole lies flat.
    #[test]
    fn configurations_can_be_told_apart(
        style in styles(), x in -1.2..1.2_f64, angle in -3.1..3.1_f64,
        x2 in -1.2..1.2_f64, angle2 in -3.1..3.1_f64,
    ) {
        let turned = ((angle - angle2) / 2.0).sin().abs();
        prop_assume!((x - x2).abs() > 0.1 || turned > 0.1);
        let (one, other) = (draw(style, 16, x, angle), draw(style, 16, x2, angle2));
        let square: f64 = one.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        prop_assert!(square > 0.01, "{} against {}, {}: {}", x, x2, angle - angle2, square);
    }
}

#[test]
fn a_flat_pole_has_its_cart_on_the_side_where_it_is() {
    let flat = std::f64::consts::FRAC_PI_2;
    for style in [Style::Blob, Style::Rod] {
        // The cart on the left with its tip on the right, and the other way round.
        let (one, other) = (draw(style, 16, -0.5, flat), draw(style, 16, 0.5, -flat));
        let square: f64 = one.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        assert!(square > 1.0, "{style:?}: {square}");
    }
}

#[test]
#[should_panic(expected = "size · size pixels")]
fn an_image_of_another_size_is_refused() {
    renderer(Style::Blob, 4).render(0.0, 0.0, &mut [0.0; 15]);
}
