//! A made-up workspace for tests: five signers, a policy, proposals. Deliberately not in a release build, and without
//! any way around the rules: a receipt made here has gone the whole way.

#![allow(clippy::unwrap_used, reason = "for tests alone, which may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use marsad_privacy::Joint;
use marsad_privacy::noisy_table::{NoisyTable, RunResult};
use marsad_privacy::sampler::Scale;
use marsad_privacy::shape::{
    Aggregate, Bound, Dimension, Expression, HomeRule, Output, StatisticShape, TableSpec,
};
use marsad_terms::{Digest, Grain, NanoRho, Period, RecordTypeId, Text, canonical};

use serde_json::json;

use crate::checklist::Item;
use crate::ledger::{Ledger, Reserve};
use crate::policy::{Policy, Role, Signer};
use crate::proposal::{MECHANISM, Proposal, Request, StatisticRequest};
use crate::reservation::{Receipt, new_run};
use crate::sign::{self, SigningKey};
use crate::state::State;
use crate::statement::{Answer, Statement};

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
    /// The price; zero makes a release of organisations only where `record_types` is empty.
    pub nano_rho: u64,
    /// Record types that it reads.
    pub record_types: Vec<RecordTypeId>,
    /// Years of its periods.
    pub years: Vec<u16>,
    /// Approvers that it asks for.
    pub needed: u32,
}

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
        }
    }

    /// The proposal, under the policy in force.
    pub fn proposal(&self, state: &State) -> Proposal {
        let nano_rho = NanoRho::new(self.nano_rho);
        let private = !self.record_types.is_empty();
        let statistic = StatisticRequest {
            id: "assisted_persons".parse().unwrap(),
            sql: "SELECT quarter, COUNT(DISTINCT person_key) AS persons".to_owned(),
            record_types: self.record_types.iter().cloned().collect(),
            plan: None,
            code_lists: BTreeMap::new(),
            shape: private.then(|| shape(&self.years)),
            derived: None,
            periods: Vec::new(),
        };
        let request = Request {
            mechanism: MECHANISM.to_owned(),
            selection_key: self.f.clone(),
            f: 0,
            nano_rho,
            revision: 0,
            statistics: vec![statistic],
        };
        Proposal {
            format: "marsad-proposal/1".to_owned(),
            workspace: state.workspace().unwrap(),
            policy: state.policy_hash().unwrap(),
            release: format!("R-{}", self.f).parse().unwrap(),
            title: text("a release"),
            author: "ana".to_owned(),
            f: canonical::digest(&request).unwrap(),
            nano_rho,
            record_types: self.record_types.clone(),
            years: self.years.clone(),
            approvals_needed: self.needed,
            request,
            purposes: vec!["P-2025-01".to_owned()],
            recipients: vec!["public".to_owned()],
            embargo: "2027-11-15T09:00:00Z".to_owned(),
            contact: self.id.clone(),
            coverage: text("all partners"),
            frozen: Vec::new(),
            replaces: None,
            tables: Vec::new(),
            overlap: Vec::new(),
            checklist: vec![
                Item::machine("C04", true, "the unit is the person"),
                Item::shown("C06", "what it costs"),
                Item::asked("C18", "could a table guide action against a group?"),
            ],
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
    }
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
    }
}

/// Signs a decision.
pub fn signature(statement: &Statement, key: &SigningKey) -> String {
    key.sign(sign::APPROVAL, &statement.bytes()).unwrap()
}

/// A made-up result for a proposal, as a run would store it: every noisy figure is `mark`.
pub fn result(proposal: &Proposal, mark: i64) -> RunResult {
    let request = &proposal.request;
    let shapes: Vec<StatisticShape> = request.statistics.iter().filter_map(|s| s.shape.clone()).collect();
    RunResult {
        release: proposal.release.clone(),
        proposal: proposal.id().unwrap(),
        f: proposal.f,
        noisy: (!shapes.is_empty()).then(|| noisy(shapes, request.f, proposal.nano_rho, mark)),
        organisations: Vec::new(),
    }
}

fn noisy(shapes: Vec<StatisticShape>, f: u32, nano_rho: NanoRho, mark: i64) -> NoisyTable {
    let joint = Joint::with_f(shapes, f).unwrap();
    let scale = Scale::new(joint.delta_squared(), nano_rho).unwrap();
    let bits = |value: f64| format!("{:016x}", value.to_bits());
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
    match ledger.reserve(id, new_run().unwrap(), Digest::of(b"custody")).await.unwrap() {
        Reserve::New(reservation) => ledger.complete(reservation, &result(&proposal)).await.unwrap(),
        Reserve::Stored(receipt, bytes) => (receipt, bytes),
    }
}
