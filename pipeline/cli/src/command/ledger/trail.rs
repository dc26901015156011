//! `ledger log`: the audit trail, by person, release, period and kind; as a table, JSON lines or a page.
//!
//! Acts of custodians stand between the ledger's entries where their stores can be read; written files get them only where
//! that is asked for.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::NaiveDate;
use marsad_ledger::State;
use marsad_log::Entry;
use marsad_publish::sheet::{self, Block, Sheet, Shown};
use marsad_terms::{Digest, Name, Text, nearest};
use serde_json::{Value, json};

use crate::args::LogArgs;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// One line of the trail.
struct Line {
    /// `ledger`, `landing` or `restricted`.
    log: &'static str,
    sequence: u64,
    time: String,
    kind: String,
    /// What it is about.
    about: String,
    /// Releases that it is about.
    releases: Vec<String>,
    person: String,
    hash: String,
    document: Value,
}

/// Lists, and writes what is asked for.
///
/// # Errors
/// A ledger that cannot be read, a period that is none, a file that cannot be written.
pub(super) async fn log(workspace: &Workspace, args: &LogArgs) -> Result<Report, Failure> {
    let period = args.period.as_deref().map(days).transpose()?;
    let (entries, state) = workspace.ledger()?.history().await?;
    let mut lines: Vec<Line> = entries.iter().map(|entry| line(&state, entry)).collect();
    let mut notes = Vec::new();
    let writes = args.jsonl.is_some() || args.html.is_some();
    if !writes || args.custody {
        custody(workspace, &mut lines, &mut notes).await?;
    }
    notes.extend(absent(&lines, &args.kind));
    notes.extend(nobody(&lines, args.person.as_deref()));
    notes.extend(no_release(&state, &lines, args.release.as_deref()));
    lines.retain(|line| is_asked_for(line, args, period));
    lines.sort_by(|a, b| a.time.cmp(&b.time));
    if let Some(path) = &args.html {
        put(path, &page(workspace, &lines)?)?;
        notes.push(format!("{} lines in {}", lines.len(), path.display()));
    }
    if let Some(path) = &args.jsonl {
        let text: String =
            lines.iter().flat_map(|line| [line.document.to_string(), "\n".to_owned()]).collect();
        if path == Path::new("-") {
            return Ok(Report::new(text, document(&lines, &notes)).exact());
        }
        put(path, &text)?;
        notes.push(format!("{} lines in {}", lines.len(), path.display()));
    }
    let listed = if writes { String::new() } else { listing(&lines) };
    let text = [vec![listed], notes.clone()].concat().join("\n").trim_start().to_owned();
    Ok(Report::new(text, document(&lines, &notes)))
}

fn document(lines: &[Line], notes: &[String]) -> Value {
    let of = |ledger: bool| -> Vec<&Value> {
        lines.iter().filter(|line| (line.log == "ledger") == ledger).map(|line| &line.document).collect()
    };
    json!({"entries": of(true), "custody": of(false), "notes": notes})
}

fn listing(lines: &[Line]) -> String {
    let rows = lines.iter().map(|line| {
        let number = if line.log == "ledger" {
            line.sequence.to_string()
        } else {
            format!("{} {}", line.log, line.sequence)
        };
        vec![
            number,
            line.time.clone(),
            line.kind.clone(),
            line.about.clone(),
            line.person.clone(),
            line.hash.clone(),
        ]
    });
    table(&["entry", "time", "kind", "about", "by", "hash"], rows, 6)
}

fn line(state: &State, entry: &Entry) -> Line {
    let body = entry.body.value();
    let releases = subjects(state, &body);
    let named = series(state, &body).or_else(|| releases.first().cloned()).unwrap_or_default();
    let about = if entry.kind == "reserved" { format!("{named}: reads landed data") } else { named };
    Line {
        log: "ledger",
        sequence: entry.sequence,
        time: entry.time.clone(),
        kind: entry.kind.clone(),
        about,
        releases,
        person: entry.signature.as_ref().map(|signature| signature.signer.clone()).unwrap_or_default(),
        hash: entry.hash.hex()[..8].to_owned(),
        document: json!(entry),
    }
}

