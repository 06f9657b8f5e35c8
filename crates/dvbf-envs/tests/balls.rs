//! Images of balls: closed form, place and mirror symmetry, range, order of balls, smoothness.

use dvbf_envs::{Ball, BallImageSettings, BallRenderer, BallStyle};
use proptest::prelude::*;

fn draw(style: BallStyle, size: usize, balls: &[Ball]) -> Vec<f32> {
    let settings = BallImageSettings { size, style, noise_std: 0.0 };
    let renderer = BallRenderer::new(settings).expect("valid settings");
    let mut image = vec![f32::NAN; renderer.pixels()];
    renderer.render(balls, &mut image);
    image
}

fn ball(x: f64, y: f64, radius: f64) -> Ball {
    Ball { center: [x, y], radius }
}

fn styles() -> impl Strategy<Value = BallStyle> {
    prop_oneof![Just(BallStyle::Blob), Just(BallStyle::Disc)]
}

/// The center of brightness in meters, `x` to the right and `y` up.
fn centroid(image: &[f32], size: usize) -> [f64; 2] {
    let (mut x, mut y, mut sum) = (0.0, 0.0, 0.0);
    for (i, row) in image.chunks_exact(size).enumerate() {
        for (j, &pixel) in row.iter().enumerate() {
            let weight = f64::from(pixel);
            x += weight * ((2 * j + 1) as f64 / size as f64 - 1.0);
            y += weight * (1.0 - (2 * i + 1) as f64 / size as f64);
            sum += weight;
        }
    }
    [x / sum, y / sum]
}

#[test]
fn a_blob_is_a_bell() {
    // 10 pixels of 0.2 m: the ball's center is that of pixel (4, 5), its blob has σ = R/2 = 1 pixel.
    let image = draw(BallStyle::Blob, 10, &[ball(0.1, 0.1, 0.4)]);
    for (at, square) in [((4, 5), 0.0), ((4, 6), 1.0), ((5, 4), 2.0), ((1, 9), 25.0)] {
        let expected = (-0.5_f64 * square).exp();
        let pixel = f64::from(image[at.0 * 10 + at.1]);
        assert!((pixel - expected).abs() < 1e-6, "{at:?}: {pixel} against {expected}");
    }
}

#[test]
fn a_disc_covers_its_area() {
    for radius in [0.1, 0.25, 0.4] {
        let image = draw(BallStyle::Disc, 64, &[ball(0.13, -0.21, radius)]);
        let area = image.iter().map(|&p| f64::from(p)).sum::<f64>() / 32.0_f64.powi(2);
        let expected = std::f64::consts::PI * radius * radius;
        assert!((area / expected - 1.0).abs() < 0.03, "{area} against {expected}");
    }
}

proptest! {
    #[test]
    fn the_image_is_where_the_ball_is(
        style in styles(), x in -0.5..0.5_f64, y in -0.5..0.5_f64, radius in 0.2..0.3_f64,
    ) {
        let image = draw(style, 24, &[ball(x, y, radius)]);
        let [cx, cy] = centroid(&image, 24);
        prop_assert!((cx - x).hypot(cy - y) < 0.01, "{} {} against {} {}", cx, cy, x, y);
    }

    #[test]
    fn mirrored_balls_give_mirrored_images(
        style in styles(), x in -1.0..1.0_f64, y in -1.0..1.0_f64, size in 2..20_usize,
    ) {
        let image = draw(style, size, &[ball(x, y, 0.2)]);
        let (across, over) = (draw(style, size, &[ball(-x, y, 0.2)]), draw(style, size, &[ball(x, -y, 0.2)]));
        for i in 0..size {
            for j in 0..size {
                let pixel = image[i * size + j];
                prop_assert!((pixel - across[i * size + size - 1 - j]).abs() < 1e-5);
                prop_assert!((pixel - over[(size - 1 - i) * size + j]).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn balls_add_up_within_the_range_in_any_order(
        style in styles(), at in [-1.5..1.5_f64, -1.5..1.5_f64], to in [-1.5..1.5_f64, -1.5..1.5_f64],
    ) {
        let (first, second) = (ball(at[0], at[1], 0.3), ball(to[0], to[1], 0.5));
        let both = draw(style, 12, &[first, second]);
        let alone = draw(style, 12, &[first]);
        let swapped = draw(style, 12, &[second, first]);
        for ((&pixel, &alone), &swapped) in both.iter().zip(&alone).zip(&swapped) {
            prop_assert!((0.0..=1.0).contains(&pixel) && !pixel.is_subnormal());
            prop_assert!(pixel >= alone - 1e-6 && (pixel - swapped).abs() < 1e-6);
        }
    }

    /// A motion of a thousandth of a pixel changes no pixel by more than it must.
    #[test]
    fn images_are_continuous(style in styles(), x in -1.0..1.0_f64, y in -1.0..1.0_f64) {
        let near = draw(style, 16, &[ball(x + 1.25e-4, y, 0.2)]);
        for (a, b) in near.iter().zip(draw(style, 16, &[ball(x, y, 0.2)])) {
            prop_assert!((a - b).abs() < 2e-3);
        }
    }
}

#[test]
fn no_ball_is_dark() {
    assert!(draw(BallStyle::Disc, 4, &[]).iter().all(|&p| p == 0.0));
}
