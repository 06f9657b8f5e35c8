//! A filter from a model file.

use super::filter::Filter;
use super::options::FilterOptions;
use crate::bounds::{LARGEST, Limits, TrainingBounds};
use crate::file::{FileError, ModelFile};
use crate::layout::Layout;
use crate::range::TrainingRange;
use crate::units::Units;
use dvbf_models::features_of;
use dvbf_ops::{Feature, Features};
use std::path::Path;
use std::sync::Arc;

impl Filter {
    /// A filter that runs the model of a file, in the units and at the step of its recordings, with
    /// the default options, the fitted scale of predictions and the read-out of its calibration.
    ///
    /// # Errors
    /// If the file cannot be read, is not a model file, or does not say how long a step is.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FileError> {
        Self::from_file(ModelFile::read_for_use(path.as_ref())?, path.as_ref())
    }

    /// The filter that [`load`](Self::load) makes, of a file that was read before; `path` is what errors call it.
    ///
    /// # Errors
    /// If the file does not say how long a step is.
    ///
    /// # Panics
    /// If the fields were changed since reading so that they no longer fit each other.
    #[track_caller]
    pub fn from_file(mut file: ModelFile, path: &Path) -> Result<Self, FileError> {
        let Some(dt) = file.config.dt else {
            return Err(FileError::NoStep { path: path.to_owned() });
        };
        let bounds = file.bounds.take();
        let (units, layout, scale) = (file.units.take(), file.layout.take(), file.std_scale);
        let range = file.range.take();
        let reference = file.reference.take().map(Arc::new);
        let filter = Self::new(Arc::new(file.into_model()), dt, FilterOptions::MEAN_PATH)
            .map(|filter| filter.with_layout(layout).with_range(range))
            .map(|filter| filter.with_bounds(bounds, units.as_ref()))
            .and_then(|filter| filter.with_units(units).with_std_scale(scale))
            .and_then(|filter| filter.with_options(FilterOptions::default()));
        let filter = filter.expect("the file was checked");
        if !filter.sound {
            let what = "its parameters give first states that are not finite";
            return Err(FileError::damaged(path, what));
        }
        Ok(filter.with_reference(reference).expect("the file was checked"))
    }

    fn with_layout(mut self, layout: Option<Layout>) -> Self {
        self.input.set_layout(layout);
        self
    }

    fn with_range(mut self, range: Option<TrainingRange>) -> Self {
        if let Some(range) = &range {
            let features = features_of(&self.model().transition.components());
            self.paths.set_limits(limits(range, &features));
        }
        self.input.set_range(range);
        self.watch();
        self
    }

    fn with_bounds(mut self, bounds: Option<TrainingBounds>, units: Option<&Units>) -> Self {
        self.input.set_bounds(bounds, units);
        self.watch();
        self
    }
}

/// Half widths of the training range by which a state may lie beyond it before the belief counts as lost.
const FAR: f32 = 16.0;

/// What a state may be, given the range of its features; any angle is one.
fn limits(range: &TrainingRange, features: &Features) -> Limits {
    let mut column = 0;
    let of = |feature: &Feature| {
        let own = column;
        column += feature.width();
        let Feature::Linear { scale } = feature else { return [-LARGEST, LARGEST] };
        #[expect(clippy::cast_possible_truncation, reason = "states are in single precision")]
        let scale = *scale as f32;
        let ((low, high), beyond) = (range.limits(own), FAR * range.half_width(own));
        let limit = |value: f32| (scale * value).clamp(-LARGEST, LARGEST);
        [limit(low - beyond), limit(high + beyond)]
    };
    features.kinds().iter().map(of).collect()
}
