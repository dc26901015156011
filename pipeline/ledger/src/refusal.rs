//! Why an entry may not stand in the ledger: each rule of algorithms 5 and 10 that can be broken, in words.
//!
//! The same refusal stops an append and names a fault of a replay. Deliberately without failures of the world.

use marsad_terms::{Digest, Explain, Explanation, NanoRho, ReleaseId, RunId};

use crate::scope::Shortfall;
use crate::stage::Stage;
use crate::verify::FaultKind;

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
    /// Another run of the request has not ended.
    #[error("run {run} of this request is in progress")]
    InProgress {
        /// That run.
        run: RunId,
    },
    /// The run is not the one that reserved.
    #[error("run {run} did not reserve this request")]
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
    /// Made for another workspace.
    #[error("it was made for another workspace")]
    OtherWorkspace,
    /// The proposal contradicts itself.
    #[error("the proposal contradicts itself: {what}")]
    Inconsistent {
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
}

/// Code, reason, remedy.
type Advice = (&'static str, &'static str, &'static str);

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

    /// Code, reason and remedy.
    fn advice(&self) -> Advice {
        match self {
            Self::Unreadable { .. } => {
                ("B01", "another version wrote it, or it was forged", "use the newer version")
            }
            Self::NotListed { stage, act } => advice_at(*stage, act),
            Self::Beginning => {
                ("B03", "the first policy fixes ceiling and workspace id", "run `marsad policy set`")
            }
            Self::Unknown { .. } => {
                ("B04", "it was never proposed here", "run `marsad release plan`, or correct the id")
            }
            Self::Exists { .. } => {
                ("B05", "the same proposal was decided on", "change the release, then plan it again")
            }
            Self::Superseded { .. } => {
                ("B06", "approvals bind to one proposal", "decide on the newest proposal")
            }
            Self::InProgress { .. } => (
                "B07",
                "a request is drawn once, by one run",
                "wait for that run; if it was cut off, run again where it was started: it is completed or forfeited",
            ),
            Self::OtherRun { .. } => {
                ("B08", "only the run that reserved may release", "run the release again")
            }
            Self::Inconsistent { .. } => {
                ("B23", "price and scopes follow from the request", "plan the release again")
            }
            Self::ReleaseTaken { .. } => {
                ("B28", "a public id is never used twice", "give the release another id")
            }
            Self::Budget { .. }
            | Self::Charge
            | Self::Zero
            | Self::Ceiling { .. }
            | Self::CeilingFixed { .. }
            | Self::CapBelowUsed { .. }
            | Self::BadPolicy { .. } => self.advice_on_caps(),
            _ => self.advice_on_decisions(),
        }
    }

    fn advice_on_caps(&self) -> Advice {
        match self {
            Self::Budget { .. } => (
                "B10",
                "every scope must hold the whole cost",
                "plan with a smaller `rho` or a wider margin, or wait for another year; see `marsad budget`",
            ),
            Self::Charge => {
                ("B11", "price and scopes are derived, never chosen", "run `marsad ledger verify`")
            }
            Self::Zero => {
                ("B12", "a price of zero would mean infinite noise", "state `rho` or `margin` in the release")
            }
            Self::Ceiling { .. } => ("B13", "the ceiling is what bundles promise", "lower the cap"),
            Self::CeilingFixed { .. } => {
                ("B14", "it is what bundles promise", "keep `ceiling_rho` as it was")
            }
            Self::CapBelowUsed { .. } => {
                ("B15", "what is spent stays spent", "set the cap to what is used, or above")
            }
            _ => ("B16", "nothing could be decided under it", "correct [policy] in marsad.toml"),
        }
    }

    fn advice_on_decisions(&self) -> Advice {
        match self {
            Self::Lapsed { .. } => {
                ("B09", "the policy's `approval_days` have passed", "have it approved again")
            }
            Self::AuthorApproves { .. } => {
                ("B17", "author and approver must be two keys", "ask another steward")
            }
            Self::SameApprover { .. } => ("B18", "distinct keys must approve", "ask another steward"),
            Self::Signature { .. } => (
                "B19",
                "only a signature shows who decided",
                "sign exactly the bytes of `marsad release statement`, in its namespace",
            ),
            Self::OtherPolicy => {
                ("B21", "what it rests on has changed", "plan the release again, then decide")
            }
            Self::OtherWorkspace => {
                ("B22", "a decision counts in one ledger alone", "plan it in this workspace")
            }
            Self::TooFewApprovers { .. } => {
                ("B24", "its record types want two approvers", "plan the release again")
            }
            Self::Unanswered { .. } => {
                ("B25", "a person must judge them", "answer each, such as `--confirm C18=\"no: …\"`")
            }
            Self::Failed { .. } => {
                ("B26", "the machine found them wrong", "correct the cause, then plan again")
            }
            Self::NoReason => ("B27", "readers must know why, in each language", "state the reason"),
            _ => (
                "B20",
                "the policy in force names the keys and what each may sign",
                "use a key with the right role; see `marsad policy show`",
            ),
        }
    }
}

/// Code, reason and remedy where the table does not list an act.
fn advice_at(stage: Option<Stage>, act: &str) -> Advice {
    let code = "B02";
    match (stage, act) {
        (None, _) => (code, "it was never proposed", "run `marsad release plan`"),
        (Some(Stage::Proposed), "reserved") => {
            (code, "approvals come first", "have it approved: `marsad release approve`, by another key")
        }
        (Some(Stage::Rejected), _) => {
            (code, "an approver turned it down", "change the release and plan it again")
        }
        (Some(Stage::Forfeited), _) => (
            code,
            "its run ended without a result; it is charged and never drawn again",
            "set a higher `revision` in the release and plan it: that is approved and charged anew",
        ),
        (Some(Stage::Released | Stage::Published), "proposed") => (
            code,
            "this very request was drawn before",
            "run it: the same bytes at no cost; or set a higher `revision` to have it drawn and charged anew",
        ),
        (Some(Stage::Reserved), _) => (code, "its run has not ended", "run it again when that run has ended"),
        (Some(Stage::Proposed | Stage::Approved), "published" | "withdrawn") => {
            (code, "there is no result yet", "run it first: `marsad release run`")
        }
        _ => (
            code,
            "a request goes proposed, approved, reserved, released, published, and never back",
            "see `marsad release show`",
        ),
    }
}

impl Explain for Refusal {
    fn explain(&self) -> Explanation {
        let (code, why, remedy) = self.advice();
        Explanation::new(code, self.to_string(), why, remedy)
    }
}
