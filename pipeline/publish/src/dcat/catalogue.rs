//! `catalog.jsonld` beside the releases: the catalogue that a portal harvests, with every release that was public.
//!
//! A bundle describes itself; only here stands what became of it. One that was withdrawn keeps its entry, with the status
//! `WITHDRAWN` of the EU's list of statuses of data sets, when and why (`adms:status` of a data set: DCAT 3, StatDCAT-AP 3).
//! It deliberately lacks distributions: those of a release stand in its own `dcat.jsonld`, under the same addresses.

use bytes::Bytes;
use marsad_log::Store;
use marsad_terms::{ReleaseId, Text};
use serde::Serialize;

use super::{Agent, CONTEXT, Catalogue, Described, Document, Named, Node, Thing, authority, licence};
use crate::edition::Edition;
use crate::error::Result;
use crate::form;
use crate::jsonld::{Id, Texts, Typed, texts};
use crate::{dcat, release_json};

/// Its place in the public store.
pub const PATH: &str = "catalog.jsonld";

const PUBLISHER: &str = "../#publisher";
const CATALOGUE: &str = "../#catalogue";

/// A release that was public.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Public id.
    pub release: &'a ReleaseId,
    /// Title.
    pub title: &'a Text,
    /// Coverage as the custodian declared it.
    pub coverage: &'a Text,
    /// When it was published, RFC 3339.
    pub published: &'a str,
    /// The release that it revises.
    pub replaces: Option<&'a ReleaseId>,
    /// Where it was taken back.
    pub withdrawn: Option<Withdrawn<'a>>,
}

/// What is said of a withdrawal.
#[derive(Clone, Debug)]
pub struct Withdrawn<'a> {
    /// When, RFC 3339.
    pub time: &'a str,
    /// Why.
    pub reason: &'a Text,
    /// The newest public release in its place.
    pub replaced_by: Option<&'a ReleaseId>,
}

