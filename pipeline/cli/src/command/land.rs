//! `land`: what became of every record, by reason and place, never a value.

use std::collections::BTreeMap;
use std::path::Path;

use marsad_catalog::Fault;
use marsad_landing::Report as Landed;
use serde_json::{Value, json};

use super::Quiet;
use crate::args::{LandArgs, LandCommand};
use crate::progress::Bar;
use crate::report::{Failure, Report, say, table};
use crate::workspace::Workspace;

/// How many rejected records are listed on a terminal; `--json` lists all.
const SHOWN: usize = 20;

/// Lands extracts, or one in the place of a batch.
///
/// # Errors
/// As [`land`]; a batch that does not stand, a release that runs.
pub(super) async fn run(
    workspace: &Workspace,
    command: &LandCommand,
    quiet: Quiet,
) -> Result<Report, Failure> {
    match &command.corrects {
        Some(batch) => correct(workspace, &command.extracts, batch, quiet).await,
        None => land(workspace, &command.extracts, quiet).await,
    }
}

/// Lands the files.
///
/// # Errors
/// A file that is refused as a whole; what landed before it stays landed.
pub(super) async fn land(workspace: &Workspace, args: &LandArgs, quiet: Quiet) -> Result<Report, Failure> {
    let (catalog, faults) = workspace.schemas(&args.mapping)?;
    let landing = workspace.landing_telling_late().await?;
    let mut all = Vec::new();
    for file in &args.files {
        let bar = Bar::of_file(&format!("landing {}", name(file)), quiet.0);
        let landed = landing.land(&catalog, &args.mapping, file, &|done, total| bar.at(done, total)).await;
        let landed = match landed {
            Ok(landed) => landed,
            Err(error) => {
                // What landed before the failure stays landed, so it is told.
                if !quiet.0 && !all.is_empty() {
                    let _ = say(&report(&all, "landed").text);
                }
                return Err(error.into());
            }
        };
        all.push((name(file), landed));
    }
    Ok(with_faults(report(&all, "landed"), &faults))
}

/// Lands one extract in the place of a batch.
async fn correct(
    workspace: &Workspace,
    args: &LandArgs,
    batch: &str,
    quiet: Quiet,
) -> Result<Report, Failure> {
    let file = args.one()?;
    let _at_rest = workspace.at_rest().await?;
    let (catalog, faults) = workspace.schemas(&args.mapping)?;
    let landing = workspace.landing_telling_late().await?;
    let batch = Workspace::batch(&landing.snapshot().await?, batch)?;
    let bar = Bar::of_file(&format!("landing {}", name(file)), quiet.0);
    let progress = |done, total| bar.at(done, total);
    let landed = landing.land_in_place(&catalog, (&args.mapping, file), Some(&batch), &progress).await?;
    let verb = format!("landed in the place of batch {batch}");
    Ok(with_faults(report(&[(name(file), landed)], &verb), &faults))
}

/// Adds the faults of definitions that the mapping has no need of.
pub(super) fn with_faults(mut report: Report, faults: &[Fault]) -> Report {
    if faults.is_empty() {
        return report;
    }
    report.text += "\n\nwarning: other definitions have faults; this mapping needs none of them, and what needs them is refused";
    for fault in faults {
        report.text += &format!("\n  {fault}");
    }
    let told = |fault: &Fault| json!({"code": fault.code, "what": fault.what, "where": fault.location()});
    report.json["faults"] = faults.iter().map(told).collect();
    report
}

/// A file's name without its folders.
pub(super) fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn report(all: &[(String, Landed)], verb: &str) -> Report {
    let text: Vec<String> = all.iter().map(|(file, landed)| describe(file, landed, verb)).collect();
    Report::new(text.join("\n\n"), document(all))
}

fn describe(file: &str, landed: &Landed, verb: &str) -> String {
    if landed.already {
        let batch = landed.batch.as_ref().map(|batch| format!(" as batch {batch}")).unwrap_or_default();
        return format!("{file}: the same content landed before{batch}; nothing to do (F05)");
    }
    let mut text = summary(file, landed, verb);
    if let Some(batch) = &landed.batch {
        text += &format!("\n  batch {batch}");
    }
    if !landed.reasons.is_empty() {
        text = format!("{text}\n{}", reasons(landed));
        let rejected = landed.rejected.iter().take(SHOWN);
        let places = rejected.map(|r| {
            vec![
                r.line.to_string(),
                r.record.to_string(),
                r.reason.clone(),
                r.column.clone().unwrap_or_default(),
            ]
        });
        text = format!("{text}\n{}", table(&["line", "record", "reason", "column"], places, 0));
        if landed.rejected.len() > SHOWN {
            text += &format!("\n  … and {} more; all with --json", landed.rejected.len() - SHOWN);
        }
    }
    text += &spellings(landed);
    text
}

