//! Images: closed form, recovery of the angle, range, mirror symmetry, continuity.

use dvbf_envs::{ImageSettings, Renderer, Style};
use proptest::prelude::*;

fn draw(settings: &ImageSettings, angle: f64) -> Vec<f32> {
    let renderer = Renderer::new(settings.clone()).expect("valid settings");
    let mut image = vec![f32::NAN; renderer.pixels()];
    renderer.render(angle, &mut image);
    image
}

fn of(style: Style, size: usize) -> ImageSettings {
    ImageSettings { style, size, ..ImageSettings::default() }
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Blob), Just(Style::Rod)]
}

/// Angle of the center of mass, squared weights, seen from the center of the image.
fn centroid_angle(image: &[f32], size: usize) -> f64 {
    let center = (size as f64 - 1.0) / 2.0;
    let (mut x, mut y) = (0.0, 0.0);
    for (i, row) in image.chunks_exact(size).enumerate() {
        for (j, &pixel) in row.iter().enumerate() {
            let weight = f64::from(pixel).powi(2);
            x += weight * (j as f64 - center);
            y += weight * (i as f64 - center);
        }
    }
    x.atan2(y)
}

/// `|a − b|` on the circle.
fn apart(a: f64, b: f64) -> f64 {
    ((a - b).sin()).atan2((a - b).cos()).abs()
}

#[test]
fn default_lengths_grow_with_the_image() {
    let small = of(Style::Blob, 16).resolved();
    assert_eq!((small.radius, small.blob_std), (Some(5.0), Some(1.0)));
    let large = of(Style::Rod, 64).resolved();
    assert_eq!((large.radius, large.rod_half_width), (Some(20.0), Some(3.0)));
    let fixed = ImageSettings { radius: Some(2.0), ..of(Style::Blob, 64) }.resolved();
    assert_eq!(fixed.radius, Some(2.0));
}

#[test]
fn a_blob_on_a_pixel_has_peak_one() {
    // Center 8, radius 17 · 5/16: moved onto a pixel by hand.
    let settings = ImageSettings { radius: Some(5.0), ..of(Style::Blob, 17) };
    let image = draw(&settings, std::f64::consts::FRAC_PI_2);
    assert!((image[8 * 17 + 13] - 1.0).abs() < 1e-6);
    assert!(image.iter().all(|&pixel| pixel <= 1.0));
}

#[test]
fn a_rod_covers_its_area() {
    let settings =
        ImageSettings { radius: Some(24.0), rod_half_width: Some(3.0), ..of(Style::Rod, 64) };
    // A stadium of length 24 and half-width 3.
    let area = 24.0 * 6.0 + std::f64::consts::PI * 9.0;
    for angle in [0.0, 0.4, 1.0, 2.3, -2.9] {
        let drawn: f64 = draw(&settings, angle).iter().map(|&pixel| f64::from(pixel)).sum();
        assert!((drawn / area - 1.0).abs() < 0.01, "{drawn} against {area} at {angle}");
    }
}

#[test]
fn no_pixel_is_subnormal() {
    for angle in [0.0, 0.8, 2.0, -3.0] {
        let image = draw(&of(Style::Blob, 16), angle);
        assert!(image.iter().all(|&pixel| pixel == 0.0 || pixel.is_normal()));
    }
}

#[test]
#[should_panic(expected = "size · size pixels")]
fn images_of_the_wrong_size_panic() {
    Renderer::new(of(Style::Blob, 4)).unwrap().render(0.0, &mut [0.0; 15]);
}

proptest! {
    #[test]
    fn a_blob_is_a_gaussian(
        size in 1..24_usize, angle in -7.0..7.0_f64, r in 0.0..8.0_f64, std in 0.3..3.0_f64,
    ) {
        let settings = ImageSettings {
            radius: Some(r),
            blob_std: Some(std),
            ..of(Style::Blob, size)
        };
        let center = (size as f64 - 1.0) / 2.0;
        let (x, y) = (center + r * angle.sin(), center + r * angle.cos());
        for (k, &pixel) in draw(&settings, angle).iter().enumerate() {
            let (dx, dy) = ((k % size) as f64 - x, (k / size) as f64 - y);
            let exact = (-(dx * dx + dy * dy) / (2.0 * std * std)).exp();
            prop_assert!((f64::from(pixel) - exact).abs() < 1e-7, "pixel {}: {}", k, pixel);
        }
    }

    /// A blob is smooth on the scale of a pixel; a thin rod is not, and its pixels betray the grid.
    #[test]
    fn the_centroid_shows_the_angle(
        size in 16..40_usize, angle in -9.0..9.0_f64, style in styles(),
    ) {
        let tolerance = if style == Style::Blob { 0.001 } else { 0.05 };
        let seen = centroid_angle(&draw(&of(style, size), angle), size);
        prop_assert!(apart(seen, angle) < tolerance, "{} instead of {}", seen, angle);
    }

    #[test]
    fn pixels_lie_between_zero_and_one(
        size in 1..40_usize, angle in -9.0..9.0_f64, style in styles(),
    ) {
        let image = draw(&of(style, size), angle);
        prop_assert!(image.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    }

    #[test]
    fn mirrored_angles_give_mirrored_images(
        size in 1..24_usize, angle in -4.0..4.0_f64, style in styles(),
    ) {
        let (left, right) = (draw(&of(style, size), -angle), draw(&of(style, size), angle));
        for (left, right) in left.chunks_exact(size).zip(right.chunks_exact(size)) {
            for (a, b) in left.iter().zip(right.iter().rev()) {
                prop_assert!((a - b).abs() < 1e-6);
            }
        }
    }

    /// The tip moves by at most `r Δθ`, so a rod's pixels do as well; a blob's gradient is at most
    /// `e^(−½) / σ`.
    #[test]
    fn images_are_continuous_in_the_angle(
        size in 4..32_usize, angle in -4.0..4.0_f64, turn in 0.0..0.05_f64, style in styles(),
    ) {
        let settings = of(style, size);
        let resolved = settings.resolved();
        let (radius, std) = (resolved.radius.unwrap(), resolved.blob_std.unwrap());
        let slope = if style == Style::Rod { 1.0 } else { (-0.5_f64).exp() / std };
        let limit = radius * turn * slope + 1e-6;
        for (a, b) in draw(&settings, angle).iter().zip(&draw(&settings, angle + turn)) {
            prop_assert!(f64::from((a - b).abs()) <= limit, "{} to {}, limit {}", a, b, limit);
        }
    }
}