/// Puts the catalogue of these releases, oldest first, into the public store, in the place of an older one.
///
/// # Errors
/// `Write` where the JSON writer fails; `Store` where the store does.
pub async fn put(store: &Store, publisher: &str, entries: &[Entry<'_>]) -> Result<()> {
    let bytes = Bytes::from(write(publisher, entries)?);
    if store.get(PATH).await?.is_none_or(|found| found != bytes) {
        store.put(PATH, &bytes).await?;
    }
    Ok(store.sync(PATH).await?)
}

fn write(publisher: &str, entries: &[Entry<'_>]) -> Result<Vec<u8>> {
    let mut graph = vec![
        Node::Agent(Agent { own: Named::new(PUBLISHER, "foaf:Agent"), name: publisher.to_owned() }),
        Node::Catalogue(Box::new(whole(entries))),
        Node::Thing(licence().named("dct:LicenseDocument").alone()),
    ];
    graph.extend(entries.iter().map(|entry| Node::Release(Box::new(release(entry)))));
    graph.extend(entries.iter().map(|entry| Node::Thing(page(entry).named("foaf:Document").alone())));
    graph.extend(statuses().map(Node::Thing));
    form::json(PATH, &Document { context: CONTEXT, graph })
}

/// A release with its status.
#[derive(Serialize)]
pub(super) struct Release {
    #[serde(flatten)]
    said: Described,
    #[serde(rename = "dct:identifier")]
    identifier: String,
    #[serde(rename = "dct:issued")]
    issued: Typed,
    #[serde(rename = "dct:modified", skip_serializing_if = "Option::is_none")]
    modified: Option<Typed>,
    #[serde(rename = "dcat:version")]
    version: &'static str,
    #[serde(rename = "dcat:previousVersion", skip_serializing_if = "Option::is_none")]
    previous: Option<Id>,
    #[serde(rename = "adms:status")]
    status: Id,
    #[serde(rename = "adms:versionNotes", skip_serializing_if = "Option::is_none")]
    notes: Option<Texts>,
    #[serde(rename = "dct:isReplacedBy", skip_serializing_if = "Option::is_none")]
    replaced_by: Option<Id>,
    #[serde(rename = "foaf:page")]
    page: Id,
}

fn whole(entries: &[Entry<'_>]) -> Catalogue {
    let mut own = dcat::catalogue();
    own.said.own = Named::new(CATALOGUE, "dcat:Catalog");
    own.said.publisher = Id::new(PUBLISHER);
    own.dataset = entries.iter().map(|entry| place(entry.release)).collect();
    own
}

fn place(release: &ReleaseId) -> Id {
    Id::new(format!("{release}/"))
}

fn release(entry: &Entry<'_>) -> Release {
    let own = Named::new(place(entry.release).into_text(), "dcat:Dataset");
    let mut said = Described::new(own, entry.title, entry.coverage);
    said.publisher = Id::new(PUBLISHER);
    let gone = entry.withdrawn.as_ref();
    Release {
        said,
        identifier: entry.release.to_string(),
        issued: Typed::new("xsd:dateTime", entry.published),
        modified: gone.map(|gone| Typed::new("xsd:dateTime", gone.time)),
        version: Edition::VERSION,
        previous: entry.replaces.map(place),
        status: status(gone.is_some()),
        notes: gone.map(|gone| texts(gone.reason)),
        replaced_by: gone.and_then(|gone| gone.replaced_by).map(place),
        page: page(entry),
    }
}

/// The description of a bundle; of a withdrawn one its tombstone.
fn page(entry: &Entry<'_>) -> Id {
    let name = if entry.withdrawn.is_some() { release_json::PATH } else { dcat::PATH };
    Id::new(format!("{}/{name}", entry.release))
}

fn status(is_withdrawn: bool) -> Id {
    authority("dataset-status", if is_withdrawn { "WITHDRAWN" } else { "COMPLETED" })
}

fn statuses() -> impl Iterator<Item = Thing> {
    let names = [Text::new("achevé", "مكتمل", "completed"), Text::new("retiré", "مسحوب", "withdrawn")];
    names.into_iter().zip([false, true]).map(|(name, is_withdrawn)| Thing {
        own: status(is_withdrawn).named("skos:Concept"),
        title: None,
        label: Some(texts(&name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_catalogue_stands_and_says_what_was_withdrawn() {
        let (store, title) = (Store::memory(), Text::new("Essai", "تجربة", "Trial"));
        let (old, new): (ReleaseId, ReleaseId) = ("2024-Q4".parse().unwrap(), "2024-Q4-U".parse().unwrap());
        let mut entries = [(&old, None), (&new, Some(&old))].map(|(release, replaces)| Entry {
            release,
            title: &title,
            coverage: &title,
            published: "2025-01-01T00:00:00Z",
            replaces,
            withdrawn: None,
        });
        put(&store, "Marsad", &entries).await.unwrap();
        let reason = Text::new("une erreur", "خطأ", "a fault");
        entries[0].withdrawn =
            Some(Withdrawn { time: "2025-03-01T00:00:00Z", reason: &reason, replaced_by: Some(&new) });
        for _ in 0..2 {
            put(&store, "Marsad", &entries).await.unwrap();
        }
        let bytes = store.get(PATH).await.unwrap().unwrap();
        let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let find =
            |id: &str| read["@graph"].as_array().unwrap().iter().find(|node| node["@id"] == id).unwrap();
        let (gone, stands) = (find("2024-Q4/"), find("2024-Q4-U/"));
        let status = |node: &serde_json::Value| node["adms:status"]["@id"].as_str().unwrap().to_owned();
        assert!(status(gone).ends_with("/dataset-status/WITHDRAWN"));
        assert!(status(stands).ends_with("/dataset-status/COMPLETED"));
        assert_eq!(gone["adms:versionNotes"][1]["@value"], "خطأ");
        assert_eq!(
            (&gone["dct:isReplacedBy"]["@id"], &gone["foaf:page"]["@id"]),
            (&"2024-Q4-U/".into(), &"2024-Q4/release.json".into())
        );
        assert_eq!(
            (&stands["dcat:previousVersion"]["@id"], &stands["dct:modified"]),
            (&"2024-Q4/".into(), &serde_json::Value::Null)
        );
        assert_eq!(store.list("").await.unwrap(), [PATH]);
    }
}
