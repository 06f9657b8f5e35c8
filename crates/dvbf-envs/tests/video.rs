//! The color video: background, rod, shadow, what moves, refused settings.

use dvbf_envs::{
    EnvError, Environment, ImageSettings, PendulumSettings, StateKind, Style, System,
    VideoPendulum, VideoSettings,
};

const SIZE: usize = 32;
const PIXELS: usize = SIZE * SIZE;

fn settings() -> VideoSettings {
    let image = ImageSettings { size: SIZE, style: Style::Rod, ..ImageSettings::default() };
    let pendulum = PendulumSettings { image, ..PendulumSettings::default() };
    VideoSettings { pendulum, ..VideoSettings::default() }
}

fn video(settings: VideoSettings) -> VideoPendulum {
    VideoPendulum::new(settings).expect("possible settings")
}

fn frame(video: &VideoPendulum, angle: f64, phase: f64) -> Vec<f32> {
    let mut out = vec![f32::NAN; 3 * PIXELS];
    video.render(angle, phase, &mut out);
    out
}

#[test]
fn far_from_rod_and_shadow_the_background_is_seen() {
    let video = video(VideoSettings { shadow_width: 0.05, ..settings() });
    // The pendulum points down, the shadow lies on the right.
    let (frame, corner) = (frame(&video, 0.0, 0.0), [0, SIZE - 1, 2 * SIZE + 3]);
    for c in 0..3 {
        for p in corner {
            let behind = video.background()[c * PIXELS + p];
            assert!((f64::from(frame[c * PIXELS + p]) - behind).abs() < 1e-6);
        }
    }
}

#[test]
fn the_rod_covers_the_background_in_its_color() {
    let video = video(VideoSettings { shadow_depth: 0.0, ..settings() });
    let (right, left) = (frame(&video, 1.5, 0.0), frame(&video, -1.5, 0.0));
    // Half way between pivot and tip, on either side.
    let (row, column) = (SIZE / 2, SIZE / 2 + 5);
    let (at, mirrored) = (row * SIZE + column, row * SIZE + SIZE - 1 - column);
    for (c, color) in [0.95, 0.85, 0.2].into_iter().enumerate() {
        assert!((f64::from(right[c * PIXELS + at]) - color).abs() < 0.02, "{c}");
        assert!((f64::from(left[c * PIXELS + mirrored]) - color).abs() < 0.02, "{c}");
    }
    assert!((right[at] - left[at]).abs() > 0.1);
}

#[test]
fn the_shadow_takes_its_share_of_the_light_at_its_center() {
    let (dark, bright) =
        (video(settings()), video(VideoSettings { shadow_depth: 0.0, ..settings() }));
    for phase in [0.0, 1.0, 2.5, 4.0] {
        let (with, without) = (frame(&dark, 0.3, phase), frame(&bright, 0.3, phase));
        let [x, y] = dark.shadow(phase);
        let squared = |p: usize| ((p % SIZE) as f64 - x).powi(2) + ((p / SIZE) as f64 - y).powi(2);
        let nearest = (0..PIXELS).min_by(|p, q| squared(*p).total_cmp(&squared(*q))).unwrap();
        let distance = squared(nearest);
        let width = 0.18 * SIZE as f64;
        let light = 1.0 - 0.6 * (-distance / (2.0 * width * width)).exp();
        for c in 0..3 {
            let p = c * PIXELS + nearest;
            assert!((f64::from(with[p] / without[p]) - light).abs() < 1e-5, "{phase}");
        }
    }
}

#[test]
fn the_background_depends_on_its_seed_and_uses_its_range() {
    let (one, other) = (video(settings()), video(VideoSettings { texture: 1, ..settings() }));
    assert_ne!(one.background(), other.background());
    for plane in one.background().chunks_exact(PIXELS) {
        let low = plane.iter().copied().fold(f64::INFINITY, f64::min);
        let high = plane.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!((low - 0.1).abs() < 1e-12 && (high - 0.7).abs() < 1e-12);
    }
}

#[test]
fn pendulum_and_shadow_move_by_their_own_equations() {
    let video = video(settings());
    let mut state = [1.0, 0.5, 2.0];
    video.advance(&mut state, &[0.7]);
    let pendulum = dvbf_envs::Pendulum::new(settings().pendulum).unwrap();
    let bits = |values: [f64; 2]| values.map(f64::to_bits);
    assert_eq!(bits([state[0], state[1]]), bits(pendulum.step([1.0, 0.5], 0.7)));
    assert!((state[2] - 2.12).abs() < 1e-12);
}

#[test]
fn it_is_a_system_by_name_with_planes_above_each_other() {
    let system = System::from(settings());
    assert_eq!(system.name(), "video");
    let spec = system.environment().unwrap().spec();
    assert_eq!((spec.image, spec.observation_size), (Some((3 * SIZE, SIZE)), 3 * PIXELS));
    let kinds: Vec<_> = spec.state.iter().map(|s| (s.name.as_str(), s.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("angle", StateKind::Angle),
            ("velocity", StateKind::Linear),
            ("shadow", StateKind::Angle)
        ]
    );
}

#[test]
fn settings_out_of_range_are_named() {
    let refused = |change: fn(&mut VideoSettings)| {
        let mut settings = settings();
        change(&mut settings);
        match VideoPendulum::new(settings).unwrap_err() {
            EnvError::Setting { key, .. } => key,
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(|s| s.shadow_depth = 1.5), "shadow_depth");
    assert_eq!(refused(|s| s.shadow_width = 0.0), "shadow_width");
    assert_eq!(refused(|s| s.shadow_speed = f64::NAN), "shadow_speed");
    assert_eq!(refused(|s| s.pendulum.image.size = 513), "pendulum.image.size");
    assert_eq!(refused(|s| s.pendulum.mass = 0.0), "mass");
}
