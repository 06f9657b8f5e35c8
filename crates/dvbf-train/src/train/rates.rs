//! Learning rates of an update: one, and those of the groups of parameters.

use crate::settings::ParameterGroup;
use dvbf_core::{Params, Path};

/// Which group every array of parameters belongs to.
#[derive(Debug)]
pub(super) struct Groups {
    settings: Vec<ParameterGroup>,
    /// First place of every array in the flat vector, with the number of its group.
    places: Vec<(usize, Option<usize>)>,
}

impl Groups {
    /// The groups of the arrays of `model`; the first whose prefix fits is the group of an array.
    ///
    /// # Errors
    /// If no array belongs to a group that is not optional.
    pub(super) fn of(
        settings: &[ParameterGroup],
        model: &impl Params<f32>,
    ) -> Result<Self, ParameterGroup> {
        let (mut places, mut start) = (Vec::new(), 0);
        model.visit(Path::ROOT, &mut |path, array| {
            let name = path.to_string();
            let group = settings.iter().position(|group| name.starts_with(&group.prefix));
            places.push((start, group));
            start += array.len();
        });
        let used = |i: usize| places.iter().any(|(_, group)| *group == Some(i));
        if let Some(unused) = (0..settings.len()).find(|&i| !settings[i].optional && !used(i)) {
            return Err(settings[unused].clone());
        }
        Ok(Self { settings: settings.to_vec(), places })
    }

    /// The rates at this progress of training.
    pub(super) fn rates(&self, base: f64, progress: f64) -> Rates<'_> {
        let factors = self.settings.iter().map(|group| group.factor(progress)).collect();
        Rates { base, factors, places: &self.places }
    }
}

/// The rates of an update.
#[derive(Debug)]
pub(super) struct Rates<'a> {
    /// The rate of parameters that belong to no group.
    pub(super) base: f64,
    factors: Vec<f64>,
    places: &'a [(usize, Option<usize>)],
}

impl Rates<'_> {
    /// The factor of the rate of the array that begins at `start` of the flat vector.
    pub(super) fn factor(&self, start: usize) -> f64 {
        let place = self.places.binary_search_by_key(&start, |(place, _)| *place);
        let group = place.ok().and_then(|i| self.places[i].1);
        group.map_or(1.0, |group| self.factors[group])
    }

    /// The rate of the array that begins at `start` of the flat vector.
    pub(super) fn of(&self, start: usize) -> f64 {
        self.base * self.factor(start)
    }
}
