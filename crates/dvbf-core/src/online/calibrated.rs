//! A filter with a read-out to a reference sensor.

use super::filter::Filter;
use super::reading::Reading;
use crate::readout::{ReadoutInput, Reference};
use std::sync::Arc;

impl Filter {
    /// The same filter at the start of a sequence, with a read-out to a reference sensor, which gives
    /// [`Belief::reference`](crate::Belief::reference); without one if `None`.
    ///
    /// # Errors
    /// What does not fit the model.
    pub fn with_reference(mut self, reference: Option<Arc<Reference>>) -> Result<Self, String> {
        if let Some(reference) = &reference {
            reference.check()?;
            let model = self.model();
            let own = match reference.input {
                ReadoutInput::State => model.transition.dims().state,
                ReadoutInput::Channels => model.observation(),
            };
            if reference.inputs() != own {
                return Err(format!(
                    "its read-out of {} takes {} numbers, and the filter has {own}",
                    reference.name,
                    reference.inputs()
                ));
            }
        }
        let (model, dt) = (self.model(), self.dt());
        self.reading = reference.map(|reference| Reading::new(reference, model, dt));
        self.reset();
        Ok(self)
    }

    /// The read-out to a reference sensor.
    pub fn reference(&self) -> Option<&Arc<Reference>> {
        self.reading.as_ref().map(Reading::reference)
    }
}
