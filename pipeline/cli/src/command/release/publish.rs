//! `release publish`: the bundle is built aside, verified, signed, recorded, and only then public.

use std::fs;
use std::path::Path;

use marsad_catalog::Catalog;
use marsad_ledger::proposal::Proposal;
use marsad_ledger::sign::{self, SigningKey};
use marsad_ledger::{
    Error as LedgerError, Ledger, Publication, Receipt, Recipient, RequestState, Stage, State, Transfer,
    checkpoint,
};
use marsad_log::Store;
use marsad_publish::combined::{Earlier, Rule};
use marsad_publish::verify::{Allowed, verify};
use marsad_publish::{Built, Context, ReleasedTable};
use marsad_terms::{Explanation, Name, NanoRho, clock};
use serde_json::json;

use super::{bundle, catalogue, is_authorised, transfer};
use crate::report::{Failure, Report};
use crate::workspace::Workspace;

/// Builds, verifies, signs, records, puts; or completes what a crash cut off, byte for byte.
///
/// # Errors
/// A bundle that fails its own checks; a key that may not publish.
pub(crate) async fn publish(workspace: &Workspace, id: &str, key: Option<&Path>) -> Result<Report, Failure> {
    let key = workspace.publisher(key)?;
    let _lock = workspace.lock()?;
    let ledger = workspace.ledger()?;
    workspace.recover(&ledger).await?;
    let state = ledger.state().await?;
    let request = state.find(id)?;
    let catalog = workspace.catalog_for(&request.release().to_string())?;
    let Some((receipt, bytes)) = ledger.receipt(request.f).await? else {
        return Err(not_released(request));
    };
    if request.published.is_none() {
        is_authorised(&catalog, &request.proposal)?;
        embargo_has_ended(&request.proposal)?;
    }
    let recipients = transfer::recipients(workspace, request)?;
    let released = ReleasedTable::open(&bytes, &receipt)?;
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::file(Path::new("a temporary folder"), "be made", &error))?;
    let publisher =
        Publisher { workspace, ledger: &ledger, catalog: &catalog, key: &key, dir: folder.path() };
    let versions = publisher.publish(request, &receipt, &released).await?;
    record(&ledger, request, recipients, &key).await?;
    let releases = workspace.releases()?;
    marsad_publish::bundle::put(folder.path(), &releases, request.release()).await?;
    let (stated, sshsig) = ledger.checkpoint(&key).await?;
    checkpoint::put(&releases, &stated, &sshsig).await?;
    catalogue::put(workspace, &ledger, &releases).await?;
    Ok(describe(request, &releases, stated.sequence, &versions))
}

/// Nobody sees figures before the instant that was approved for all (C20): no funder, ministry or press.
fn embargo_has_ended(proposal: &Proposal) -> Result<(), Failure> {
    let Proposal { release, embargo, .. } = proposal;
    if clock::has_come(embargo) {
        return Ok(());
    }
    Err(Failure::new(Explanation::new(
        "W24",
        format!("release {release} is under embargo until {embargo}"),
        "one instant was approved for everybody, and there is no preview",
        format!("publish it then: marsad release publish {release}; nothing is lost or charged meanwhile"),
    )))
}

/// The record of whom the release names: before the files, so that none is public without it.
async fn record(
    ledger: &Ledger,
    request: &RequestState,
    recipients: Vec<Recipient>,
    key: &SigningKey,
) -> Result<(), Failure> {
    let state = ledger.state().await?;
    let published = state.find(request.release().as_str())?;
    let (Some(manifest), Some(time)) = (published.manifest, &published.published) else { return Ok(()) };
    // The bundle's own day: completing a publication that was cut off writes the same record again, which is none.
    let date = time.get(..10).unwrap_or_default().to_owned();
    let is_new = |to: &Recipient| !published.transfers.iter().any(|transfer| transfer.to.name == to.name);
    for to in recipients.into_iter().filter(is_new) {
        let purposes = published.proposal.purposes.clone();
        ledger
            .transferred(published.f, &Transfer { to, purposes, manifest, date: date.clone() }, key)
            .await?;
    }
    Ok(())
}

struct Publisher<'a> {
    workspace: &'a Workspace,
    ledger: &'a Ledger,
    catalog: &'a Catalog,
    key: &'a SigningKey,
    dir: &'a Path,
}