/// The custodians' acts, without a count of rows; a store that cannot be read is noted.
async fn custody(
    workspace: &Workspace,
    lines: &mut Vec<Line>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    for (log, store) in ["landing", "restricted"].into_iter().zip(workspace.custody_stores()?) {
        let Ok(acts) = marsad_landing::trail(&store).await else {
            notes.push(format!("note: the custody log of {log} cannot be read here"));
            continue;
        };
        lines.extend(acts.into_iter().map(|act| {
            let mut document = json!(act);
            document["log"] = json!(log);
            Line {
                log,
                sequence: act.sequence,
                time: act.time,
                kind: act.kind,
                about: act.about,
                releases: Vec::new(),
                person: act.custodian,
                hash: String::new(),
                document,
            }
        }));
    }
    Ok(())
}

/// Which of the kinds asked for nothing is of, and the kinds that are there: a misspelt one must not pass for an empty trail.
fn absent(lines: &[Line], asked: &[String]) -> Option<String> {
    let there: BTreeSet<&str> = lines.iter().map(|line| line.kind.as_str()).collect();
    let absent: Vec<&str> = asked.iter().map(String::as_str).filter(|kind| !there.contains(kind)).collect();
    let list = |kinds: Vec<&str>| kinds.join(", ");
    (!absent.is_empty()).then(|| {
        format!(
            "note: nothing is of kind {}; kinds here: {}",
            list(absent),
            list(there.into_iter().collect())
        )
    })
}

/// That nothing was done by the person asked for, with the nearest who did something.
fn nobody(lines: &[Line], asked: Option<&str>) -> Option<String> {
    let there = lines.iter().map(|line| line.person.as_str()).filter(|person| !person.is_empty());
    unmatched("nothing here was signed or landed by", "persons here", asked?, there.collect())
}

/// That nothing is about the release asked for, with the nearest that is there.
fn no_release(state: &State, lines: &[Line], asked: Option<&str>) -> Option<String> {
    let there = lines.iter().flat_map(|line| &line.releases).map(String::as_str);
    let proposed = state.requests().into_iter().map(|request| request.release().as_str());
    unmatched("nothing is about release", "releases here", asked?, there.chain(proposed).collect())
}

fn unmatched(what: &str, known: &str, asked: &str, there: BTreeSet<&str>) -> Option<String> {
    if there.contains(asked) {
        return None;
    }
    let near = nearest(asked, there.iter().copied());
    let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    let there: Vec<&str> = there.into_iter().collect();
    Some(format!("note: {what} `{asked}`; {known}: {}{near}", there.join(", ")))
}

fn is_asked_for(line: &Line, args: &LogArgs, period: Option<(NaiveDate, NaiveDate)>) -> bool {
    let day = line.time.get(..10).and_then(|day| day.parse::<NaiveDate>().ok());
    args.person.as_ref().is_none_or(|person| *person == line.person)
        && args.release.as_ref().is_none_or(|release| line.releases.contains(release))
        && (args.kind.is_empty() || args.kind.contains(&line.kind))
        && period.is_none_or(|(first, last)| day.is_some_and(|day| (first..=last).contains(&day)))
}

/// First and last day of `2026`, `2026-Q4`, `2026-11`, `2026-11-15` or `2026-11-01..2026-11-15`.
fn days(text: &str) -> Result<(NaiveDate, NaiveDate), Failure> {
    let whole = |part: &str| -> Option<(NaiveDate, NaiveDate)> {
        if let Ok(day) = part.parse::<NaiveDate>() {
            return Some((day, day));
        }
        let (year, rest) = part.split_once('-').unwrap_or((part, ""));
        let year: i32 = year.parse().ok()?;
        let (first, n) = match rest.strip_prefix('Q') {
            Some(quarter) => (quarter.parse::<u32>().ok()?.checked_sub(1)? * 3 + 1, 3),
            None if rest.is_empty() => (1, 12),
            None => (rest.parse().ok()?, 1),
        };
        let start = NaiveDate::from_ymd_opt(year, first, 1)?;
        Some((start, start.checked_add_months(chrono::Months::new(n))?.pred_opt()?))
    };
    let (from, to) = text.split_once("..").unwrap_or((text, text));
    whole(from).zip(whole(to)).map(|(from, to)| (from.0, to.1)).ok_or_else(|| {
        let remedy = "write 2026, 2026-Q4, 2026-11, 2026-11-15 or 2026-11-01..2026-11-15";
        Failure::usage(format!("--period {text} names no days"), remedy)
    })
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file(path, "be written", &error))
}

