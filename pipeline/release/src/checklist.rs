//! The steward's checklist of a proposal (governance 3): evidence from catalogue, policy and ledger, never from the landing.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use marsad_catalog::{Area, BoundMode, Catalog, Purpose, RecordType};
use marsad_ledger::checklist::{Item, Standing, Who};
use marsad_ledger::proposal::{Forecast, Proposal};
use marsad_ledger::{Policy, ScopeAfter};
use marsad_privacy::accounting;
use marsad_terms::{Grain, Language, Name, RecordTypeId, Text};

use crate::plan::SelfAudit;
use crate::prepare::{Prepared, PreparedStatistic};

/// Record types that are published for the whole country and by year only.
const SENSITIVE_TYPES: [&str; 2] = ["child_protection", "vot_identification"];
/// Categories that count as such tables.
const SENSITIVE_CATEGORIES: [&str; 2] = ["UASC", "VOT"];

/// Everything that the items are decided on.
pub(crate) struct Facts<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) policy: &'a Policy,
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) today: NaiveDate,
    pub(crate) scopes: &'a [ScopeAfter],
    pub(crate) audit: Option<&'a SelfAudit>,
    /// Complete but for the list itself.
    pub(crate) proposal: &'a Proposal,
}

impl Facts<'_> {
    /// All items, in order.
    pub(crate) fn items(&self) -> Vec<Item> {
        vec![
            self.purposes(),
            self.authorisations(),
            Item::machine(
                "C03",
                true,
                "rows are read through the table provider, which drops those without consent or legal basis",
            ),
            Item::machine("C04", true, self.units()),
            Item::shown("C05", self.sources()),
            Item::shown("C06", self.cost()),
            self.mechanism(),
            Item::machine("C08", true, self.domains()),
            Item::shown("C09", self.margins()),
            Item::machine(
                "C10",
                true,
                "flags are made from the noisy table alone: an exact table has no other reader than the noise",
            ),
            self.smallest(),
            self.sensitive_tables(),
            Item::shown("C13", self.overlaps()),
            Item::after_run("C14", "totals are checked on the bundle by `marsad verify`"),
            Item::after_run("C15", "display values are checked on the bundle by `marsad verify`"),
            self.languages(),
            Item::asked(
                "C17",
                "does a title or note invite a wrong reading (\"migrants in the region\" for \"persons assisted\")?",
            ),
            Item::asked(
                "C18",
                "could a table guide action against a group or a place? yes or no, with a sentence",
            ),
            Item::asked(
                "C19",
                "could two tables published together say more about a small group than each alone?",
            ),
            self.publication(),
            Item::machine(
                "C21",
                true,
                format!("{} approval(s) by other keys than the author's", self.proposal.approvals_needed),
            ),
            Item::shown(
                "C22",
                format!("declared coverage: {}", self.prepared.release.coverage.get(Language::Fr)),
            ),
            Item::asked(
                "C23",
                "are the open requests of persons that concern these record types done, or not yet due?",
            ),
            Item::after_run("C24", "formats, hashes and signature are checked before publication"),
            Item::asked("C25", "who decides on a withdrawal, and who is told?"),
        ]
    }

    /// Each statistic with each record type that it scans.
    fn read(&self) -> impl Iterator<Item = (&PreparedStatistic<'_>, &RecordType)> {
        self.prepared.statistics.iter().flat_map(move |s| {
            s.record_types().filter_map(move |id| Some((s, self.catalog.record_types.get(&id)?)))
        })
    }

    fn purposes(&self) -> Item {
        let mut faults = Vec::new();
        for (prepared, record_type) in self.read() {
            let id = &prepared.statistic.id;
            match self.catalog.purposes.get(&prepared.statistic.purpose) {
                None => faults.push(format!("{id}: no purpose `{}`", prepared.statistic.purpose)),
                Some(purpose) => faults.extend(uncovered(prepared, record_type, purpose)),
            }
        }
        faults.extend(self.prepared.statistics.iter().flat_map(|s| self.unlisted_joins(s)));
        let evidence = match faults.is_empty() {
            true => format!("covered by {}", self.purpose_ids().join(", ")),
            false => faults.join("; "),
        };
        Item::machine("C01", faults.is_empty(), evidence)
    }

    /// All records of a person that a statement scans meet in it, however it is written: each pair must be listed.
    fn unlisted_joins(&self, prepared: &PreparedStatistic<'_>) -> Vec<String> {
        let scanned: Vec<RecordTypeId> = prepared.record_types().collect();
        let Some(purpose) = self.catalog.purposes.get(&prepared.statistic.purpose) else { return Vec::new() };
        let pairs =
            scanned.iter().enumerate().flat_map(|(i, a)| scanned[i + 1..].iter().map(move |b| (a, b)));
        let barred = pairs.filter(|(a, b)| !purpose.allows_join(a, b));
        let id = &prepared.statistic.id;
        barred
            .map(|(a, b)| format!("{id}: {} does not allow {a} to be joined with {b}", purpose.id))
            .collect()
    }

    fn purpose_ids(&self) -> Vec<String> {
        let ids: BTreeSet<String> = self.read().map(|(s, _)| s.statistic.purpose.clone()).collect();
        ids.into_iter().collect()
    }

    fn authorisations(&self) -> Item {
        let ids = self.purpose_ids();
        let purposes: Vec<&Purpose> = ids.iter().filter_map(|id| self.catalog.purposes.get(id)).collect();
        let recipients = &self.prepared.release.recipients;
        let wrong = |purpose: &&&Purpose| !purpose.is_authorised(self.today, recipients);
        let faults: Vec<String> = purposes.iter().filter(wrong).map(|p| p.id.clone()).collect();
        let describe = |p: &&Purpose| {
            let a = &p.authorisation;
            format!("{}: {} {}, valid to {}", p.id, a.authority, a.reference, a.valid_to)
        };
        let evidence = match faults.is_empty() {
            true => purposes.iter().map(describe).collect::<Vec<_>>().join("; "),
            false => format!("expired, not yet valid, or not for these recipients: {}", faults.join(", ")),
        };
        Item::machine("C02", faults.is_empty(), evidence)
    }

    fn units(&self) -> String {
        let reading = || self.prepared.statistics.iter().filter(|s| s.analysis.is_some());
        let private = reading().filter(|s| s.is_private()).count();
        let exact = reading().count() - private;
        format!(
            "{private} statistic(s) bounded by person over all rows; {exact} of organisations, without persons"
        )
    }

    fn sources(&self) -> String {
        let bounds = self.prepared.statistics.iter().filter_map(|prepared| {
            let bound = &prepared.statistic.bound;
            let constant = match bound.mode {
                BoundMode::NormClip => format!("C² = {}", bound.c_squared.unwrap_or_default()),
                BoundMode::Truncate => format!("k = {}", bound.k.unwrap_or_default()),
                _ => return None,
            };
            let source = bound.source.as_deref().unwrap_or("no source");
            Some(format!("{}: {constant} ({source})", prepared.statistic.id))
        });
        let bounds: Vec<String> = bounds.collect();
        if bounds.is_empty() { "no constant is needed".to_owned() } else { bounds.join("; ") }
    }

    fn cost(&self) -> String {
        let delta: f64 = self.policy.display_delta.parse().unwrap_or(1e-6);
        let guess = accounting::guess(self.proposal.nano_rho);
        let scopes: Vec<String> = self.scopes.iter().map(after).collect();
        format!(
            "ρ = {}, ε = {} at δ = {}; from even odds nobody can guess better than {} % whether a person is in the data; {}",
            self.proposal.nano_rho,
            accounting::epsilon(self.proposal.nano_rho, delta),
            self.policy.display_delta,
            guess.membership_percent,
            scopes.join("; "),
        )
    }

    fn domains(&self) -> String {
        let joint = self.prepared.joint.as_ref().map_or(0, marsad_privacy::Joint::n_coordinates);
        let series = self.prepared.statistics.iter().filter_map(|s| s.series.as_ref());
        let cells = joint + series.map(|s| s.shape.n_coordinates() * (s.through as usize + 1)).sum::<usize>();
        format!("{cells} cells: the product of declared code lists and listed periods, zeros measured too")
    }

    fn margins(&self) -> String {
        let margin = |table: &Forecast| table.margin.parse::<f64>().unwrap_or(0.0);
        match self.proposal.tables.iter().max_by(|a, b| margin(a).total_cmp(&margin(b))) {
            Some(table) => format!(
                "widest: {} by {}, ± {}; a cell reads A from {}, U from {}",
                table.dataflow,
                table.dimensions.join(", "),
                table.margin,
                table.reliable_from,
                table.usable_from
            ),
            None => "no noise: organisations only".to_owned(),
        }
    }

    /// C11: no table finer than statistic, record type and policy allow.
    fn smallest(&self) -> Item {
        let mut faults = Vec::new();
        for (prepared, record_type) in self.read() {
            let policy = self.policy.smallest_area.get(&record_type.id).map(String::as_str);
            let national = record_type.smallest_area == "national"
                || policy == Some("national")
                || prepared.statistic.smallest_area == Area::National;
            for (regional, grain) in tables(prepared) {
                let shortest =
                    if regional { record_type.shortest_period } else { record_type.shortest_period_national };
                let too_fine = grain == Grain::Quarter && shortest == Grain::Year;
                if regional && national {
                    faults.push(format!("{}: a table by region", prepared.statistic.id));
                } else if too_fine {
                    faults.push(format!("{}: a table by quarter", prepared.statistic.id));
                }
            }
        }
        faults.dedup();
        let fine = "no table is finer than record types, statistics and policy allow".to_owned();
        let evidence = if faults.is_empty() { fine } else { faults.join("; ") };
        Item::machine("C11", faults.is_empty(), evidence)
    }

    /// C12: children and victims of trafficking nationally and by year only.
    fn sensitive_tables(&self) -> Item {
        let mut faults = Vec::new();
        for (prepared, record_type) in self.read() {
            let Some(shape) = prepared.measured() else { continue };
            let by_type = SENSITIVE_TYPES.contains(&record_type.id.as_str());
            for table in &shape.tables {
                let dimensions: Vec<_> = table.dimensions.iter().map(|d| &shape.dimensions[*d]).collect();
                let by_category = dimensions
                    .iter()
                    .any(|d| d.codes.iter().any(|code| SENSITIVE_CATEGORIES.contains(&code.as_str())));
                let crossed = dimensions
                    .iter()
                    .any(|d| ["REF_AREA", "NATIONALITY_GROUP"].contains(&d.code_list.as_str()));
                if (by_type || by_category) && (crossed || table.grain == Grain::Quarter) {
                    faults.push(format!("{}: children or victims below national and annual", shape.id));
                }
            }
        }
        faults.dedup();
        let fine = "no child-protection or trafficking table below national and annual".to_owned();
        let evidence = if faults.is_empty() { fine } else { faults.join("; ") };
        Item::machine("C12", faults.is_empty(), evidence)
    }

    fn overlaps(&self) -> String {
        let again = self
            .proposal
            .overlap
            .iter()
            .map(|o| format!("{} cells of {} in {}", o.cells, o.dataflow, o.release));
        let again: Vec<String> = again.collect();
        let again = match again.is_empty() {
            true => "no earlier release estimates these cells".to_owned(),
            false => format!("estimated again: {}", again.join("; ")),
        };
        match self.proposal.differences.first() {
            None => format!("{again}; no published cell differs from a new one by a group"),
            Some(sharpest) => format!(
                "{again}; the sharpest of {} difference(s): {} less {} of {} leaves {}, ± {}",
                self.proposal.differences.len(),
                sharpest.dataflow,
                sharpest.earlier,
                sharpest.release,
                sharpest.remains,
                sharpest.margin
            ),
        }
    }

    fn languages(&self) -> Item {
        let texts = self.prepared.statistics.iter().flat_map(|s| [&s.statistic.title, &s.statistic.note]);
        let release = [&self.prepared.release.title, &self.prepared.release.coverage];
        let missing = texts.chain(release).filter(|text: &&Text| !text.missing().is_empty()).count();
        let evidence = format!(
            "{missing} text(s) lack a language; a reader of each language looks at the rendered page"
        );
        let state = if missing == 0 { Standing::Open } else { Standing::Fail };
        Item { id: "C16".to_owned(), who: Who::Both, state, evidence }
    }

    /// C07: open until this very build has audited itself here, red where it failed.
    fn mechanism(&self) -> Item {
        let (state, audit) = match self.audit {
            None => (Standing::Open, "this build has not audited itself here: run `marsad audit`"),
            Some(SelfAudit { passed: None, evidence }) => (Standing::Open, evidence.as_str()),
            Some(SelfAudit { passed: Some(true), evidence }) => (Standing::Pass, evidence.as_str()),
            Some(SelfAudit { passed: Some(false), evidence }) => (Standing::Fail, evidence.as_str()),
        };
        let mechanism = marsad_ledger::proposal::MECHANISM;
        let evidence = format!(
            "{mechanism}{}, OpenDP 0.16, marsad {}; {audit}",
            self.residuals(),
            env!("CARGO_PKG_VERSION")
        );
        Item { id: "C07".to_owned(), who: Who::Machine, state, evidence }
    }

    /// The statistics whose residuals get the noise in place of their tables.
    fn residuals(&self) -> String {
        let chosen = self.proposal.strategies.iter().filter(|choice| choice.strategy == "residuals");
        let chosen: Vec<&str> = chosen.map(|choice| choice.statistic.as_str()).collect();
        match chosen.is_empty() {
            true => String::new(),
            false => format!(", on the residuals of {}", chosen.join(", ")),
        }
    }

    fn publication(&self) -> Item {
        let release = self.prepared.release;
        let evidence = format!(
            "embargo {}, CC BY 4.0, contact {}, recipients {}; everyone gets the same bytes",
            release.embargo,
            release.contact,
            release.recipients.join(", ")
        );
        Item::shown("C20", evidence)
    }
}

