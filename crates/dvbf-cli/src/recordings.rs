//! Writing the recordings of simulated systems.

use crate::args::{Data, RecordingFormat};
use crate::terminal::outln;
use dvbf::data::{RawRecordings, Splits, write_npz, write_tables};
use dvbf::run::RunError;

/// Writes the recordings that a training on a simulated system uses.
pub(crate) fn write(data: &Data) -> Result<(), RunError> {
    let splits = Splits::make(&data.settings()?)?;
    let recordings = RawRecordings::exported(&splits);
    match data.format {
        RecordingFormat::Npz => write_npz(&data.out, &recordings)?,
        RecordingFormat::Csv => write_tables(&data.out, &recordings).map(|_| ())?,
    }
    outln!("{} sequences in {}", recordings.sequences.len(), data.out.display());
    Ok(())
}