impl Publisher<'_> {
    async fn publish(
        &self,
        request: &RequestState,
        receipt: &Receipt,
        released: &ReleasedTable,
    ) -> Result<Vec<String>, Failure> {
        let context = self.context(request).await?;
        let built =
            marsad_publish::bundle::build(self.dir, self.catalog, released, &request.proposal, &context)?;
        let sshsig = self.signature(request, &built)?;
        self.write_signature(&sshsig)?;
        self.check()?;
        let manifest = built.manifest;
        let (published, ledger_head) = (context.published, context.ledger_head);
        let publication = Publication { manifest, sshsig, published, ledger_head };
        self.ledger.published(receipt, &publication, self.key).await?;
        Ok(built.versions)
    }

    /// What the bundle says of the ledger: as it was when it was first published.
    async fn context(&self, request: &RequestState) -> Result<Context, Failure> {
        let now = self.ledger.state().await?;
        let (published, head) = match (&request.published, request.ledger_head) {
            (Some(time), Some(head)) => (time.clone(), head),
            _ => (clock::now_text(), now.head().ok_or(LedgerError::NoPolicy)?.1),
        };
        let then = self.ledger.state_at(head).await?;
        let (ledger_sequence, _) = then.head().ok_or(LedgerError::NoPolicy)?;
        let policy = then.policy().ok_or(LedgerError::NoPolicy)?;
        Ok(Context {
            published,
            ledger_head: head,
            ledger_sequence,
            used_before: request.used_before.unwrap_or(NanoRho::ZERO),
            lifetime: policy.lifetime_nano_rho,
            ceiling: then.ceiling().unwrap_or(policy.lifetime_nano_rho),
            display_delta: policy.display_delta.clone(),
            agency: self.workspace.settings.workspace.agency.clone(),
            workspace_name: self.workspace.settings.workspace.name.clone(),
            served_at: self.workspace.settings.workspace.address.clone(),
            rule: rule(request),
            earlier: self.earlier(request, &then).await?,
            past: bundle::past(&self.workspace.releases()?, Some(request), &then, &now).await?,
        })
    }

    /// The other releases that were public when the bundle was built, where this one declares periods that others may share.
    async fn earlier(&self, own: &RequestState, then: &State) -> Result<Vec<Earlier>, Failure> {
        let frozen = &own.proposal.frozen;
        let shares = |other: &&RequestState| {
            other.state == Stage::Published
                && other.f != own.f
                && other.proposal.frozen.iter().any(|period| frozen.contains(period))
        };
        let mut earlier = Vec::new();
        for other in then.requests().into_iter().filter(shares) {
            let (Some(manifest), Some((receipt, bytes))) =
                (other.manifest, self.ledger.receipt_then(other).await?)
            else {
                continue;
            };
            let released = ReleasedTable::open(&bytes, &receipt)?;
            earlier.push(Earlier { proposal: other.proposal.clone(), rule: rule(other), manifest, released });
        }
        Ok(earlier)
    }

    /// The signature that the ledger has, or a new one.
    fn signature(&self, request: &RequestState, built: &Built) -> Result<String, Failure> {
        match (&request.sshsig, request.manifest) {
            (Some(sshsig), Some(manifest)) if manifest == built.manifest => Ok(sshsig.clone()),
            (Some(_), _) => Err(Failure::new(Explanation::new(
                "W11",
                "the bundle no longer comes out as it was published",
                "a published bundle never changes; the definitions or this programme did",
                "restore the definitions of that release, or publish with the version that made it",
            ))),
            (None, _) => Ok(self.key.sign(sign::RELEASE, &built.release_json)?),
        }
    }

    fn write_signature(&self, sshsig: &str) -> Result<(), Failure> {
        let path = self.dir.join("release.json.sig");
        fs::write(&path, sshsig).map_err(|error| Failure::file(&path, "be written", &error))
    }

    fn check(&self) -> Result<(), Failure> {
        let report = verify(self.dir, &Allowed::read(self.key.public_line()));
        let faults: Vec<String> =
            report.failed().map(|c| format!("{} {}: {}", c.name, c.file, c.what)).collect();
        if report.ok {
            return Ok(());
        }
        Err(Failure::new(Explanation::new(
            "W12",
            format!("the bundle fails its own checks: {}", faults.join("; ")),
            "nothing is published that does not verify; the figures stay as they were released",
            "report it: this is a defect of a format, never of a figure",
        )))
    }
}

/// The calendar rule under which a release was proposed.
fn rule(request: &RequestState) -> Rule {
    Rule { months: request.period_closes_after_months, proposed: request.proposed.clone() }
}

fn not_released(request: &RequestState) -> Failure {
    let remedy = match request.state {
        Stage::Proposed => format!("have it approved: marsad release approve {}", request.release()),
        Stage::Approved => format!("run it: marsad release run {}", request.release()),
        _ => format!("see marsad release show {}", request.release()),
    };
    Failure::new(Explanation::new(
        "W13",
        format!("release {} is {}, not released", request.release(), request.state),
        "only a result that was recorded can be published",
        remedy,
    ))
}

fn describe(request: &RequestState, releases: &Store, checkpoint: u64, versions: &[String]) -> Report {
    let root = releases.root().map_or_else(|| releases.url().to_owned(), |root| root.display().to_string());
    let bundle = format!("{root}/{}", request.release());
    let news = versions.iter().map(|told| format!("\n  new     {told}"));
    let news = news.collect::<String>();
    let text = format!(
        "release {} is published\n  bundle  {bundle}\n  report  {bundle}/report.html\n  check   marsad verify {bundle}{news}",
        request.release()
    );
    let json = json!({
        "release": request.release(), "bundle": bundle, "checkpoint": checkpoint, "versions": versions,
    });
    Report::new(text, json)
}
