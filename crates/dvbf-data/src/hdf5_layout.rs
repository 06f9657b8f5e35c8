//! How recordings lie in an HDF5 file: groups of episodes, arrays in groups, MATLAB's order of axes.

use super::RecordingError;
use super::columns::{Columns, is_episode};
use super::hdf5_store::{Numbers, Store, damaged};
use super::raw::Part;
use super::sheets::{Column, Sheet, is_part};
use hdf5_pure::{Dataset, Error, Group};
use std::collections::HashMap;
use std::path::Path;

/// Groups in groups that are looked into.
const DEPTH: usize = 3;
/// Numbers of a row that an array may have to be columns; images have more.
const WIDEST: usize = 256;

/// Arrays with the seconds of a step.
const STEPS: [&str; 3] = ["dt", "Ts", "sample_time"];

/// What was found in a file.
pub(super) enum Laid {
    /// A sequence each.
    Sheets(Vec<Sheet>),
    /// Arrays of all sequences, by their names.
    Arrays(Vec<String>),
}

/// The group of a sequence.
struct Episode {
    name: String,
    group: Group,
}

/// What is in a file.
pub(super) fn laid(
    store: &mut Store,
    columns: &Columns,
    path: &Path,
) -> Result<Laid, RecordingError> {
    let failed = |e: Error| damaged(path, &e);
    let root = store.file.root();
    let found = episodes(&root).map_err(failed)?;
    if found.is_empty() {
        return flat(store, &root, columns, path);
    }
    let parts = named_parts(&root);
    let mut sheets = Vec::with_capacity(found.len());
    for Episode { name, group } in found {
        let mut sheet = Sheet {
            name: format!("{}, {name}", path.display()),
            columns: columns_of(store, &group, columns, path)?,
            part: parts.get(&name).copied(),
        };
        sheet.even(path)?;
        sheets.push(sheet);
    }
    Ok(Laid::Sheets(sheets))
}

/// The groups of episodes in the order of their numbers: those of Minari, or those of robomimic in `data`.
fn episodes(root: &Group) -> Result<Vec<Episode>, Error> {
    let number = |name: &String| -> Option<(u64, String)> {
        let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (word, number) = name.split_at(name.len() - digits);
        let word = word.trim_end_matches('_').to_lowercase();
        let known = matches!(word.as_str(), "episode" | "demo" | "trajectory" | "traj" | "ep");
        known.then(|| number.parse().ok()).flatten().map(|number| (number, name.clone()))
    };
    let of = |group: &Group| -> Result<Vec<Episode>, Error> {
        let mut found: Vec<(u64, String)> = group.groups()?.iter().filter_map(number).collect();
        found.sort();
        let open = |(_, name): (u64, String)| Ok(Episode { group: group.group(&name)?, name });
        found.into_iter().map(open).collect()
    };
    let own = of(root)?;
    if own.is_empty() && root.groups()?.iter().any(|name| name == "data") {
        return of(&root.group("data")?);
    }
    Ok(own)
}

/// What the lists `mask/valid` and `mask/test` of robomimic say of episodes.
fn named_parts(root: &Group) -> HashMap<String, Part> {
    let list = |name: &str| {
        let of = || root.group("mask").ok()?.dataset(name).ok()?.read_string().ok();
        of().unwrap_or_default()
    };
    let named = |name: &'static str, part| list(name).into_iter().map(move |own| (own, part));
    named("valid", Part::Validation).chain(named("test", Part::Test)).collect()
}

/// Whether an array was written by MATLAB, whose axes come in the other order.
pub(super) fn is_matlab(dataset: &Dataset) -> bool {
    dataset.attrs().is_ok_and(|all| all.contains_key("MATLAB_class"))
}

/// An array with its name, the names of its groups before it.
type Named = (String, Dataset);

/// The arrays in a group and its groups that may be wanted.
fn arrays_in(
    group: &Group,
    before: &str,
    depth: usize,
    columns: &Columns,
    out: &mut Vec<Named>,
) -> Result<(), Error> {
    let full = |name: &str| {
        if before.is_empty() { name.to_owned() } else { format!("{before}.{name}") }
    };
    let chosen = columns.has_channels();
    let wanted = |array: &str| {
        let Columns { observe, control, state, time, episode } = columns;
        let mut all = observe.iter().chain(control).chain(state).chain(time).chain(episode);
        // A column is a part of the array, and an array is a part of its group.
        !chosen
            || super::clock::usual(array).is_some()
            || is_episode(array)
            || STEPS.contains(&array)
            || all.any(|own| is_part(own, array) || is_part(array, own))
    };
    for name in group.datasets()? {
        let key = full(&name);
        if wanted(&key) {
            out.push((key, group.dataset(&name)?));
        }
    }
    if depth == 0 {
        return Ok(());
    }
    for name in group.groups()? {
        let key = full(&name);
        // What comes with a data set and says nothing new about what is observed.
        let aside = matches!(name.as_str(), "infos" | "next_obs" | "#refs#" | "#subsystem#");
        if !aside || chosen && wanted(&key) {
            arrays_in(&group.group(&name)?, &key, depth - 1, columns, out)?;
        }
    }
    Ok(())
}

/// Refuses what is chosen and not there.
fn has_all(
    group: &Group,
    arrays: &[Named],
    columns: &Columns,
    path: &Path,
) -> Result<(), RecordingError> {
    let there =
        |own: &&String| arrays.iter().any(|(name, _)| is_part(own, name) || is_part(name, own));
    let Columns { observe, control, state, time, episode } = columns;
    let mut all = observe.iter().chain(control).chain(state).chain(time).chain(episode);
    let Some(missing) = all.find(|own| !there(own)) else { return Ok(()) };
    let mut others = Vec::new();
    // What cannot be listed is not named.
    let _ = arrays_in(group, "", DEPTH, &Columns::default(), &mut others);
    let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
    let problem = format!("is missing; there are {}", names.join(", "));
    Err(RecordingError::key(path, missing, problem))
}

