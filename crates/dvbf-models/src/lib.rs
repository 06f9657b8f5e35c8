//! Transitions, emissions, recognition networks and initial states of deep state-space models.