/// Counts in one line, and what the source should be asked.
pub(super) fn summary(file: &str, landed: &Landed, verb: &str) -> String {
    let total = landed.landed + landed.duplicate + landed.quarantined;
    let mut text = format!(
        "{file}: {} of {total} records {verb}, {} duplicates, {} quarantined",
        landed.landed, landed.duplicate, landed.quarantined
    );
    text += &unseen(landed);
    if landed.withdrawn > 0 {
        text += &format!(
            "\n  {} landed record(s) now withhold consent: no statistic sees them",
            landed.withdrawn
        );
    }
    if landed.late > 0 {
        text += &format!(
            "\n  {} record(s) are of quarters already closed: what was published of those changes only if a release is drawn anew",
            landed.late
        );
    }
    if landed.shared_identities > 0 {
        text += &format!(
            "\n  {} record(s) share their number with another person: ask the source",
            landed.shared_identities
        );
    }
    text
}

/// How many of the records withhold consent; that all of them do is seldom true.
fn unseen(landed: &Landed) -> String {
    match (landed.unseen, landed.landed) {
        (0, _) => String::new(),
        (unseen, all) if unseen == all => format!(
            "\n  none of these {all} record(s) consents, so no statistic sees any: if the file says otherwise, `[consent] yes` of the mapping lacks its word for yes"
        ),
        (unseen, _) => format!("\n  {unseen} of them withhold consent: no statistic sees them"),
    }
}

/// Records kept out, by reason.
pub(super) fn reasons(landed: &Landed) -> String {
    let counted = |(code, n): (&String, &u64)| vec![code.clone(), meaning(code).to_owned(), n.to_string()];
    table(&["reason", "meaning", "records"], landed.reasons.iter().map(counted), 2)
}

/// Frequent spellings that no code list knows.
pub(super) fn spellings(landed: &Landed) -> String {
    let mut text = String::new();
    for spelling in &landed.spellings {
        text += &format!(
            "\n  column {}: `{}` in {} records is no code; add it to the mapping if you know what it means",
            spelling.column, spelling.text, spelling.records
        );
    }
    text
}

/// One document for all files; keys as interfaces 3.
pub(super) fn document(all: &[(String, Landed)]) -> Value {
    let sum = |of: fn(&Landed) -> u64| all.iter().map(|(_, landed)| of(landed)).sum::<u64>();
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, n) in all.iter().flat_map(|(_, landed)| &landed.reasons) {
        *reasons.entry(code).or_default() += n;
    }
    let rejected: Vec<Value> = all
        .iter()
        .flat_map(|(file, landed)| {
            landed.rejected.iter().map(move |r| {
                json!({"file": file, "record": r.record, "line": r.line, "column": r.column, "reason": r.reason})
            })
        })
        .collect();
    let batches: Vec<_> = all.iter().filter_map(|(_, landed)| landed.batch.as_ref()).collect();
    json!({
        "records": {
            "landed": sum(|l| l.landed), "late": sum(|l| l.late), "without_consent": sum(|l| l.unseen), "duplicate": sum(|l| l.duplicate), "quarantined": sum(|l| l.quarantined),
        },
        "reasons": reasons,
        "rejected": rejected,
        "batch": batches.first(),
        "batches": batches,
        "already": all.iter().all(|(_, landed)| landed.already),
    })
}

/// The reason codes in words (extracts 3).
pub(super) fn meaning(code: &str) -> &'static str {
    match code {
        "R01" => "no identifier",
        "R02" => "content that identifies",
        "R03" => "no date in a declared form",
        "R04" => "date in the future, or before the programme",
        "R05" => "age impossible",
        "R06" => "number unreadable or outside its range",
        "R07" => "value not in the code list",
        "R08" => "wrong number of fields",
        "R09" => "required value empty",
        "R10" => "control characters or undecodable bytes",
        "R11" => "contradicts a landed record",
        "R12" => "more rows of one person than plausible",
        "R13" => "two statements exclude each other",
        "R14" => "not one person's record",
        "R15" => "erased on the person's request",
        _ => "",
    }
}
