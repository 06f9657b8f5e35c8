//! Colors of a value: a cyclic scale for angles, a sequential one for numbers on the line.
//!
//! Both are curves in `OKLCH`, the polar form of Oklab, where equal steps look equal: lightness
//! `L`, chroma `C`, hue `h`. Oklab to linear sRGB is the inverse published by its author, Björn
//! Ottosson ("A perceptual color space for image processing", 2020).

use std::f64::consts::TAU;

/// Red, green and blue.
pub type Rgb = [u8; 3];

/// A color scale over `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Palette {
    /// Begins and ends with the same color.
    Cyclic,
    /// From dark to bright.
    Sequential,
}

impl Palette {
    /// The color at `at`, which is clamped to `[0, 1]`; gray if it is not a number.
    pub(super) fn color(self, at: f64) -> Rgb {
        if at.is_nan() {
            return [150, 150, 150];
        }
        let at = at.clamp(0.0, 1.0);
        match self {
            // Lightness goes once up and down, from blue to yellow, the darkest and the brightest
            // of full hues, so that the scale can be read without hue as well.
            Self::Cyclic => oklch(0.64 - 0.15 * (TAU * at).cos(), 0.15, TAU * (at - 0.25)),
            Self::Sequential => oklch(0.32 + 0.54 * at, 0.13, (300.0 - 205.0 * at).to_radians()),
        }
    }

    /// The scale as plotly.js takes it: `[[0, "#…"], …, [1, "#…"]]`.
    pub(super) fn stops(self) -> serde_json::Value {
        const COUNT: usize = 24;
        let stop = |i: usize| {
            let at = i as f64 / COUNT as f64;
            serde_json::json!([at, hex(self.color(at))])
        };
        (0..=COUNT).map(stop).collect()
    }
}

/// The color of a pair of values in `[0, 1]`: hue by the first, lightness by the second.
pub(super) fn field(across: f64, up: f64) -> Rgb {
    oklch(0.42 + 0.4 * up, 0.13, (265.0 - 215.0 * across).to_radians())
}

/// `#rrggbb`.
pub(super) fn hex([r, g, b]: Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// `color` faded towards white; `weight` of it remains.
pub(super) fn fade(color: Rgb, weight: f64) -> Rgb {
    color.map(|c| byte((f64::from(c) * weight + 255.0 * (1.0 - weight)) / 255.0))
}

/// A number in `[0, 1]` as a byte, clamped; zero if it is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of a byte"
)]
pub(super) fn byte(value: f64) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

fn oklch(lightness: f64, chroma: f64, hue: f64) -> Rgb {
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    let linear = [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701 * s,
    ];
    linear
        .map(|c| byte(if c <= 0.003_130_8 { 12.92 * c } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colors_come_out() {
        assert_eq!(oklch(1.0, 0.0, 0.0), [255, 255, 255]);
        assert_eq!(oklch(0.0, 0.0, 0.0), [0, 0, 0]);
        // The coordinates of pure red that the author of the space gives.
        let red = oklch(0.627_955, 0.257_683, 29.233_88_f64.to_radians());
        assert_eq!(red, [255, 0, 0]);
    }

    #[test]
    fn a_cycle_closes_and_a_sequence_brightens() {
        assert_eq!(Palette::Cyclic.color(0.0), Palette::Cyclic.color(1.0));
        let luma = |at: f64| {
            let [r, g, b] = Palette::Sequential.color(at).map(f64::from);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let lumas: Vec<f64> = (0..=20).map(|i| luma(f64::from(i) / 20.0)).collect();
        assert!(lumas.windows(2).all(|pair| pair[0] < pair[1]), "{lumas:?}");
    }

    #[test]
    fn what_is_no_number_has_a_color_too() {
        assert_eq!(Palette::Cyclic.color(f64::NAN), [150, 150, 150]);
        assert_eq!(Palette::Sequential.color(9.0), Palette::Sequential.color(1.0));
    }
}
