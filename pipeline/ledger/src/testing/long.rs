//! A ledger of any length, written without asking the judge at each entry, who would take as long as reading it does.
//! What it says is right all the same: `verify` must find nothing.

use bytes::Bytes;
use marsad_log::{Draft, Entry, EntrySignature};
use marsad_privacy::noisy_table::RunResult;
use marsad_terms::{Digest, RunId, canonical};

use super::{Cast, Wish, result, statement};
use crate::event::{Event, Published, Released, Reserved};
use crate::scope::Scope;
use crate::sign::{self, SigningKey};
use crate::state::State;
use crate::statement::Answer;

/// Entries and the stored results that they name.
#[derive(Debug, Default)]
pub struct LongLog {
    /// From genesis on; each release takes five.
    pub entries: Vec<Entry>,
    /// Results by the name of their object.
    pub results: Vec<(String, Bytes)>,
}

impl LongLog {
    /// A policy, and then so many releases: proposed, approved, reserved, released, published.
    pub fn new(cast: &Cast, releases: u32) -> Self {
        let mut log = Self::default();
        log.add(&Event::Genesis(cast.policy(1 << 52)), Some((sign::POLICY, "opal", &cast.opal)));
        let mut begun = State::default();
        begun.apply(&log.entries[0]).unwrap();
        for number in 0..releases {
            log.release(cast, &begun, number);
        }
        log
    }

    fn release(&mut self, cast: &Cast, begun: &State, number: u32) {
        let proposal = Wish::new(&format!("N{number}"), 1).proposal(begun);
        let (f, release, id) = (proposal.f, proposal.release.clone(), proposal.id().unwrap());
        let run: RunId = format!("{number:032x}").parse().unwrap();
        let scopes = Scope::of(&proposal);
        let drawn: RunResult = result(&proposal, i64::from(number));
        let bytes = Bytes::from(serde_json::to_vec(&drawn).unwrap());
        let (nano_rho, data, hash) = (proposal.request.nano_rho, Digest::of(b"custody"), Digest::of(&bytes));
        self.add(&Event::Proposed(Box::new(proposal), id), Some((sign::PROPOSAL, "ana", &cast.ana)));
        let approved = Event::Decided(statement(begun, id, Answer::Approve));
        self.add(&approved, Some((sign::APPROVAL, "sam", &cast.sam)));
        self.add(
            &Event::Reserved(Reserved { f, proposal: id, run: run.clone(), nano_rho, scopes, data }),
            None,
        );
        self.add(&Event::Released(Released { f, run: run.clone(), hash }), None);
        self.results.push((format!("runs/{run}"), bytes));
        let ledger_head = self.entries.last().map_or(data, |entry| entry.hash);
        let published = Published {
            release,
            f,
            manifest: hash,
            time: "2027-01-01T00:00:00Z".to_owned(),
            ledger_head,
            sshsig: "as it stands beside the bundle".to_owned(),
        };
        self.add(&Event::Published(published), Some((sign::RELEASE, "pat", &cast.pat)));
    }

    fn add(&mut self, event: &Event, by: Option<(&str, &str, &SigningKey)>) {
        let mut draft: Draft = event.draft();
        if let Some((namespace, signer, key)) = by {
            let sshsig = key.sign(namespace, &canonical::bytes(&draft.body).unwrap()).unwrap();
            draft =
                draft.signed(EntrySignature { signer: signer.into(), namespace: namespace.into(), sshsig });
        }
        let time = "2027-01-01T00:00:00Z".to_owned();
        self.entries.push(Entry::following(self.entries.last(), time, draft).unwrap());
    }
}
