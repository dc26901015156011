//! A made-up workspace for tests: five signers, a policy, proposals. Deliberately not in a release build, and without
//! any way around the rules: a receipt made here has gone the whole way.

#![allow(clippy::unwrap_used, reason = "for tests alone, which may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use marsad_privacy::Joint;
use marsad_privacy::noisy_table::{NoisyTable, RunResult};
use marsad_privacy::sampler::Scale;
use marsad_privacy::series::{NoisySeries, StepDraw};
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Output, StatisticShape, Strategy, TableSpec,
};
use marsad_terms::{Digest, Grain, NanoRho, Period, RecordTypeId, Text, canonical};

use serde_json::json;

use crate::checklist::Item;
use crate::ledger::{Ledger, Reserve};
use crate::policy::{Policy, Role, Signer};
use crate::proposal::{MECHANISM, Proposal, Request, SeriesStep, SeriesTerms, StatisticRequest};
use crate::reservation::{Receipt, new_run};
use crate::sign::{self, SigningKey};
use crate::state::{RequestState, State};
use crate::statement::{Answer, Statement};
use crate::transfer::{Recipient, Transfer};

mod long;
mod series;

pub use long::LongLog;
pub use series::{SeriesWish, draw_steps, noisy_step};

/// The signers of a test.
#[derive(Debug)]
pub struct Cast {
    /// Analyst, and steward besides.
    pub ana: SigningKey,
    /// Steward.
    pub sam: SigningKey,
    /// Steward.
    pub zoe: SigningKey,
    /// Privacy officer.
    pub opal: SigningKey,
    /// Publisher.
    pub pat: SigningKey,
}

impl Cast {
    /// New keys in a folder.
    pub fn new(folder: &Path) -> Self {
        let key = |name: &str| SigningKey::generate(&folder.join(name), name).unwrap();
        Self { ana: key("ana"), sam: key("sam"), zoe: key("zoe"), opal: key("opal"), pat: key("pat") }
    }

    /// The key of a name.
    pub fn key(&self, name: &str) -> &SigningKey {
        match name {
            "ana" => &self.ana,
            "sam" => &self.sam,
            "zoe" => &self.zoe,
            "opal" => &self.opal,
            "pat" => &self.pat,
            other => panic!("nobody is called {other}"),
        }
    }

    /// A policy that names them all and caps the programme's life.
    pub fn policy(&self, lifetime: u64) -> Policy {
        let signer = |name: &str, roles: &[Role]| Signer {
            name: name.to_owned(),
            roles: roles.iter().copied().collect(),
            key: self.key(name).public_line().to_owned(),
        };
        Policy {
            lifetime_nano_rho: NanoRho::new(lifetime),
            ceiling_nano_rho: None,
            year_nano_rho: None,
            record_type_nano_rho: BTreeMap::new(),
            display_delta: "0.000001".to_owned(),
            smallest_area: BTreeMap::new(),
            two_approvers: BTreeSet::new(),
            approval_days: Some(30),
            period_closes_after_months: Some(6),
            signers: vec![
                signer("ana", &[Role::Analyst, Role::Steward]),
                signer("sam", &[Role::Steward]),
                signer("zoe", &[Role::Steward]),
                signer("opal", &[Role::PrivacyOfficer]),
                signer("pat", &[Role::Publisher]),
            ],
            replaces: None,
        }
    }
}

/// What a test wants proposed.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Tells proposals for one request apart.
    pub id: String,
    /// Tells requests apart; the release is called `R-<f>`.
    pub f: String,
    /// The price of the joint vector; zero where `record_types` is empty: a release of organisations and series.
    pub nano_rho: u64,
    /// Record types that its joint vector reads.
    pub record_types: Vec<RecordTypeId>,
    /// Years of its periods.
    pub years: Vec<u16>,
    /// Approvers that it asks for.
    pub needed: u32,
    /// First-time series that it shows; it opens those that are not open.
    pub series: Vec<SeriesWish>,
    /// Steps that it draws again.
    pub redraws: Vec<SeriesStep>,
    /// Who gets it.
    pub recipients: Vec<String>,
}

/// The selection key's name.
const KEY: &str = "K1";

impl Wish {
    /// One request of a price, over 2027, by one approver.
    pub fn new(f: &str, nano_rho: u64) -> Self {
        Self {
            id: "first".to_owned(),
            f: f.to_owned(),
            nano_rho,
            record_types: vec!["assistance_service".parse().unwrap()],
            years: vec![2027],
            needed: 1,
            series: Vec::new(),
            redraws: Vec::new(),
            recipients: vec!["public".to_owned()],
        }
    }

