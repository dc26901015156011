//! Code, reason and remedy of each refusal: what to do next, in the words of the command line.

use super::Refusal;
use crate::stage::Stage;

/// Code, reason, remedy.
type Advice = (&'static str, &'static str, &'static str);

impl Refusal {
    /// Code, reason and remedy.
    pub(super) fn advice(&self) -> Advice {
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
                "wait for that run; if it was cut off, run again where it was started, or end it with `marsad release recover`",
            ),
            Self::OtherRun { .. } => {
                ("B08", "only the run that reserved may end it", "run the release again")
            }
            Self::Inconsistent { .. } => {
                ("B23", "price and scopes follow from the request", "plan the release again")
            }
            Self::ReleaseTaken { .. } => {
                ("B28", "a public id is never used twice", "give the release another id")
            }
            Self::UnknownRecipient { .. } => (
                "B35",
                "its purposes and authorisation cover the recipients that were approved, and no other",
                "name the recipient in the release's `recipients`, and have that approved",
            ),
            Self::BadTransfer { .. } => (
                "B36",
                "the record tells funders and the CNDP who was served",
                "complete [recipients] in marsad.toml; purposes and hash are the release's own",
            ),
            Self::Budget { .. }
            | Self::Charge
            | Self::Zero
            | Self::Ceiling { .. }
            | Self::CeilingFixed { .. }
            | Self::CapBelowUsed { .. }
            | Self::BadPolicy { .. } => self.advice_on_caps(),
            Self::NotOpened { .. }
            | Self::AlreadyOpen { .. }
            | Self::StepOrder { .. }
            | Self::StepDrawn { .. }
            | Self::BeyondHorizon { .. }
            | Self::NotForfeited { .. } => self.advice_on_series(),
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

    fn advice_on_series(&self) -> Advice {
        match self {
            Self::NotOpened { .. } => (
                "B29",
                "a series is approved and paid before its first step",
                "plan the release again: it opens the series; then have it approved and run it",
            ),
            Self::AlreadyOpen { .. } => (
                "B30",
                "a series is paid once, for all its steps",
                "plan the release again: what is open costs nothing more",
            ),
            Self::StepOrder { .. } => (
                "B31",
                "steps close in order, so that each person enters once",
                "run the release again: it draws the steps before",
            ),
            Self::StepDrawn { .. } => (
                "B32",
                "each step is drawn once, whether its result was stored or not",
                "if it was forfeited, list it under `redraws` of the release: that is approved and charged anew",
            ),
            Self::BeyondHorizon { .. } => (
                "B33",
                "the number of steps is fixed when a series is opened",
                "end the release within it, or declare a new series with a later `start`",
            ),
            _ => (
                "B34",
                "only a forfeited step is drawn again, each time as the next revision",
                "see its draws in `marsad ledger log`, then plan the release again",
            ),
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
            Self::OtherRound { .. } => (
                "B37",
                "approvals lapse, and a signature that was made before that counts no more",
                "sign again what `marsad release statement` says now",
            ),
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
            "run the release as which it was drawn (`marsad release list`): the same bytes at no cost; or give it a new id and a higher `revision`, to have it drawn and charged anew",
        ),
        (Some(Stage::Withdrawn), _) => (
            code,
            "it was withdrawn, and its figures never come back",
            "plan it under a new id, with a higher `revision` and `replaces = \"ID\"` of the withdrawn one: that is approved and charged anew",
        ),
        (Some(Stage::Reserved), _) => (
            code,
            "its run has not ended",
            "wait for it; if its machine died, `marsad release recover` ends it",
        ),
        (Some(Stage::Released), "transferred") => {
            (code, "nobody is served before it is public", "publish it: `marsad release publish`")
        }
        (Some(Stage::Proposed | Stage::Approved), "published" | "transferred" | "withdrawn") => {
            (code, "there is no result yet", "run it first: `marsad release run`")
        }
        _ => (
            code,
            "a request goes proposed, approved, reserved, released, published, and never back",
            "see `marsad release show`",
        ),
    }
}
