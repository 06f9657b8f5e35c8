//! The arguments of the comparison.

use std::ffi::OsString;

/// What is compared, and how often.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) sizes: Vec<String>,
    pub(super) threads: usize,
    pub(super) rounds: usize,
    pub(super) skip_compile: bool,
}

/// The training steps.
const STEPS: [&str; 3] = ["a", "b", "c"];
/// Held empowerment of a locally linear transition.
pub(super) const HELD: &str = "held";
/// Latent steps and frames of the simulator.
pub(super) const SIMULATOR: [&str; 2] = ["simulate", "draw"];
/// Kalman filters, by the numbers of states and channels.
pub(super) const FILTERS: [&str; 3] = ["4/2", "6/3", "15/6"];
/// All of these.
const ALL_FILTERS: &str = "filters";

impl Options {
    pub(super) fn parse(args: &[OsString]) -> Result<Self, String> {
        let sizes = STEPS.map(str::to_owned).to_vec();
        let mut options = Self { sizes, threads: 1, rounds: 5, skip_compile: false };
        let mut args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
        while let Some(key) = args.next() {
            if key == "--skip-compile" {
                options.skip_compile = true;
                continue;
            }
            if key == ALL_FILTERS {
                options.sizes = FILTERS.map(str::to_owned).to_vec();
                continue;
            }
            if !["--sizes", "--threads", "--rounds"].contains(&key.as_str()) {
                return Err(format!(
                    "bench-peers knows no {key}; there are filters, --sizes, --threads, --rounds and \
                     --skip-compile"
                ));
            }
            let value = args.next().ok_or_else(|| format!("{key} needs a value"))?;
            match key.as_str() {
                "--sizes" => options.sizes = parse_sizes(&value)?,
                "--threads" => options.threads = positive(&key, &value)?,
                _ => options.rounds = positive(&key, &value)?,
            }
        }
        let alone = |size: &&String| *size == HELD || FILTERS.contains(&size.as_str());
        if let Some(size) = options.sizes.iter().find(alone).filter(|_| options.threads > 1) {
            return Err(format!("--sizes {size} is timed on one thread"));
        }
        Ok(options)
    }
}

fn parse_sizes(value: &str) -> Result<Vec<String>, String> {
    value
        .split(',')
        .map(|size| {
            let known = STEPS.contains(&size)
                || size == HELD
                || SIMULATOR.contains(&size)
                || FILTERS.contains(&size);
            known.then(|| size.to_owned()).ok_or_else(|| {
                format!(
                    "--sizes {value}: there is no size {size:?}; there are a, b, c, held, simulate, \
                     draw, 4/2, 6/3 and 15/6"
                )
            })
        })
        .collect()
}

fn positive(key: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|&number| number > 0);
    number.ok_or_else(|| format!("{key} {value}: must be a whole number from 1"))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(&line.split_whitespace().map(Into::into).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_understood() {
        let all = parse("").unwrap();
        assert_eq!((all.sizes.join(""), all.threads, all.skip_compile), ("abc".into(), 1, false));
        let some = parse("--sizes c,b --threads 2 --skip-compile --rounds 3").unwrap();
        assert_eq!(some.sizes, ["c", "b"]);
        assert_eq!((some.threads, some.rounds, some.skip_compile), (2, 3, true));
        assert_eq!(parse("--sizes b,held").unwrap().sizes, ["b", "held"]);
        let filters = parse("filters --rounds 2").unwrap();
        assert_eq!(
            (filters.sizes, filters.rounds),
            (["4/2", "6/3", "15/6"].map(Into::into).into(), 2)
        );
        assert_eq!(parse("--sizes simulate,draw").unwrap().sizes, ["simulate", "draw"]);
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (line, part) in [
            ("--sizes a,d", "no size \"d\""),
            ("--threads 0", "--threads 0"),
            ("--threads", "--threads needs a value"),
            ("--fast", "knows no --fast"),
            ("--sizes held --threads 2", "on one thread"),
            ("filters --threads 2", "--sizes 4/2 is timed on one thread"),
        ] {
            assert!(parse(line).unwrap_err().contains(part), "{line}");
        }
    }
}
