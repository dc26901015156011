//! `catalog.jsonld` beside the releases, made anew of the ledger after each publication and each withdrawal.
//!
//! One that a crash left behind is put right by the next of either. It deliberately lacks a state of its own.

use marsad_ledger::{Ledger, RequestState, Stage, State};
use marsad_log::Store;
use marsad_publish::dcat::catalogue::{self, Entry, Withdrawn};

use super::withdraw::successor;
use crate::report::Failure;
use crate::workspace::Workspace;

/// Puts the catalogue of what is public, and of what was, as the ledger has it now.
///
/// # Errors
/// A ledger or a public store that fails.
pub(super) async fn put(workspace: &Workspace, ledger: &Ledger, releases: &Store) -> Result<(), Failure> {
    let state = ledger.state().await?;
    // Nothing stays of a bundle that was withdrawn before it was whole.
    let is_told = |request: &&RequestState| request.state == Stage::Published || request.tombstone.is_some();
    let mut told: Vec<&RequestState> = state.requests().into_iter().filter(is_told).collect();
    told.sort_by_key(|request| (request.published.clone(), request.release().clone()));
    let entries: Vec<Entry<'_>> = told.into_iter().filter_map(|request| entry(&state, request)).collect();
    Ok(catalogue::put(releases, &workspace.settings.workspace.name, &entries).await?)
}

fn entry<'a>(state: &'a State, request: &'a RequestState) -> Option<Entry<'a>> {
    let withdrawn = request.withdrawn.as_deref().zip(request.reason.as_ref());
    Some(Entry {
        release: request.release(),
        title: &request.proposal.title,
        coverage: &request.proposal.coverage,
        published: request.published.as_deref()?,
        replaces: request.proposal.replaces.as_ref(),
        withdrawn: withdrawn.map(|(time, reason)| Withdrawn {
            time,
            reason,
            replaced_by: successor(state, request.release()),
        }),
    })
}
