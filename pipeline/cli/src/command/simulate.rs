//! `simulate`: a large fictitious extract and the truth behind it, in bounded memory.

use std::path::Path;

use marsad_simulate::rows;
use serde_json::json;

use super::Quiet;
use crate::progress::Bar;
use crate::report::{Failure, Report};

/// Writes it.
///
/// # Errors
/// A folder that cannot be written.
pub(super) fn run(n: u64, out: &Path, seed: u64, quiet: Quiet) -> Result<Report, Failure> {
    let bar = Bar::new("simulating", quiet.0);
    let written = rows::write(n, out, seed, &|done, total| bar.at(done, total))?;
    drop(bar);
    let text = format!(
        "{} records of fictitious people in {}\nland them: marsad land {} --as partner_assistance",
        written.records,
        written.file.display(),
        written.file.display()
    );
    Ok(Report::new(
        text,
        json!({"rows": written.records, "extract": written.file, "persons": written.persons, "truth": written.truth}),
    ))
}
