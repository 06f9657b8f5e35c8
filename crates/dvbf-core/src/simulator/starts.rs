//! Starts of rollouts, and going back to where they were.

use super::error::SimulatorError;
use super::rollouts::SimulatorSnapshot;
use super::simulate::{Simulator, blocks};
use super::streams::STARTS;
use crate::online::Filter;
use dvbf_tensor::Noise;
use ndarray::{ArrayView2, s};
use std::sync::Arc;

impl Simulator {
    /// Starts rollouts from the model's prior of a first state, `z = g(w)`, `w ~ N(0, I)`.
    ///
    /// `mask` says which, one flag for each; all of them if `None`. The others stay as they are.
    ///
    /// # Panics
    /// If there is not one flag a rollout.
    #[track_caller]
    pub fn start_from_prior(&mut self, mask: Option<&[bool]>) {
        self.check_mask(mask);
        for rows in blocks(self.len()) {
            if mask.is_some_and(|mask| !mask[rows.clone()].contains(&true)) {
                continue;
            }
            let (first, lanes) = (STARTS | (self.first + rows.start as u64), s![.., ..rows.len()]);
            let noise = self.buffers.noise.slice_mut(lanes).reversed_axes();
            let events = &self.now.events[rows.clone()];
            Noise::normal_rows(self.options.seed, first, events, noise);
            let noise = self.buffers.noise.slice(lanes).reversed_axes();
            let next = self.buffers.next.slice_mut(lanes).reversed_axes();
            self.model.initial.start(0, noise, next, &mut self.initial);
            for (lane, row) in rows.clone().enumerate().filter(|(_, row)| chosen(mask, *row)) {
                self.now.state.column_mut(row).assign(&self.buffers.next.column(lane));
                self.now.begin(row);
            }
            for row in rows.filter(|row| chosen(mask, *row)) {
                self.judge(row..row + 1);
            }
        }
    }

    /// Starts rollouts from what `filter` believes: rollout `n` from its sample path `n mod P`, or from
    /// the mean path if there are no others. `mask` is that of
    /// [`start_from_prior`](Self::start_from_prior).
    ///
    /// # Errors
    /// If the filter runs another model or has no belief yet. Nothing is changed then.
    ///
    /// # Panics
    /// If there is not one flag a rollout.
    #[track_caller]
    pub fn start_from_belief(
        &mut self,
        filter: &Filter,
        mask: Option<&[bool]>,
    ) -> Result<(), SimulatorError> {
        self.check_mask(mask);
        if !(Arc::ptr_eq(&self.model, filter.model()) || self.model == *filter.model()) {
            return Err(SimulatorError::OtherModel);
        }
        let belief = filter.belief();
        if !belief.started {
            let needed = self.model.initial_frames();
            return Err(SimulatorError::NotStarted { seen: belief.steps, needed });
        }
        let paths = filter.paths();
        for (row, number) in (0..self.len()).zip(self.first..).filter(|(row, _)| chosen(mask, *row))
        {
            let mut to = self.now.state.column_mut(row);
            match paths.nrows() as u64 {
                0 => to.assign(&belief.state),
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "less than the number of paths"
                )]
                count => to.assign(&paths.row((number % count) as usize)),
            }
            self.now.begin(row);
            self.judge(row..row + 1);
        }
        Ok(())
    }

    /// Starts rollouts from the rows of `states (N, Z)`. `mask` is that of
    /// [`start_from_prior`](Self::start_from_prior); rows of rollouts that are not started are not read.
    ///
    /// # Errors
    /// If a state is not finite. Nothing is changed then.
    ///
    /// # Panics
    /// If there is not one flag a rollout, or the states have another shape.
    #[track_caller]
    pub fn start_from_states(
        &mut self,
        states: ArrayView2<'_, f32>,
        mask: Option<&[bool]>,
    ) -> Result<(), SimulatorError> {
        self.check_mask(mask);
        assert_eq!(states.dim(), self.states().dim(), "states against (N, Z)");
        for (row, state) in states.rows().into_iter().enumerate() {
            if let Some(index) = state.iter().position(|value| !value.is_finite())
                && chosen(mask, row)
            {
                let rollout = self.first + row as u64;
                return Err(SimulatorError::NotFinite { what: "state component", index, rollout });
            }
        }
        for (row, state) in
            states.rows().into_iter().enumerate().filter(|(row, _)| chosen(mask, *row))
        {
            self.now.state.column_mut(row).assign(&state);
            self.now.begin(row);
            self.judge(row..row + 1);
        }
        Ok(())
    }

    /// Where all rollouts are now, counters of their noise included.
    pub fn snapshot(&self) -> SimulatorSnapshot {
        self.now.clone()
    }

    /// [`snapshot`](Self::snapshot) into an old one; nothing allocates.
    ///
    /// # Panics
    /// If it is of another number of rollouts or components.
    #[track_caller]
    pub fn save(&self, snapshot: &mut SimulatorSnapshot) {
        snapshot.copy_from(&self.now);
    }

    /// Goes back to where `snapshot` was taken: the same controls lead to the same states again, unless
    /// another [seed](Self::reseed) was taken.
    ///
    /// # Panics
    /// If it is of another number of rollouts or components.
    #[track_caller]
    pub fn restore(&mut self, snapshot: &SimulatorSnapshot) {
        self.now.copy_from(snapshot);
    }

    #[track_caller]
    fn check_mask(&self, mask: Option<&[bool]>) {
        if let Some(mask) = mask {
            assert_eq!(mask.len(), self.len(), "flags against N rollouts");
        }
    }
}

/// Whether the mask, if there is one, has this row.
fn chosen(mask: Option<&[bool]>, row: usize) -> bool {
    mask.is_none_or(|mask| mask[row])
}
