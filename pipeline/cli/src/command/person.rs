//! `person`: erasure. Identifiers come from a file and are never printed.

use marsad_landing::Persons;
use serde_json::json;

use crate::args::PersonCommand;
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// A file of identifiers that others can read or that has a line which is none; a landing that cannot be read or written.
pub(super) async fn run(workspace: &Workspace, command: &PersonCommand) -> Result<Report, Failure> {
    let PersonCommand::Erase { id_file } = command;
    let catalog = workspace.catalog()?;
    let persons = Persons::read(id_file, &catalog)?;
    let erased = workspace.landing()?.erase(&persons).await?;
    let entry = erased.entries.first().map(|(_, number)| number);
    let text = match erased.entries.as_slice() {
        [] => "no landed row is theirs; nothing was changed".to_owned(),
        entries => {
            let proofs =
                entries.iter().map(|(store, number)| format!("entry {number} of the custody log of {store}"));
            format!(
                "{} file(s) written anew without them, the old ones and their keys destroyed\nproof: {}\n\
                 what was published before stays, and no budget comes back",
                erased.files,
                proofs.collect::<Vec<_>>().join(", "),
            )
        }
    };
    let entries: Vec<_> =
        erased.entries.iter().map(|(store, number)| json!({"store": store, "entry": number})).collect();
    Ok(Report::new(text, json!({"files": erased.files, "entry": entry, "entries": entries})))
}