/// The columns of an array: its last axes, one after the other.
fn columns_of_array(name: &str, array: Numbers, rows: usize, turned: bool) -> Vec<Column> {
    let width = array.values.len() / rows.max(1);
    let column = |i: usize| {
        let value = |t: usize| array.values[if turned { i * rows + t } else { t * width + i }];
        Column {
            name: if width == 1 { name.to_owned() } else { format!("{name}.{i}") },
            values: (0..rows).map(value).collect(),
            resolution: array.resolution,
            seconds: false,
        }
    };
    (0..width).map(column).collect()
}

/// The columns of an episode: of every array the first axis is the step.
fn columns_of(
    store: &mut Store,
    group: &Group,
    columns: &Columns,
    path: &Path,
) -> Result<Vec<Column>, RecordingError> {
    let mut arrays = Vec::new();
    arrays_in(group, "", DEPTH, columns, &mut arrays)
        .map_err(|e| RecordingError::file(path, format!("is damaged: {e}")))?;
    has_all(group, &arrays, columns, path)?;
    let mut out = Vec::new();
    for (name, dataset) in arrays {
        let shape = dataset.shape().unwrap_or_default();
        let width = shape.iter().skip(1).try_fold(1_u64, |product, &n| product.checked_mul(n));
        let narrow = width.is_some_and(|width| (1..=WIDEST as u64).contains(&width));
        if shape.is_empty() || !narrow {
            let own = |chosen: &String| is_part(chosen, &name);
            if columns.observe.iter().any(own) || is_part(&name, "observations") && width.is_some()
            {
                let problem = format!(
                    "has shape {shape:?}; more than {WIDEST} numbers a step are frames, which are read from \
                     folders of PNG files or from x (N, T, H, W) of numpy.savez"
                );
                return Err(RecordingError::key(path, name, problem));
            }
            continue;
        }
        if let Some(numbers) = store.numbers(&dataset, &name, path)? {
            let rows = numbers.shape[0];
            out.extend(columns_of_array(&name, numbers, rows, false));
        } else if is_part(&name, "observations") {
            let problem = "holds no numbers; Minari keeps images as JPEG, which are read from folders of frames";
            return Err(RecordingError::key(path, name, problem));
        }
    }
    Ok(out)
}

/// A file without episodes: arrays of all sequences, or columns of one.
fn flat(
    store: &mut Store,
    root: &Group,
    columns: &Columns,
    path: &Path,
) -> Result<Laid, RecordingError> {
    let failed = |e: Error| RecordingError::file(path, format!("is damaged: {e}"));
    let axes = |dataset: &Dataset| dataset.shape().map_or(0, |shape| shape.len());
    if !columns.has_channels() && root.dataset("x").is_ok_and(|x| axes(&x) > 2) {
        return Ok(Laid::Arrays(root.datasets().map_err(failed)?));
    }
    let mut arrays = Vec::new();
    arrays_in(root, "", DEPTH, columns, &mut arrays).map_err(failed)?;
    has_all(root, &arrays, columns, path)?;
    let mut read: Vec<(String, Numbers, bool)> = Vec::new();
    for (name, dataset) in arrays {
        let shape = dataset.shape().unwrap_or_default();
        if shape.len() > 2 || shape.contains(&0) {
            continue;
        }
        let turned = is_matlab(&dataset);
        if let Some(mut numbers) = store.numbers(&dataset, &name, path)? {
            if turned {
                numbers.shape.reverse();
            }
            read.push((name, numbers, turned));
        }
    }
    // What most arrays have many of are steps.
    let longest = |(_, numbers, _): &(String, Numbers, bool)| numbers.shape.iter().copied().max();
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for rows in read.iter().filter_map(longest).filter(|rows| *rows > 1) {
        *counts.entry(rows).or_default() += 1;
    }
    let rows = counts.into_iter().max_by_key(|&(rows, count)| (count, rows)).map(|(rows, _)| rows);
    let Some(rows) = rows else {
        let problem = "has no arrays of numbers with a row for each step, and no groups of episodes \
                       (episode_0, data/demo_0)";
        return Err(RecordingError::file(path, problem));
    };
    let mut sheet = Sheet { name: path.display().to_string(), ..Sheet::default() };
    for (name, numbers, turned) in read {
        if numbers.values.len() == 1 && STEPS.contains(&name.as_str()) {
            let values = vec![numbers.values[0]; rows];
            sheet.columns.push(Column { name: "dt".into(), values, ..Column::default() });
            continue;
        }
        // MATLAB keeps columns one after the other; a matrix may lie on its side in either.
        let (first, last) =
            (numbers.shape.first() == Some(&rows), numbers.shape.last() == Some(&rows));
        let own = if first { rows } else { rows - 1 };
        let fits = |axis: Option<&usize>| axis.is_some_and(|n| *n == rows || n + 1 == rows);
        if first || !last && fits(numbers.shape.first()) {
            sheet.columns.extend(columns_of_array(&name, numbers, own, turned));
        } else if last || fits(numbers.shape.last()) {
            let own = if last { rows } else { rows - 1 };
            sheet.columns.extend(columns_of_array(&name, numbers, own, !turned));
        }
    }
    sheet.columns.retain(|column| !column.values.is_empty());
    sheet.even(path)?;
    Ok(Laid::Sheets(vec![sheet]))
}
