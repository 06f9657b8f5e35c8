//! Filtering of recordings: one belief a step, each of what was seen until then.

use super::beliefs::{Beliefs, SequenceBeliefs};
use super::{ApplyError, Trained};
use crate::data::RawRecordings;
use crate::pool::Pool;
use dvbf_core::{Belief, FilterError, FilterOptions, Spread};

/// Beliefs after every step of every sequence, as the online filter gives them with these options, the seed
/// being `seed + n` for sequence `n`.
///
/// # Errors
/// If the recordings do not fit the model, or no filter can have one of the options.
pub fn filter(
    trained: &Trained,
    recordings: &RawRecordings,
    options: FilterOptions,
    pool: &Pool,
) -> Result<Beliefs, ApplyError> {
    let base = trained.filter().with_options(options)?;
    let (z, x) = (base.model().transition().dims().state, base.model().observation());
    let recordings = &*trained.matched(recordings).map_err(ApplyError::unfit)?;
    let all: Vec<_> =
        recordings.sequences.iter().map(|s| trained.controls(recordings, s)).collect();
    let work = |range: std::ops::Range<usize>| -> Result<Vec<SequenceBeliefs>, FilterError> {
        let one = |n: usize| {
            // Errors of sample paths shall not be the same in every sequence.
            let seed = options.seed.wrapping_add(n as u64);
            let mut filter = base.with_options(FilterOptions { seed, ..options })?;
            let (sequence, controls) = (&recordings.sequences[n], &all[n]);
            let steps = sequence.observations.nrows();
            let mut out = SequenceBeliefs::unknown(&sequence.name, steps, z, x);
            Trained::run(&mut filter, sequence, controls, steps, |t, filter| {
                keep(&mut out, t, filter.belief());
            })?;
            out.intervals.clone_from(&sequence.intervals);
            Ok(out)
        };
        range.map(one).collect()
    };
    let mut sequences = Vec::with_capacity(all.len());
    pool.in_order(all.len(), 1, work, |some| {
        sequences.extend(some?);
        Ok::<_, FilterError>(())
    })?;
    Ok(Beliefs {
        sequences,
        observation_names: recordings.observation_names.clone(),
        dt: recordings.dt.unwrap_or_else(|| base.dt()),
        origins: recordings.origins.observation.clone(),
    })
}

fn keep(out: &mut SequenceBeliefs, t: usize, belief: &Belief) {
    out.verdicts[t] = belief.status.into();
    if !belief.started {
        return;
    }
    out.path.row_mut(t).assign(&belief.state);
    let Some(Spread { mean, std, predicted_mean, predicted_std, score }) = &belief.spread else {
        return;
    };
    out.mean.row_mut(t).assign(mean);
    out.std.row_mut(t).assign(std);
    out.predicted_mean.row_mut(t).assign(predicted_mean);
    out.predicted_std.row_mut(t).assign(predicted_std);
    if let Some(score) = score {
        out.log_likelihood[t] = score.log_likelihood;
        out.nis[t] = score.nis;
        out.freedom[t] = u32::try_from(score.freedom).unwrap_or(u32::MAX);
    }
}