/// Whether each table shows regions, and its grain.
fn tables(prepared: &PreparedStatistic<'_>) -> Vec<(bool, Grain)> {
    let Some(shape) = prepared.measured() else {
        let analysis = prepared.analysis.iter();
        let sets = analysis.flat_map(|a| {
            a.sets.iter().map(|set| {
                let regional = set.dimensions.iter().any(|d| a.dimensions[*d].list == "REF_AREA");
                (regional, set.grain.unwrap_or(Grain::Quarter))
            })
        });
        return sets.collect();
    };
    let regional = |d: &usize| shape.dimensions[*d].code_list == "REF_AREA";
    shape.tables.iter().map(|table| (table.dimensions.iter().any(regional), table.grain)).collect()
}

fn uncovered(prepared: &PreparedStatistic<'_>, record_type: &RecordType, purpose: &Purpose) -> Vec<String> {
    let id = &prepared.statistic.id;
    let mut faults = Vec::new();
    if !purpose.record_types.contains(&record_type.id) {
        faults.push(format!("{id}: {} does not cover {}", purpose.id, record_type.id));
    }
    let read =
        prepared.analysis.iter().filter_map(|analysis| analysis.record_types.get(record_type.id.as_str()));
    let used = read.flatten();
    let sensitive = used.filter(|name| record_type.column(name).is_some_and(|column| column.sensitive));
    let barred = sensitive.filter(|name| !purpose.sensitive.contains(name));
    faults
        .extend(barred.map(|name| format!("{id}: {} does not name the sensitive column {name}", purpose.id)));
    faults
}

/// `lifetime: 0.1 of 1 → 0.2`
fn after(scope: &ScopeAfter) -> String {
    let cap = scope.cap.map_or_else(|| "no cap".to_owned(), |cap| format!("cap {cap}"));
    format!("{}: {} → {} ({cap})", scope.scope, scope.used, scope.after)
}
