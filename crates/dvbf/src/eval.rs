//! Evaluation: how well a model reads states, predicts, and knows its errors; the figures of a run.

pub use dvbf_run::{
    BoundFigures, Columns, FORCE_METHODS, LABEL_SECONDS, OpenLoopRow, R2Figures, READ_OUT, Summary,
    figure_names, rows, summary_r2,
};
pub use dvbf_train::eval::*;
