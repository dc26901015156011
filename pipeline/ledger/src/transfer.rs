//! The record of who was served with a published bundle (governance 4 and 6): content that is open is recorded all the same,
//! since funders and the CNDP ask. Deliberately without the bundle: its hash names it.

use chrono::NaiveDate;
use marsad_terms::Digest;
use serde::Serialize;

use crate::proposal::Proposal;
use crate::refusal::Refusal;
use crate::state::RequestState;

/// The recipient of what is published for everybody: whoever asks for such a bundle is one of them.
pub const PUBLIC: &str = "public";
/// The world, by the area codes of the United Nations (M.49): the country of the public.
pub const WORLD: &str = "001";

/// Who is served: a recipient as a release names one, and who that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// As in `recipients` of the release.
    pub name: String,
    /// The body that answers for it in law.
    pub legal_entity: String,
    /// ISO 3166-1 alpha-2; [`WORLD`] for the public.
    pub country: String,
    /// Where it can be written to.
    pub contact: String,
    /// How the bundle gets there.
    pub channel: String,
}

/// One recipient was served with one bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Who.
    pub to: Recipient,
    /// For which purposes of the registry.
    pub purposes: Vec<String>,
    /// Hash of `release.json`.
    pub manifest: Digest,
    /// The day, `2027-01-31`.
    pub date: String,
}

impl Transfer {
    /// What is wrong with the record of a release's transfer.
    pub(crate) fn faults(&self, request: &RequestState) -> Vec<Refusal> {
        let Recipient { name, legal_entity, country, contact, channel } = &self.to;
        let blank = [legal_entity, contact, channel].iter().any(|text| text.trim().is_empty());
        let alpha_2 = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
        let world = country == WORLD && name == PUBLIC;
        let broken = [
            (blank, "a transfer without legal entity, contact or channel"),
            (!alpha_2 && !world, "its country is no code of ISO 3166-1 of two letters"),
            (self.date.parse::<NaiveDate>().is_err(), "its date is no day"),
            (self.purposes != request.proposal.purposes, "its purposes are not those of the release"),
            (Some(self.manifest) != request.manifest, "its bundle is not the one that was published"),
        ];
        let broken = broken.into_iter().filter(|(is, _)| *is).map(|(_, what)| Refusal::BadTransfer { what });
        let unknown = !is_for(&request.proposal, name);
        unknown
            .then(|| Refusal::UnknownRecipient { recipient: name.clone() })
            .into_iter()
            .chain(broken)
            .collect()
    }
}

/// Whether a release is for a recipient: by its name, or since it is for everybody.
fn is_for(proposal: &Proposal, recipient: &str) -> bool {
    proposal.recipients.iter().any(|named| named == recipient || named == PUBLIC)
}