fn page(workspace: &Workspace, lines: &[Line]) -> Result<String, Failure> {
    let rows = lines.iter().map(|line| {
        let code = |text: &str| Shown::Code(text.to_owned());
        let number = format!("{} {}", line.log, line.sequence);
        vec![
            code(&number),
            code(&line.time),
            Shown::Words(kind(&line.kind)),
            code(&line.about),
            code(&line.person),
            code(&line.hash),
        ]
    });
    let title = Text::new("Journal des décisions", "سجل القرارات", "Audit trail");
    let block = Block {
        heading: Text::new("Écritures", "القيود", "Entries"),
        paragraphs: vec![Text::new(
            "Heures en temps universel (UTC). Les écritures du registre sont signées et enchaînées ; `marsad ledger verify` les vérifie.",
            "الأوقات بالتوقيت العالمي. قيود السجل موقعة ومتسلسلة، ويتحقق منها الأمر marsad ledger verify.",
            "Times are UTC. Entries of the ledger are signed and chained; `marsad ledger verify` checks them.",
        )],
        head: vec![
            Text::new("Écriture", "القيد", "Entry"),
            Text::new("Heure", "الوقت", "Time"),
            Text::new("Nature", "النوع", "Kind"),
            Text::new("Objet", "الموضوع", "About"),
            Text::new("Par", "بواسطة", "By"),
            Text::new("Empreinte", "البصمة", "Hash"),
        ],
        rows: rows.collect(),
    };
    let workspace = workspace.settings.workspace.name.clone();
    Ok(sheet::write(&Sheet { title, workspace, blocks: vec![block] })?)
}

fn kind(kind: &str) -> Text {
    match kind {
        "genesis" => Text::new("fondation", "تأسيس", "genesis"),
        "policy" => Text::new("politique", "سياسة", "policy"),
        "proposed" => Text::new("proposée", "اقتراح", "proposed"),
        "approved" => Text::new("approuvée", "موافقة", "approved"),
        "rejected" => Text::new("rejetée", "رفض", "rejected"),
        "reserved" => {
            Text::new("réservée : lecture des données", "حجز: قراءة البيانات", "reserved: landed data read")
        }
        "released" => Text::new("produite", "إنتاج", "released"),
        "forfeited" => Text::new("perdue, facturée", "ضائع ومحتسب", "forfeited"),
        "series_opened" => Text::new("série ouverte", "فتح سلسلة", "series opened"),
        "published" => Text::new("publiée", "نشر", "published"),
        "withdrawn" => Text::new("retirée", "سحب", "withdrawn"),
        "transferred" => Text::new("transmise", "إحالة", "transferred"),
        "batch" => Text::new("lot reçu", "استلام دفعة", "batch landed"),
        "replaced" => Text::new("lots regroupés", "دمج دفعات", "batches compacted"),
        "retracted" => Text::new("lot retiré", "سحب دفعة", "batch retracted"),
        "swept" => Text::new("fichiers orphelins supprimés", "حذف ملفات يتيمة", "orphan files removed"),
        "erased" => Text::new("personne effacée", "محو شخص", "person erased"),
        "exported" => Text::new("accès d'une personne", "اطلاع شخص", "person's access"),
        "purged" => Text::new("purge", "إتلاف", "purged"),
        "rotated" => Text::new("clés renouvelées", "تجديد المفاتيح", "keys rotated"),
        "series_step" => Text::new("étape close", "إقفال مرحلة", "series step closed"),
        other => Text::new(other, other, other),
    }
}

fn parsed(body: &Value, key: &str) -> Option<Digest> {
    body.get(key).and_then(Value::as_str).and_then(|digest| digest.parse().ok())
}

/// The releases that an entry is about; entries of a run name only their request, those of a series all that show it.
fn subjects(state: &State, body: &Value) -> Vec<String> {
    if let Some(release) = body.get("release").and_then(Value::as_str) {
        return vec![release.to_owned()];
    }
    let (f, proposal, series) = (parsed(body, "f"), parsed(body, "proposal"), parsed(body, "series"));
    let requests = state.requests().into_iter().filter(|request| {
        let shows = || request.proposal.series.iter().any(|terms| Some(terms.series) == series);
        f == Some(request.f) || proposal == Some(request.proposal_id) || (series.is_some() && shows())
    });
    requests.map(|request| request.release().to_string()).collect()
}

/// The series that an entry is about, with its step.
fn series(state: &State, body: &Value) -> Option<String> {
    let series = state.series(&parsed(body, "series")?)?;
    let steps = series.shape.steps();
    let step = body.get("step").and_then(Value::as_u64).and_then(|step| usize::try_from(step).ok());
    let period = step.and_then(|step| steps.get(step)).map(|period| format!(" {period}"));
    Some(format!("{}{}", series.shape.statistic().id, period.unwrap_or_default()))
}
