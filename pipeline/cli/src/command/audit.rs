//! `audit`: the installed build against its own claims, on fictitious people, so that nobody need trust its makers.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use marsad_privacy::audit::{self, Audit, COVERAGE_SLACK, LEAST_P, LEAST_PART};
use marsad_release::SelfAudit;
use marsad_terms::{Digest, Text, clock};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Quiet;
use crate::progress::Bar;
use crate::report::{Failure, Report, table};
use crate::workspace::Workspace;

/// Where a workspace keeps the verdict of the last audit.
const FILE: &str = "audit.json";

/// The verdict as it is kept.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Hash of the program that audited itself.
    build: Digest,
    time: String,
    passed: bool,
    mu_estimated: f64,
    mu_claimed: f64,
    coverage: f64,
    sampler_p: f64,
}

impl Record {
    /// When, how it ended, and the figures.
    fn evidence(&self) -> Text {
        let Self { time, mu_estimated, mu_claimed, sampler_p, .. } = self;
        let percent = 100.0 * self.coverage;
        let verdict = match self.passed {
            true => Text::new("réussi", "ناجح", "passed"),
            false => Text::new("ÉCHOUÉ", "فاشل", "FAILED"),
        };
        let comma = |figure: f64| format!("{figure:.3}").replace('.', ",");
        let (mu, of, p) = (comma(*mu_estimated), comma(*mu_claimed), comma(*sampler_p));
        let covered = format!("{percent:.2}").replace('.', ",");
        Text::new(
            format!(
                "audit de cette version du {time} {} : μ {mu} sur {of}, couverture {covered} %, p des tirages {p}",
                verdict.fr
            ),
            format!(
                "تدقيق هذه النسخة في \u{2066}{time}\u{2069} {}: \u{2066}μ = {mu}\u{2069} من {of}، والتغطية {covered} %، \
                 واحتمال السحوبات \u{2066}p = {p}\u{2069}",
                verdict.ar
            ),
            format!(
                "the audit of this build on {time} {}: μ {mu_estimated:.3} of {mu_claimed:.3}, coverage {percent:.2} %, \
                 p of the draws {sampler_p:.3}",
                verdict.en
            ),
        )
    }
}

/// Audits this build; in a workspace the verdict is kept for the checklist of its releases (C07).
///
/// # Errors
/// No randomness, or a verdict that cannot be written; an audit that fails is a result.
pub(super) fn run(workspace: Option<&Workspace>, quiet: Quiet) -> Result<Report, Failure> {
    let bar = Bar::new("releasing with and without one person", quiet.0);
    let audit = audit::run(&|done, total| bar.at(done, total))?;
    drop(bar);
    let mut told = text(&audit);
    if let Some(workspace) = workspace {
        keep(workspace, &audit)?;
        told += "\nkept for the checklists of this workspace's releases (C07)";
    }
    Ok(Report::new(told, document(&audit)).with_verdict(audit.passed))
}

fn keep(workspace: &Workspace, audit: &Audit) -> Result<(), Failure> {
    let Audit { passed, mu_estimated, mu_claimed, coverage, sampler_p, .. } = *audit;
    let (build, time) = (this_build()?, clock::now_text());
    let record = Record { build, time, passed, mu_estimated, mu_claimed, coverage, sampler_p };
    let folder = workspace.dir.join("state");
    fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, "be made", &error))?;
    let path = folder.join(FILE);
    let text = serde_json::to_string(&record).unwrap_or_default();
    fs::write(&path, text).map_err(|error| Failure::file(&path, "be written", &error))
}

/// The verdict that is kept in this workspace; none where nobody was audited.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn recorded(workspace: &Workspace) -> Result<Option<SelfAudit>, Failure> {
    let path = workspace.dir.join("state").join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(&path, "be read", &error)),
    };
    // A record that does not read back is as good as none: the audit can be repeated.
    let Ok(record) = serde_json::from_str::<Record>(&text) else { return Ok(None) };
    if record.build != this_build()? {
        let (time, run) = (&record.time, "marsad audit");
        let evidence = Text::new(
            format!("l'audit du {time} était celui d'une autre version : lancez `{run}`"),
            format!("كان تدقيق \u{2066}{time}\u{2069} لنسخة أخرى: شغّل الأمر {run}"),
            format!("the audit on {time} was of another build: run `{run}`"),
        );
        return Ok(Some(SelfAudit { passed: None, evidence }));
    }
    Ok(Some(SelfAudit { passed: Some(record.passed), evidence: record.evidence() }))
}

/// The hash of the program that runs.
fn this_build() -> Result<Digest, Failure> {
    let path =
        std::env::current_exe().map_err(|error| Failure::file(Path::new("marsad"), "be found", &error))?;
    let bytes = fs::read(&path).map_err(|error| Failure::file(&path, "be read", &error))?;
    Ok(Digest::of(&bytes))
}

fn document(audit: &Audit) -> serde_json::Value {
    json!({
        "ok": audit.passed,
        "runs_a_side": audit.runs,
        "mu_claimed": audit.mu_claimed,
        "mu_estimated": audit.mu_estimated,
        "standard_error": audit.standard_error,
        "mu_proven": audit.mu_proven,
        "coverage": audit.coverage,
        "order_free": audit.order_free,
        "sampler_p": audit.sampler_p,
        "parity_p": audit.parity_p,
    })
}

fn text(audit: &Audit) -> String {
    let Audit { runs, mu_claimed, mu_estimated, standard_error, slack, .. } = *audit;
    let verdict = |holds: bool| if holds { "holds" } else { "FAILS" }.to_owned();
    let row = |what: &str, found: String, wanted: String, holds: bool| {
        vec![what.to_owned(), verdict(holds), found, wanted]
    };
    let beyond = slack * standard_error;
    let is_near = mu_estimated - beyond <= mu_claimed && mu_estimated >= LEAST_PART * mu_claimed;
    let rows = [
        row(
            "one person's trace μ, estimated",
            format!("{mu_estimated:.3} ± {standard_error:.3}"),
            format!("{:.3} to {:.3}", LEAST_PART * mu_claimed, mu_claimed + beyond),
            is_near,
        ),
        row(
            "… proven by the test's errors",
            format!("{:.3}", audit.mu_proven),
            format!("at most {mu_claimed:.3}"),
            audit.mu_proven <= mu_claimed,
        ),
        row(
            "95 % intervals that hold the truth",
            format!("{:.2} %", 100.0 * audit.coverage),
            format!("95 ± {} %", 100.0 * COVERAGE_SLACK),
            audit.covers(),
        ),
        row(
            "order of people and rows",
            if audit.order_free { "no effect" } else { "an effect" }.to_owned(),
            "no effect".to_owned(),
            audit.order_free,
        ),
        chance("draws are discrete Gaussian, p", audit.sampler_p),
        chance("low bits even and odd alike, p", audit.parity_p),
    ];
    let found = table(&["check", "verdict", "found", "wanted"], rows, 2);
    let whole = match audit.passed {
        true => "this build keeps what it claims on the worst person",
        false => {
            "this build FAILED; a right one does so once in 700 audits: run it again, and publish nothing meanwhile"
        }
    };
    format!("{found}\n\n{runs} releases a side at ρ = 0.5 (μ = √(2ρ) = {mu_claimed}): {whole}")
}

fn chance(what: &str, p: f64) -> Vec<String> {
    let holds = if p > LEAST_P { "holds" } else { "FAILS" };
    vec![what.to_owned(), holds.to_owned(), format!("{p:.3}"), format!("above {LEAST_P}")]
}
