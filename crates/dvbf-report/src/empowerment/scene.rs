//! What the page of empowerment shows, and the words that belong to the system.

use ndarray::Array2;

/// An axis of the plane over which a landscape is drawn.
#[derive(Clone, Debug)]
pub struct PlaneAxis {
    /// What it is, with its unit.
    pub label: String,
    /// Values that are marked, each with its text.
    pub ticks: Vec<(f64, String)>,
    /// The period of an angle; nothing if the axis is a line.
    pub period: Option<f64>,
}

/// What is said about the system.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Horizontal and vertical axis of the plane.
    pub axes: [PlaneAxis; 2],
    /// What empowerment means here, in sentences.
    pub landscape: String,
    /// What the recorded trial is called, such as "A swing-up".
    pub trial: String,
    /// Where the recorded trial begins, such as "hanging at rest".
    pub start: String,
    /// What counts as success, in sentences.
    pub rule: String,
}

/// A landscape over the plane: rows go along the vertical axis; NaN where nothing was visited.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Middles of the columns.
    pub columns: Vec<f64>,
    /// Middles of the rows.
    pub rows: Vec<f64>,
    /// Of the true equations, in nats.
    pub truth: Array2<f64>,
    /// Of the learned model, at the latent states that the true ones are filtered to, in nats.
    pub learned: Array2<f64>,
}

/// A curve over the steps of the recorded trial.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Its name in the page, unique there.
    pub id: String,
    /// Its heading.
    pub caption: String,
    /// Its unit.
    pub unit: String,
    /// A value for every step; NaN where there is none.
    pub values: Vec<f64>,
}

/// A trial step by step.
#[derive(Clone, Debug, Default)]
pub struct RecordedTrial {
    /// What acted, and what it saw.
    pub policy: String,
    /// Seconds of a step.
    pub dt: f64,
    /// Height and width of a frame.
    pub image: (usize, usize),
    /// Where the system was, on both axes of the plane.
    pub path: [Vec<f64>; 2],
    /// Controls `(T, U)` as shares of the largest that are possible, from −1 to 1.
    pub controls: Array2<f64>,
    /// Curves below the animation.
    pub curves: Vec<Curve>,
    /// What the camera saw.
    pub seen: Vec<Vec<f32>>,
    /// What the model draws of its belief.
    pub believed: Vec<Vec<f32>>,
}

/// A row of the table of trials.
#[derive(Clone, Debug)]
pub struct Row {
    /// Policy, and what it saw.
    pub name: String,
    /// Starts that succeed, and starts.
    pub success: (usize, usize),
    /// Steps from the fixed start; nothing if that fails.
    pub fixed_start: Option<usize>,
    /// Median of the steps over the starts that succeed.
    pub median: Option<usize>,
}

impl PlaneAxis {
    /// Whether a line from one value to the next would cross the seam of an angle.
    pub(super) fn breaks(&self, from: f64, to: f64) -> bool {
        self.period.is_some_and(|period| (from - to).abs() > 0.5 * period)
    }
}
