#![doc = include_str!("../README.md")]

mod calibration;
mod cloud;
mod curves;
mod directions;
mod document;
mod empowerment;
mod figure;
mod forces;
mod html;
mod latent;
mod lines;
mod material;
mod page;
mod palette;
mod picture;
mod planes;
mod portrait;
mod preview;
mod raster;
mod sequences;
mod strips;
mod sweep;
mod tables;
mod true_column;
mod view;

pub use document::STYLE;
pub use empowerment::{Curve, EmpowermentPage, Grid, PlaneAxis, RecordedTrial, Row, Scene};
pub use html::escape;
pub use material::check;
pub use palette::Rgb;
pub use preview::preview;
pub use raster::{Raster, animation, gray};
pub use sweep::sweep_page;

use dvbf_data::{DataError, Supply};
use dvbf_run::settings::Settings;
use dvbf_run::{FolderError, RunFolder};
use dvbf_train::pool::{Pool, PoolError};
use material::Material;
use std::path::{Path, PathBuf};

/// The page's name in the folder.
const PAGE: &str = "report.html";
/// The picture's name in the folder.
const PICTURE: &str = "barrel.svg";
/// Its name where nothing runs round, for want of an angle.
const LATENT: &str = "latent.svg";

/// Where the report was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The picture of the latent space.
    pub picture: PathBuf,
}

/// A report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The folder holds no run that has come to its end.
    #[error("{} holds no finished run: {missing} is missing{}", path.display(), hint(*resumable))]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file that is missing.
        missing: &'static str,
        /// Whether there is a checkpoint to go on from.
        resumable: bool,
    },
    /// A file of the run.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The threads.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

fn hint(resumable: bool) -> &'static str {
    if resumable { "; dvbf train with --resume brings it to its end" } else { "" }
}

/// Makes the report of the finished run in the folder `path`. Recordings are simulated again from
/// the run's settings, or read from `files`, from those that the settings name if it is empty;
/// results do not depend on the pool.
///
/// # Errors
/// If there is no finished run, one of its files is damaged, the recordings are not those of the run,
/// or a file cannot be written.
pub fn report(path: &Path, files: &[String], pool: &Pool) -> Result<Written, ReportError> {
    let file = |name: &str| path.join(name);
    for missing in ["config.toml", "best.dvbf", "summary.json"] {
        if !file(missing).exists() {
            let resumable = file("config.toml").exists() && file("checkpoint.dvbf").exists();
            return Err(ReportError::NoRun { path: path.to_owned(), missing, resumable });
        }
    }
    let folder = RunFolder::open(path)?;
    let settings = folder.settings()?.with_files(files)?;
    let supply = Supply::open(&settings)?;
    write(&folder, &settings, &supply, pool)
}

/// Makes the report of a run whose recordings are at hand.
///
/// # Errors
/// As [`report`].
pub fn write(
    folder: &RunFolder,
    settings: &Settings,
    supply: &Supply,
    pool: &Pool,
) -> Result<Written, ReportError> {
    let material = Material::gather(folder, settings, supply, pool)?;
    let picture = if material.planes.is_empty() {
        picture::svg(&material.picture)
    } else {
        planes::svg(&material.planes)
    };
    let name = if material.picture.has_angle() { PICTURE } else { LATENT };
    let page = page::render(&material, &picture);
    Ok(Written {
        picture: folder.write(name, picture.as_bytes())?,
        page: folder.write(PAGE, page.as_bytes())?,
    })
}
