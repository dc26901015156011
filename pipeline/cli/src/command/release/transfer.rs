//! `release transfer`, and the record that `release publish` writes: who was served with a bundle (governance 4 and 6).

use std::path::Path;

use chrono::NaiveDate;
use marsad_ledger::transfer::{PUBLIC, WORLD};
use marsad_ledger::{Recipient, RequestState, Transfer};
use marsad_terms::{Digest, Explanation, clock, nearest};
use serde_json::{Value, json};

use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// What the command line says of a transfer.
pub(super) struct Served<'a> {
    pub(super) to: &'a str,
    pub(super) channel: Option<&'a str>,
    pub(super) date: Option<NaiveDate>,
}

/// Records that a recipient was served with a published release.
///
/// # Errors
/// A recipient that the settings do not describe, a release that is not public or not for it, a key that may not.
pub(super) async fn transfer(
    workspace: &Workspace,
    id: &str,
    served: Served<'_>,
    key: Option<&Path>,
) -> Result<Report, Failure> {
    let key = workspace.publisher(key)?;
    let _lock = workspace.lock()?;
    let ledger = workspace.ledger()?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    let mut to = recipient(workspace, request, served.to)?;
    if let Some(channel) = served.channel {
        channel.clone_into(&mut to.channel);
    }
    let date = day(request, served.date)?.to_string();
    let manifest = request.manifest.unwrap_or(Digest::from_bytes([0; 32]));
    let transfer = Transfer { to, purposes: request.proposal.purposes.clone(), manifest, date };
    ledger.transferred(request.f, &transfer, &key).await?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    let text = format!(
        "release {}: {} ({}, {}) was served on {} by {}",
        request.release(),
        transfer.to.name,
        transfer.to.legal_entity,
        transfer.to.country,
        transfer.date,
        transfer.to.channel
    );
    let json =
        json!({"release": request.release(), "manifest": request.manifest, "transfers": document(request)});
    Ok(Report::new(text, json))
}

/// The day on which it was served: neither before the release was public nor in the future.
fn day(request: &RequestState, asked: Option<NaiveDate>) -> Result<NaiveDate, Failure> {
    let today = clock::today();
    let day = asked.unwrap_or(today);
    let published = request.published.as_deref().and_then(|time| time.get(..10)?.parse::<NaiveDate>().ok());
    if day > today {
        let what = format!("nobody was served on {day}: today is {today} (UTC)");
        return Err(Failure::usage(what, "give the day on which it was served"));
    }
    match published.filter(|published| day < *published) {
        Some(published) => {
            let what = format!("release {} was not public on {day}", request.release());
            Err(Failure::usage(
                what,
                format!("give {published}, when it was published (UTC), or a later day"),
            ))
        }
        None => Ok(day),
    }
}

/// Everyone whom a release names, as its record says who that is.
///
/// # Errors
/// A recipient that the settings do not describe: then nothing may be published.
pub(super) fn recipients(workspace: &Workspace, request: &RequestState) -> Result<Vec<Recipient>, Failure> {
    request.proposal.recipients.iter().map(|name| recipient(workspace, request, name)).collect()
}

fn recipient(workspace: &Workspace, request: &RequestState, name: &str) -> Result<Recipient, Failure> {
    let known = &workspace.settings.recipients;
    if let Some(one) = known.get(name) {
        return Ok(Recipient {
            name: name.to_owned(),
            legal_entity: one.legal_entity.clone(),
            country: one.country.clone(),
            contact: one.contact.clone(),
            channel: one.channel.clone(),
        });
    }
    if name == PUBLIC {
        return Ok(Recipient {
            name: name.to_owned(),
            legal_entity: "the public".to_owned(),
            country: WORLD.to_owned(),
            contact: request.proposal.contact.clone(),
            channel: "the published bundle".to_owned(),
        });
    }
    let remedy = match nearest(name, known.keys().map(String::as_str)) {
        Some(right) => format!("did you mean `{right}`? Or write [recipients.{name}] in marsad.toml"),
        None => format!("write [recipients.{name}] with legal_entity, country and contact in marsad.toml"),
    };
    let explanation = Explanation::new(
        "W20",
        format!("nothing says who the recipient `{name}` is"),
        "each release has a record of whom it served: legal entity, country, contact (Law 09-08, art. 43, 44)",
        remedy,
    );
    Err(Failure::new(explanation.at("marsad.toml, [recipients]")))
}

/// The records of a release, for programs.
pub(super) fn document(request: &RequestState) -> Vec<Value> {
    let one = |transfer: &Transfer| {
        json!({
            "recipient": transfer.to.name, "legal_entity": transfer.to.legal_entity, "country": transfer.to.country,
            "contact": transfer.to.contact, "channel": transfer.to.channel, "purposes": transfer.purposes,
            "manifest": transfer.manifest, "date": transfer.date,
        })
    };
    request.transfers.iter().map(one).collect()
}