    /// One request that shows a series beside figures of organisations, and measures nothing else.
    pub fn of_series(f: &str, series: SeriesWish) -> Self {
        Self { record_types: Vec::new(), series: vec![series], ..Self::new(f, 0) }
    }

    /// The proposal, under the policy in force.
    pub fn proposal(&self, state: &State) -> Proposal {
        let request = self.request();
        let series: Vec<SeriesTerms> = self.series.iter().map(|series| series.terms(state)).collect();
        let record_types = request.statistics.iter().flat_map(|statistic| statistic.record_types.clone());
        let record_types: BTreeSet<RecordTypeId> = record_types.collect();
        Proposal {
            format: "marsad-proposal/1".to_owned(),
            workspace: state.workspace().unwrap(),
            policy: state.policy_hash().unwrap(),
            release: format!("R-{}", self.f).parse().unwrap(),
            title: text("a release"),
            author: "ana".to_owned(),
            f: canonical::digest(&request).unwrap(),
            // What contradicts itself has no price of its own, and is refused.
            nano_rho: request.price(&series).unwrap_or(NanoRho::ZERO),
            record_types: record_types.into_iter().collect(),
            years: self.years.clone(),
            approvals_needed: self.needed,
            request,
            series,
            purposes: vec!["P-2025-01".to_owned()],
            recipients: self.recipients.clone(),
            embargo: "2027-11-15T09:00:00Z".to_owned(),
            contact: self.id.clone(),
            coverage: text("all partners"),
            frozen: Vec::new(),
            replaces: None,
            tables: Vec::new(),
            strategies: Vec::new(),
            overlap: Vec::new(),
            differences: Vec::new(),
            checklist: vec![
                Item::machine("C04", true, text("the unit is the person")),
                Item::shown("C06", text("what it costs")),
                Item::asked("C18", text("could a table guide action against a group?")),
            ],
        }
    }
}

impl Wish {
    fn request(&self) -> Request {
        let private = !self.record_types.is_empty();
        let statistic = StatisticRequest {
            id: "assisted_persons".parse().unwrap(),
            // Nothing reads it: it tells requests apart.
            sql: format!("SELECT quarter, COUNT(DISTINCT person_key) AS persons -- {}", self.f),
            record_types: self.record_types.iter().cloned().collect(),
            plan: None,
            code_lists: BTreeMap::new(),
            shape: private.then(|| shape(&self.years)),
            series: None,
            derived: None,
            periods: Vec::new(),
        };
        Request {
            mechanism: MECHANISM.to_owned(),
            selection_key: KEY.to_owned(),
            f: 0,
            nano_rho: NanoRho::new(self.nano_rho),
            revision: 0,
            statistics: std::iter::once(statistic)
                .chain(self.series.iter().map(SeriesWish::request))
                .collect(),
            redraws: self.redraws.clone(),
        }
    }
}

/// A text in three languages.
pub fn text(words: &str) -> Text {
    Text { fr: words.to_owned(), ar: words.to_owned(), en: words.to_owned() }
}

/// Persons by quarter and region, over the first quarters of these years.
pub fn shape(years: &[u16]) -> StatisticShape {
    StatisticShape {
        id: "assisted_persons".parse().unwrap(),
        bound: Bound::HomeCell,
        dimensions: vec![Dimension {
            name: "region".to_owned(),
            code_list: "REF_AREA".to_owned(),
            codes: vec!["MA01".to_owned(), "MA02".to_owned()],
            zeros: Vec::new(),
            home: Some(HomeRule::MostRecent),
        }],
        periods: years.iter().map(|year| Period::Quarter(*year, 1)).collect(),
        aggregates: vec![Aggregate::Persons],
        tables: vec![TableSpec { aggregate: 0, grain: Grain::Quarter, dimensions: vec![0], b: 1 }],
        outputs: vec![Output {
            name: "persons".to_owned(),
            expression: Expression::Aggregate { aggregate: 0 },
        }],
        strategy: Strategy::Tables,
    }
}

/// The record that a ministry was served with the bundle of a proposal.
pub fn served(proposal: &Proposal, manifest: Digest) -> Transfer {
    let to = Recipient {
        name: "ONM".to_owned(),
        legal_entity: "Observatoire national de la migration".to_owned(),
        country: "MA".to_owned(),
        contact: "onm@example.org".to_owned(),
        channel: "link to the bundle".to_owned(),
    };
    Transfer { to, purposes: proposal.purposes.clone(), manifest, date: "2027-01-03".to_owned() }
}

