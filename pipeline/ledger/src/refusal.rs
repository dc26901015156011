//! Why an entry may not stand in the ledger: each rule of algorithms 5 and 10 that can be broken, in words.
//!
//! The same refusal stops an append and names a fault of a replay. Deliberately without failures of the world.

use marsad_terms::{Digest, Explain, Explanation, NanoRho, ReleaseId, RunId};

use crate::scope::Shortfall;
use crate::stage::Stage;
use crate::verify::FaultKind;

mod advice;

/// A rule that an entry breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The body is not what its kind asks for.
    #[error("the entry does not read as `{kind}`: {what}")]
    Unreadable {
        /// The entry's kind.
        kind: String,
        /// What does not fit.
        what: String,
    },
    /// The table of algorithms 10 does not list this act at this stage.
    #[error("a request that is {} cannot be {act}", stage.map_or("not in the ledger", Stage::as_str))]
    NotListed {
        /// Where the request stands.
        stage: Option<Stage>,
        /// What was to be done.
        act: &'static str,
    },
    /// The entry that starts a workspace is not the first, or the first is another one.
    #[error("a workspace begins with one policy, which nothing precedes")]
    Beginning,
    /// Nothing of this id.
    #[error("no proposal or request {id} stands in the ledger")]
    Unknown {
        /// What was named.
        id: Digest,
    },
    /// The proposal was made before.
    #[error("the proposal {proposal} stands in the ledger already")]
    Exists {
        /// Its id.
        proposal: Digest,
    },
    /// A newer proposal for the same request took its place.
    #[error("the proposal {proposal} was replaced by a newer one for the same request")]
    Superseded {
        /// Its id.
        proposal: Digest,
    },
    /// Another run of the request, or of the step, has not ended.
    #[error("run {run} of it is in progress")]
    InProgress {
        /// That run.
        run: RunId,
    },
    /// The run is not the one that reserved.
    #[error("run {run} did not reserve it")]
    OtherRun {
        /// The run.
        run: RunId,
    },
    /// Too few approvals still count.
    #[error("approvals have lapsed: {valid} of {needed} still count")]
    Lapsed {
        /// Approvals that count.
        valid: u32,
        /// Approvals that are needed.
        needed: u32,
    },
    /// The cost does not fit.
    #[error("the budget does not allow it: {}", list(shortfalls))]
    Budget {
        /// Every scope that would be exceeded.
        shortfalls: Vec<Shortfall>,
    },
    /// The charge is not what was approved.
    #[error("the charge is not the price and the scopes of the approved proposal")]
    Charge,
    /// A private release at no price.
    #[error("a release that reads persons' records has no price")]
    Zero,
    /// A cap above the ceiling.
    #[error("the cap of {scope}, {cap}, is above the ceiling {ceiling}")]
    Ceiling {
        /// Whose cap.
        scope: String,
        /// The cap.
        cap: NanoRho,
        /// The ceiling fixed at the beginning.
        ceiling: NanoRho,
    },
    /// The ceiling is fixed for the workspace's life.
    #[error("the ceiling is {fixed} for the workspace's life")]
    CeilingFixed {
        /// The ceiling fixed at the beginning.
        fixed: NanoRho,
    },
    /// A cap below what is used.
    #[error("a cap is below what is used: {}", list(shortfalls))]
    CapBelowUsed {
        /// Every such scope.
        shortfalls: Vec<Shortfall>,
    },
    /// The policy cannot be used.
    #[error("the policy cannot be used: {}", what.join("; "))]
    BadPolicy {
        /// What is wrong.
        what: Vec<String>,
    },
    /// Who proposed cannot approve.
    #[error("{signer} proposed this release and cannot approve it")]
    AuthorApproves {
        /// The author.
        signer: String,
    },
    /// One approver counts once.
    #[error("{signer} has approved this proposal already")]
    SameApprover {
        /// The approver.
        signer: String,
    },
    /// No signature, or a wrong one.
    #[error("the signature is missing or wrong: {what}")]
    Signature {
        /// What is wrong.
        what: String,
    },
    /// A right signature that does not count.
    #[error("the signature does not count here: {what}")]
    Authority {
        /// Why.
        what: String,
    },
    /// Made under another policy than the one in force.
    #[error("it was made under another policy than the one in force")]
    OtherPolicy,
    /// Signed before or after other approvals of the proposal lapsed.
    #[error("it was signed in round {signed} of the proposal's approvals, and this is round {round}")]
    OtherRound {
        /// How many had lapsed when it was signed.
        signed: u32,
        /// How many have lapsed now.
        round: u32,
    },
    /// Made for another workspace.
    #[error("it was made for another workspace")]
    OtherWorkspace,
    /// The proposal contradicts itself.
    #[error("the proposal contradicts itself: {what}")]
    Inconsistent {
        /// What does not fit.
        what: &'static str,
    },
    /// The release is not for this recipient.
    #[error("the release is not for {recipient}")]
    UnknownRecipient {
        /// Who was to be served.
        recipient: String,
    },
    /// The record of a transfer is not whole, or not of this bundle.
    #[error("the record of the transfer does not hold: {what}")]
    BadTransfer {
        /// What does not fit.
        what: &'static str,
    },
    /// The proposal asks for fewer approvers than the policy.
    #[error("the proposal asks for {asked} approvers where the policy wants {wanted}")]
    TooFewApprovers {
        /// What the proposal asks for.
        asked: u32,
        /// What the policy wants.
        wanted: u32,
    },
    /// Checklist items without an answer.
    #[error("checklist items wait for an answer: {}", items.join(", "))]
    Unanswered {
        /// Their ids.
        items: Vec<String>,
    },
    /// Checklist items that the machine found wrong.
    #[error("checklist items have failed: {}", items.join(", "))]
    Failed {
        /// Their ids.
        items: Vec<String>,
    },
    /// A rejection or a withdrawal without a reason.
    #[error("the reason is missing")]
    NoReason,
    /// Another request holds the release id.
    #[error("the release id {release} belongs to another request")]
    ReleaseTaken {
        /// The id.
        release: ReleaseId,
    },
    /// A first-time series that nobody paid for yet.
    #[error("the series {series} is not open")]
    NotOpened {
        /// S.
        series: Digest,
    },
    /// A series is paid once.
    #[error("the series {series} is open already")]
    AlreadyOpen {
        /// S.
        series: Digest,
    },
    /// An earlier step comes first.
    #[error("step {step} of the series {series} comes after step {next}, which is not drawn yet")]
    StepOrder {
        /// S.
        series: Digest,
        /// The step that was named.
        step: u32,
        /// The next one in order.
        next: u32,
    },
    /// A step is drawn once, forfeited or not.
    #[error("step {step} of the series {series} was drawn before")]
    StepDrawn {
        /// S.
        series: Digest,
        /// Which.
        step: u32,
    },
    /// The series has no such step.
    #[error("the series {series} has no step {step}: it has {horizon}, counted from 0")]
    BeyondHorizon {
        /// S.
        series: Digest,
        /// The step that was named.
        step: u32,
        /// How many there are.
        horizon: u32,
    },
    /// Only a forfeited draw is made again, under the next revision.
    #[error("step {step} of the series {series} cannot be drawn again as revision {revision}")]
    NotForfeited {
        /// S.
        series: Digest,
        /// Which.
        step: u32,
        /// The revision that was named.
        revision: u32,
    },
}

fn list(shortfalls: &[Shortfall]) -> String {
    let say = |s: &Shortfall| format!("{} lacks {} (cap {}, used {})", s.scope, s.shortfall, s.cap, s.used);
    shortfalls.iter().map(say).collect::<Vec<_>>().join("; ")
}

impl Refusal {
    /// The kind of fault that a replay reports (interfaces 3).
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Signature { .. } => FaultKind::Signature,
            Self::Authority { .. } | Self::SameApprover { .. } => FaultKind::Authority,
            Self::AuthorApproves { .. } => FaultKind::AuthorApproves,
            Self::Budget { .. }
            | Self::Charge
            | Self::Ceiling { .. }
            | Self::CeilingFixed { .. }
            | Self::CapBelowUsed { .. } => FaultKind::Budget,
            _ => FaultKind::State,
        }
    }
}

impl Explain for Refusal {
    fn explain(&self) -> Explanation {
        let (code, why, remedy) = self.advice();
        Explanation::new(code, self.to_string(), why, remedy)
    }
}
