//! The steward's checklist of a proposal (governance 3): evidence from catalogue, policy and ledger, never from the landing.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use marsad_catalog::{Area, BoundMode, Catalog, Purpose, RecordType};
use marsad_ledger::checklist::{Item, Standing, Who};
use marsad_ledger::proposal::{Forecast, Proposal};
use marsad_ledger::scope::decimal;
use marsad_ledger::{Policy, ScopeAfter};
use marsad_privacy::accounting;
use marsad_terms::{Grain, Name, RecordTypeId, Text};

use crate::plan::SelfAudit;
use crate::prepare::{Prepared, PreparedStatistic};
use crate::reads::{Shortest, Table};

mod words;

/// Everything that the items are decided on.
pub(crate) struct Facts<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) policy: &'a Policy,
    pub(crate) prepared: &'a Prepared<'a>,
    pub(crate) tables: &'a [Table<'a>],
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
            Item::machine("C03", true, words::provider()),
            Item::machine("C04", true, self.units()),
            Item::shown("C05", self.sources()),
            Item::shown("C06", self.cost()),
            self.mechanism(),
            Item::machine("C08", true, self.domains()),
            Item::shown("C09", self.margins()),
            Item::machine("C10", true, words::flags()),
            self.smallest(),
            self.sensitive_tables(),
            Item::shown("C13", words::overlaps(&self.proposal.overlap, &self.proposal.differences)),
            Item::after_run("C14", words::totals()),
            Item::after_run("C15", words::display()),
            self.languages(),
            Item::asked("C17", words::wording()),
            Item::asked("C18", words::harm()),
            Item::asked("C19", words::together()),
            self.publication(),
            Item::machine("C21", true, words::approvals(self.proposal.approvals_needed)),
            Item::shown("C22", words::coverage(&self.prepared.release.coverage)),
            Item::asked("C23", words::requests()),
            Item::after_run("C24", words::formats()),
            Item::asked("C25", words::withdrawal()),
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
                None => faults.push(words::no_purpose(id, &prepared.statistic.purpose)),
                Some(purpose) => faults.extend(uncovered(prepared, record_type, purpose)),
            }
        }
        faults.extend(self.prepared.statistics.iter().flat_map(|s| self.unlisted_joins(s)));
        judged("C01", faults, words::covered(&self.purpose_ids()))
    }

    /// All records of a person that a statement scans meet in it, however it is written: each pair must be listed.
    fn unlisted_joins(&self, prepared: &PreparedStatistic<'_>) -> Vec<Text> {
        let scanned: Vec<RecordTypeId> = prepared.record_types().collect();
        let Some(purpose) = self.catalog.purposes.get(&prepared.statistic.purpose) else { return Vec::new() };
        let pairs =
            scanned.iter().enumerate().flat_map(|(i, a)| scanned[i + 1..].iter().map(move |b| (a, b)));
        let barred = pairs.filter(|(a, b)| !purpose.allows_join(a, b));
        let id = &prepared.statistic.id;
        barred.map(|(a, b)| words::unlisted_join(id, &purpose.id, a, b)).collect()
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
            words::valid(&p.id, &format!("{} {}", a.authority, a.reference), a.valid_to)
        };
        let evidence = match faults.is_empty() {
            true => words::joined(purposes.iter().map(describe)),
            false => words::invalid(&faults),
        };
        Item::machine("C02", faults.is_empty(), evidence)
    }

    fn units(&self) -> Text {
        let reading = || self.prepared.statistics.iter().filter(|s| s.analysis.is_some());
        let private = reading().filter(|s| s.is_private()).count();
        let exact = reading().count() - private;
        words::units(private, exact)
    }

    fn sources(&self) -> Text {
        let bounds = self.prepared.statistics.iter().filter_map(|prepared| {
            let bound = &prepared.statistic.bound;
            let constant = match bound.mode {
                BoundMode::NormClip => format!("C² = {}", bound.c_squared.unwrap_or_default()),
                BoundMode::Truncate => format!("k = {}", bound.k.unwrap_or_default()),
                _ => return None,
            };
            Some(words::constant(&prepared.statistic.id, &constant, bound.source.as_deref()))
        });
        let bounds: Vec<Text> = bounds.collect();
        if bounds.is_empty() { words::no_constant() } else { words::joined(bounds) }
    }

    fn cost(&self) -> Text {
        let delta: f64 = self.policy.display_delta.parse().unwrap_or(1e-6);
        let guess = accounting::guess(self.proposal.nano_rho);
        let rho = self.proposal.nano_rho;
        let epsilon = accounting::epsilon(rho, delta);
        let price = format!("ρ = {}, ε = {epsilon}, δ = {}", decimal(rho), self.policy.display_delta);
        words::cost(&price, guess.membership_percent, self.scopes)
    }

    fn domains(&self) -> Text {
        let joint = self.prepared.joint.as_ref().map_or(0, marsad_privacy::Joint::n_coordinates);
        let series = self.prepared.statistics.iter().filter_map(|s| s.series.as_ref());
        let cells = joint + series.map(|s| s.shape.n_coordinates() * (s.through as usize + 1)).sum::<usize>();
        words::domain(cells)
    }

    fn margins(&self) -> Text {
        let margin = |table: &Forecast| table.margin.parse::<f64>().unwrap_or(0.0);
        match self.proposal.tables.iter().max_by(|a, b| margin(a).total_cmp(&margin(b))) {
            Some(table) => words::widest(table, &self.proposal.tables),
            None => words::no_noise(),
        }
    }

    /// C11: no table depends on less than statistic, record type and policy allow, in whatever place of its statement.
    fn smallest(&self) -> Item {
        let types = |table: &Table<'_>| table.prepared.record_types().collect::<Vec<_>>();
        let pairs = self.tables.iter().flat_map(|table| types(table).into_iter().map(move |id| (table, id)));
        let known = pairs.filter_map(|(table, id)| Some((table, self.catalog.record_types.get(&id)?)));
        let faults = known.flat_map(|(table, record_type)| self.too_fine(table, record_type));
        judged("C11", faults.collect(), words::coarse())
    }

    fn too_fine(&self, table: &Table<'_>, record_type: &RecordType) -> Vec<Text> {
        let statistic = table.prepared.statistic;
        let policy = self.policy.smallest_area.get(&record_type.id).map(String::as_str);
        let national = record_type.smallest_area == "national"
            || policy == Some("national")
            || statistic.smallest_area == Area::National;
        let allowed =
            if table.regional { record_type.shortest_period } else { record_type.shortest_period_national };
        let mut faults = Vec::new();
        if table.regional && national {
            faults.push(words::by_region(&statistic.id));
        }
        match (table.shortest, allowed) {
            (Shortest::Year, _) | (Shortest::Quarter, Grain::Quarter) => {}
            (_, Grain::Year) => faults.push(words::by_quarter(&statistic.id)),
            (Shortest::Month, Grain::Quarter) => faults.push(words::by_month(&statistic.id)),
        }
        faults
    }

    /// C12: children and victims of trafficking nationally and by year only, and by no nationality.
    fn sensitive_tables(&self) -> Item {
        let crossed =
            |table: &&Table<'_>| table.regional || table.national_groups || table.shortest != Shortest::Year;
        let wrong = self.tables.iter().filter(|table| table.is_sensitive()).filter(crossed);
        let faults = wrong.map(|table| words::children(&table.prepared.statistic.id)).collect();
        judged("C12", faults, words::no_children())
    }

    fn languages(&self) -> Item {
        let statistics = || self.prepared.statistics.iter().map(|prepared| &prepared.statistic);
        let texts = statistics().flat_map(|statistic| [&statistic.title, &statistic.note]);
        let columns = statistics().flat_map(|statistic| statistic.columns.values());
        let columns = columns.flat_map(|column| std::iter::once(&column.title).chain(&column.note));
        let release = [&self.prepared.release.title, &self.prepared.release.coverage];
        let missing =
            texts.chain(columns).chain(release).filter(|text: &&Text| !text.missing().is_empty()).count();
        let state = if missing == 0 { Standing::Open } else { Standing::Fail };
        Item::new("C16", Who::Both, state, words::languages(missing))
    }

    /// C07: open until this very build has audited itself here, red where it failed.
    fn mechanism(&self) -> Item {
        let (state, audit) = match self.audit {
            None => (Standing::Open, words::not_audited()),
            Some(SelfAudit { passed, evidence }) => {
                let state = match passed {
                    None => Standing::Open,
                    Some(true) => Standing::Pass,
                    Some(false) => Standing::Fail,
                };
                (state, evidence.clone())
            }
        };
        let named = marsad_ledger::proposal::MECHANISM;
        Item::new("C07", Who::Machine, state, words::mechanism(named, &self.residuals(), &audit))
    }

    /// The statistics whose residuals get the noise in place of their tables.
    fn residuals(&self) -> Vec<&str> {
        let chosen = self.proposal.strategies.iter().filter(|choice| choice.strategy == "residuals");
        chosen.map(|choice| choice.statistic.as_str()).collect()
    }

    fn publication(&self) -> Item {
        let release = self.prepared.release;
        let words = words::publication(&release.embargo, &release.contact, &release.recipients);
        Item::shown("C20", words)
    }
}

/// An item of the machine: right where nothing is wrong.
fn judged(id: &str, faults: Vec<Text>, fine: Text) -> Item {
    let ok = faults.is_empty();
    let mut said: Vec<Text> = Vec::new();
    for fault in faults {
        if !said.contains(&fault) {
            said.push(fault);
        }
    }
    Item::machine(id, ok, if ok { fine } else { words::joined(said) })
}

fn uncovered(prepared: &PreparedStatistic<'_>, record_type: &RecordType, purpose: &Purpose) -> Vec<Text> {
    let id = &prepared.statistic.id;
    let mut faults = Vec::new();
    if !purpose.record_types.contains(&record_type.id) {
        faults.push(words::not_covered(id, &purpose.id, &record_type.id));
    }
    let read =
        prepared.analysis.iter().filter_map(|analysis| analysis.record_types.get(record_type.id.as_str()));
    let used = read.flatten();
    let sensitive = used.filter(|name| record_type.column(name).is_some_and(|column| column.sensitive));
    let barred = sensitive.filter(|name| !purpose.sensitive.contains(name));
    faults.extend(barred.map(|name| words::sensitive(id, &purpose.id, name)));
    faults
}