/// A decision with every answer.
pub fn statement(state: &State, proposal: Digest, decision: Answer) -> Statement {
    let answers = [("C06", ""), ("C18", "no: one quarter by region")];
    Statement {
        workspace: state.workspace().unwrap(),
        policy: state.policy_hash().unwrap(),
        proposal,
        decision,
        confirmed: answers.iter().map(|(id, words)| ((*id).to_owned(), (*words).to_owned())).collect(),
        reason: if decision == Answer::Reject { "a reason".to_owned() } else { String::new() },
        round: state.by_id(proposal).map_or(0, RequestState::round),
    }
}

/// Signs a decision.
pub fn signature(statement: &Statement, key: &SigningKey) -> String {
    key.sign(sign::APPROVAL, &statement.bytes()).unwrap()
}

/// A made-up result for a proposal, as a run would store it: every noisy figure is `mark`, no step is missing.
pub fn result(proposal: &Proposal, mark: i64) -> RunResult {
    let request = &proposal.request;
    let shapes: Vec<StatisticShape> = request.statistics.iter().filter_map(|s| s.shape.clone()).collect();
    let series = request.series().zip(&proposal.series).map(|((_, asked), terms)| {
        let draw = StepDraw { series: asked.series, nano_rho: terms.nano_rho, revision: 0 };
        let cells = || vec![mark; asked.shape.n_coordinates()];
        let steps = (0..=asked.through).map(|step| Some(noisy_step(&draw, &asked.shape, step, cells())));
        NoisySeries::new(asked.series, asked.shape.clone(), terms.nano_rho, steps.collect()).unwrap()
    });
    RunResult {
        release: proposal.release.clone(),
        proposal: proposal.id().unwrap(),
        f: proposal.f,
        noisy: (!shapes.is_empty()).then(|| noisy(shapes, request.f, request.nano_rho, mark)),
        series: series.collect(),
        organisations: Vec::new(),
    }
}

fn bits(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

fn noisy(shapes: Vec<StatisticShape>, f: u32, nano_rho: NanoRho, mark: i64) -> NoisyTable {
    let joint = Joint::with_f(shapes, f).unwrap();
    let scale = Scale::new(joint.delta_squared(), nano_rho).unwrap();
    let raw: Vec<Vec<i64>> = joint.shapes().iter().map(|shape| vec![mark; shape.n_coordinates()]).collect();
    let stored = json!({
        "statistics": joint.shapes(), "f": f, "delta_squared": joint.delta_squared().to_string(),
        "nano_rho": nano_rho, "d_in": bits(scale.d_in), "sigma": bits(scale.sigma), "raw": raw,
    });
    serde_json::from_value(stored).unwrap()
}

/// Proposes, has sam and zoe approve as often as it is asked for, and gives the proposal and its id.
pub async fn approved(ledger: &Ledger, cast: &Cast, proposal: &Proposal) -> Digest {
    let id = ledger.propose(proposal, &cast.ana).await.unwrap();
    for key in [&cast.sam, &cast.zoe].into_iter().take(proposal.approvals_needed as usize) {
        let mut statement = statement(&ledger.state().await.unwrap(), id, Answer::Approve);
        for question in proposal.questions() {
            statement.confirmed.entry(question.to_owned()).or_insert_with(|| "yes".to_owned());
        }
        ledger.decide(&statement, None, &signature(&statement, key)).await.unwrap();
    }
    id
}

/// The whole way from a policy to a receipt, in a new store; for rooms that publish. `proposal` gets its workspace, policy
/// and author from here; `result` is made for it.
pub async fn released(
    ledger: &Ledger,
    cast: &Cast,
    proposal: impl FnOnce(&State) -> Proposal,
    result: impl FnOnce(&Proposal) -> RunResult,
) -> (Receipt, Bytes) {
    ledger.set_policy(&cast.policy(1_000_000_000), &cast.opal).await.unwrap();
    let proposal = proposal(&ledger.state().await.unwrap());
    let id = approved(ledger, cast, &proposal).await;
    let result = result(&proposal);
    ledger.open_series(id).await.unwrap();
    for series in &result.series {
        draw_steps(ledger, series).await;
    }
    match ledger.reserve(id, new_run().unwrap(), Digest::of(b"custody")).await.unwrap() {
        Reserve::New(reservation) => ledger.complete(reservation, &result).await.unwrap(),
        Reserve::Stored(receipt, bytes) => (receipt, bytes),
    }
}
