#![doc = include_str!("../README.md")]

mod balls;
mod bouncing_ball;
mod cart_pole;
mod cart_pole_render;
mod collision;
mod environment;
mod error;
mod gymnasium;
mod integrate;
mod magnet;
mod mass_spring;
mod pendulum;
mod recording;
mod render;
mod skin;
mod system;
mod system_kind;
mod two_balls;
mod video;

pub use balls::{Ball, BallImageSettings, BallRenderer, BallStyle};
pub use bouncing_ball::{BouncingBall, BouncingBallSettings};
pub use cart_pole::{CartPole, CartPoleSettings};
pub use cart_pole_render::{Camera, CartPoleImageSettings, CartPoleRenderer};
pub use environment::{Environment, Spec, StateKind, StateVariable};
pub use error::EnvError;
pub use gymnasium::{GymPendulum, GymPendulumSettings};
pub use integrate::{Integrator, euler, rk4, semi_implicit_euler};
pub use magnet::MagnetSettings;
pub use mass_spring::{MassSpring, MassSpringSettings, SpringView};
pub use pendulum::{Pendulum, PendulumSettings};
pub use recording::{Recordings, record, record_numbered, rollout};
pub use render::{ImageSettings, Renderer, Style};
pub use skin::{
    ConductanceLaw, ConductanceSettings, ContactSettings, CreepSettings, CrosstalkSettings,
    PlaySettings, ReadoutSettings, Skin, SkinMemory, SkinSettings, TemperatureSettings,
    TrajectorySettings,
};
pub use system::{SYSTEMS, System};
pub use system_kind::{SystemKind, SystemSettings};
pub use two_balls::{TwoBalls, TwoBallsSettings};
pub use video::{VideoPendulum, VideoSettings};
