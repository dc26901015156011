//! `audit`: the installed build against its own claims, on fictitious people, so that nobody need trust its makers.

use marsad_privacy::audit::{self, Audit, COVERAGE_SLACK, LEAST_P, LEAST_PART};
use serde_json::json;

use super::Quiet;
use crate::progress::Bar;
use crate::report::{Failure, Report, table};

/// Audits this build.
///
/// # Errors
/// No randomness; an audit that fails is a result.
pub(super) fn run(quiet: Quiet) -> Result<Report, Failure> {
    let bar = Bar::new("releasing with and without one person", quiet.0);
    let audit = audit::run(&|done, total| bar.at(done, total))?;
    drop(bar);
    Ok(Report::new(text(&audit), document(&audit)).with_verdict(audit.passed))
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
