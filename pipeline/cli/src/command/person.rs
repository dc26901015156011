//! `person`: erasure, access, the queue of requests. Identifiers come from a file and are never printed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use csv::{IntoInnerError, Terminator, WriterBuilder};
use marsad_landing::{ActError, Landing, PersonRow, Persons, Request, Urgency};
use marsad_terms::{Name, clock};
use serde_json::{Value, json};

use super::confirm::{DESTROYS, confirm};
use super::notice;
use crate::args::PersonCommand;
use crate::report::{Failure, Report, entries, proofs, rewritten, table};
use crate::workspace::Workspace;

/// Runs one of them.
///
/// # Errors
/// A file of identifiers that others can read or that has a line which is none; a landing that cannot be read or written;
/// a release that runs.
pub(super) async fn run(workspace: &Workspace, command: &PersonCommand) -> Result<Report, Failure> {
    match command {
        PersonCommand::Erase { id_file, yes } => erase(workspace, id_file, *yes).await,
        PersonCommand::Export { id_file, out } => {
            let persons = Persons::read(id_file, &workspace.catalog_without_queries()?)?;
            export(&workspace.landing()?, &persons, out).await
        }
        PersonCommand::Request { kind, received, record_type } => {
            let received = received.unwrap_or_else(clock::today);
            if received > clock::today() {
                return Err(Failure::usage("no request comes from the future", "give the day it came"));
            }
            let types: BTreeSet<_> = record_type.iter().cloned().collect();
            let request = workspace.landing()?.request(*kind, received, types).await?;
            let text = format!("{}: to be answered by {}", request.request, request.due);
            Ok(Report::new(text, json!(request)))
        }
        PersonCommand::Answer { request, proof } => {
            let done = workspace.landing()?.answer(request, clock::today(), proof.clone()).await?;
            Ok(Report::new(format!("{} is answered", done.request), json!(done)))
        }
        PersonCommand::Notice { purpose } => notice::run(workspace, purpose.as_deref()),
        PersonCommand::Requests { all } => Ok(queue(&workspace.landing()?.requests().await?, *all)),
    }
}

async fn erase(workspace: &Workspace, id_file: &Path, yes: bool) -> Result<Report, Failure> {
    let persons = Persons::read(id_file, &workspace.catalog_without_queries()?)?;
    // How many rows are theirs, and of which record types, is for no terminal: it would tell who is a victim of trafficking.
    let question =
        format!("erase all rows of the {} identifier(s) in {}, for good?", persons.n(), id_file.display());
    confirm(&DESTROYS, &question, yes)?;
    let _at_rest = workspace.at_rest().await?;
    let today = clock::today();
    let erased = workspace.landing()?.erase(&persons, today).await?;
    let nothing = "they were erased today already: nothing was changed";
    let done = match erased.files {
        0 => "file(s) held them: no landed row was theirs; check the identifiers and their scheme",
        _ => "file(s) written anew without them, the old ones and their keys destroyed",
    };
    let mut report = rewritten(done, nothing, &erased);
    if !erased.entries.is_empty() {
        report.text += &format!(
            "\nrecords of theirs up to today, {today}, land no more (R15); later ones do\n\
             what was published before stays, and no budget comes back; ask every source to erase them too"
        );
    }
    report.json["until"] = json!(today);
    Ok(report)
}

/// The file is made first, empty and private, so that no access is told that could not be given.
async fn export(landing: &Landing, persons: &Persons, out: &Path) -> Result<Report, Failure> {
    let failed = |source| ActError::Output { file: out.to_owned(), source };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(out);
    let file = made.map_err(failed)?;
    match write(landing, persons, file, out).await {
        Ok(report) => Ok(report),
        Err(failure) => {
            fs::remove_file(out).ok();
            Err(failure)
        }
    }
}

async fn write(landing: &Landing, persons: &Persons, mut file: File, out: &Path) -> Result<Report, Failure> {
    let (rows, exported) = landing.export(persons).await?;
    let is_csv = out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let failed = |source| ActError::Output { file: out.to_owned(), source };
    let bytes = match is_csv {
        true => csv(&rows).map_err(|error| failed(error.into()))?,
        false => format!("{:#}\n", json!({"rows": rows})).into_bytes(),
    };
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    let proof = match exported.entries.as_slice() {
        [] => String::new(),
        entries => format!("\nproof: {}", proofs(entries)),
    };
    // How many rows a person has is for the file's reader, not for a terminal or a log; that there is none is an answer.
    let found = !rows.is_empty();
    let none =
        if found { "" } else { "no record of theirs was found: check the identifiers and their scheme\n" };
    let text = format!("{none}{}, readable by you alone{proof}", out.display());
    Ok(Report::new(text, json!({"file": out, "entries": entries(&exported.entries), "found": found})))
}

/// One table: what every row has, then all columns that any of them has.
fn csv(rows: &[PersonRow]) -> csv::Result<Vec<u8>> {
    let columns: BTreeSet<&str> = rows.iter().flat_map(|row| row.values.keys()).map(String::as_str).collect();
    let head = ["record_type", "landed", "source"].into_iter().chain(columns.iter().copied());
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        let record_type = row.record_type.as_ref().map_or("", Name::as_str);
        let own = [record_type, &row.landed, &row.source];
        let values = columns.iter().map(|column| row.values.get(*column).map_or("", String::as_str));
        writer.write_record(own.into_iter().chain(values).map(cell))?;
    }
    Ok(writer.into_inner().map_err(IntoInnerError::into_error)?)
}

/// Codes, numbers and months alone stand in a cell, but for the source's note: no spreadsheet may take that for a formula.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err();
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn queue(requests: &[Request], all: bool) -> Report {
    let today = clock::today();
    let mut listed: Vec<(&Request, Urgency)> =
        requests.iter().map(|request| (request, request.urgency(today))).collect();
    let worst = listed.iter().map(|(_, urgency)| *urgency).max().unwrap_or(Urgency::Done);
    listed.retain(|(_, urgency)| all || *urgency != Urgency::Done);
    listed.sort_by_key(|(request, _)| request.due);
    let rows = listed.iter().map(|(request, urgency)| {
        let types: Vec<&str> = request.record_types.iter().map(Name::as_str).collect();
        let kind = json!(request.kind).as_str().unwrap_or_default().to_owned();
        let due = request.due.to_string();
        vec![
            request.request.clone(),
            kind,
            request.received.to_string(),
            due,
            urgency.as_str().to_owned(),
            types.join(", "),
        ]
    });
    let text = match listed.as_slice() {
        [] => "no request is open".to_owned(),
        _ => table(&["request", "kind", "received", "due", "state", "record types"], rows, 6),
    };
    let list: Vec<Value> = listed
        .iter()
        .map(|(request, urgency)| {
            let mut document = json!(request);
            document["urgency"] = json!(urgency.as_str());
            document
        })
        .collect();
    Report::new(text, json!({"requests": list, "worst": worst.as_str()})).with_verdict(worst < Urgency::Alarm)
}
