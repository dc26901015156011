//! A bundle: built in a folder of its own, later put into the public store whole.
//!
//! Order of writing: data and SDMX; Data Package and DCAT, which hold their hashes; privacy statement, report, CSVW;
//! `release.json`. No file holds the hash of one written later.
//! It deliberately lacks signing: a key belongs to whoever publishes, and `release.json.sig` is written beside by the caller.

use std::fs;
use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use marsad_catalog::Catalog;
use marsad_ledger::proposal::Proposal;
use marsad_log::{Created, Store};
use marsad_terms::{Digest, NanoRho, ReleaseId, canonical};

use crate::combined::{self, Earlier, Rule};
use crate::dataflow::{self, Dataflow};
use crate::edition::Edition;
use crate::error::{Error, Result};
use crate::files::Written;
use crate::release_json::{self, FileJson, ReleaseJson};
use crate::released::ReleasedTable;
use crate::sdmx::ml::{self, Version};
use crate::sdmx::structure::Structure;
use crate::versions::Versions;
use crate::{csv, csvw, datapackage, dcat, files, parquet, privacy_yaml, report, sdmx, xlsx};

/// What a bundle says beside the result and the proposal.
#[derive(Clone, Debug)]
pub struct Context {
    /// RFC 3339, UTC, whole seconds.
    pub published: String,
    /// Head of the ledger.
    pub ledger_head: Digest,
    /// The number of that entry.
    pub ledger_sequence: u64,
    /// Spent before this release.
    pub used_before: NanoRho,
    /// Lifetime budget of the policy in force.
    pub lifetime: NanoRho,
    /// The budget that no policy can pass.
    pub ceiling: NanoRho,
    /// δ of the (ε, δ) that is shown, as the policy's decimal text.
    pub display_delta: String,
    /// SDMX agency.
    pub agency: String,
    /// Name of the workspace.
    pub workspace_name: String,
    /// Where the public store is served.
    pub served_at: Option<String>,
    /// The calendar rule that it was proposed under.
    pub rule: Rule,
    /// Published releases that its figures may be combined with.
    pub earlier: Vec<Earlier>,
    /// Statements of all releases that were public before, oldest first: versions follow theirs.
    pub past: Vec<ReleaseJson>,
}

/// What was built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The bytes to sign.
    pub release_json: Vec<u8>,
    /// Their hash, as the `published` entry names it.
    pub manifest: Digest,
    /// All other files, sorted.
    pub files: Vec<FileJson>,
    /// Versions that are new, and why, a sentence each.
    pub versions: Vec<String>,
}

/// Writes all of the bundle but `release.json.sig` into `dir`. Same input, same bytes.
///
/// # Errors
/// Where catalogue, result and proposal do not belong together, or a file cannot be written.
pub fn build(
    dir: &Path,
    catalog: &Catalog,
    released: &ReleasedTable,
    proposal: &Proposal,
    context: &Context,
) -> Result<Built> {
    assemble(dir, catalog, &edition(catalog, released, proposal, context)?)
}

/// The release as all writers see it.
///
/// # Errors
/// As [`build`], files apart.
pub fn edition(
    catalog: &Catalog,
    released: &ReleasedTable,
    proposal: &Proposal,
    context: &Context,
) -> Result<Edition> {
    if proposal.f != released.result().f {
        return Err(Error::NotTheProposal { what: "they name different requests".into() });
    }
    let proposal_id = canonical::digest(proposal).map_err(|source| Error::write("the proposal", source))?;
    let mut dataflows = dataflow::dataflows(catalog, released, proposal, &context.agency)?;
    let own = (proposal, &context.rule, released);
    dataflows.extend(combined::dataflows(catalog, own, &context.earlier, &dataflows)?);
    let versions = Versions::find(catalog, &mut dataflows, &context.past)?;
    Ok(Edition {
        release: proposal.release.clone(),
        title: proposal.title.clone(),
        workspace: context.workspace_name.clone(),
        served_at: context.served_at.clone(),
        agency: context.agency.clone(),
        published: context.published.clone(),
        replaces: proposal.replaces.clone(),
        proposal: proposal_id,
        ledger_head: context.ledger_head,
        ledger_sequence: context.ledger_sequence,
        contact: proposal.contact.clone(),
        coverage: proposal.coverage.clone(),
        approvals: proposal.approvals_needed,
        nano_rho: sum(dataflows.iter().map(|flow| flow.nano_rho))?,
        used_before: context.used_before,
        lifetime: context.lifetime,
        ceiling: context.ceiling,
        delta: delta(&context.display_delta)?,
        series_nano_rho: sum(dataflows.iter().filter_map(|flow| Some(flow.series()?.nano_rho)))?,
        versions,
        dataflows,
    })
}

fn sum(mut costs: impl Iterator<Item = NanoRho>) -> Result<NanoRho> {
    let sum = costs.try_fold(NanoRho::ZERO, NanoRho::checked_add);
    sum.ok_or_else(|| Error::NotTheProposal { what: "its costs pass 2^64 nano-rho".into() })
}

fn delta(text: &str) -> Result<f64> {
    let delta = text.parse::<f64>().ok().filter(|delta| *delta > 0.0 && *delta < 1.0);
    delta.ok_or_else(|| Error::BadDelta { text: text.to_owned() })
}

/// Writes the files of an edition: data and SDMX, then what holds their hashes, then the rest.
pub(crate) fn assemble(dir: &Path, catalog: &Catalog, edition: &Edition) -> Result<Built> {
    let mut data = tables(dir, edition)?;
    for (path, bytes) in structure_files(catalog, edition)? {
        data.push(files::put(dir, path.into(), &bytes)?);
    }
    data.sort_by(|a, b| a.file.cmp(&b.file));
    let mut more = Vec::new();
    for (path, bytes) in descriptions(catalog, edition, &data)? {
        more.push(files::put(dir, path, &bytes)?);
    }
    let all = data.into_iter().chain(more).map(|written| written.file).collect();
    let statement = release_json::statement(edition, all);
    let release_json = release_json::write(&statement)?;
    files::put(dir, release_json::PATH.into(), &release_json)?;
    let versions = edition.versions.told.clone();
    Ok(Built { manifest: Digest::of(&release_json), release_json, files: statement.files, versions })
}

/// The workbook, and the files of each dataflow, on two threads: the workbook alone takes as long as all others together. The
/// bytes are the same whoever writes them; at any time one dataflow a thread is held as bytes.
fn tables(dir: &Path, edition: &Edition) -> Result<Vec<Written>> {
    let next = AtomicUsize::new(0);
    let next = || edition.dataflows.get(next.fetch_add(1, Ordering::Relaxed));
    let flows = || -> Result<Vec<Written>> {
        let mut written = Vec::new();
        while let Some(flow) = next() {
            for (path, bytes) in data_files(flow, edition)? {
                written.push(files::put(dir, path, &bytes)?);
            }
        }
        Ok(written)
    };
    thread::scope(|scope| {
        let beside = scope.spawn(|| -> Result<Vec<Written>> {
            let book = files::put(dir, xlsx::PATH.into(), &xlsx::write(edition)?)?;
            let mut written = flows()?;
            written.push(book);
            Ok(written)
        });
        let written = flows();
        let beside = beside.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        Ok([written?, beside].concat())
    })
}

/// The files of one dataflow: a further format is a further line.
fn data_files(flow: &Dataflow, edition: &Edition) -> Result<[(String, Vec<u8>); 4]> {
    Ok([
        (csv::path(flow), csv::write(flow)?),
        (parquet::path(flow), parquet::write(flow, edition)?),
        (sdmx::csv::path(flow), sdmx::csv::write(flow, edition)?),
        (sdmx::data::path(flow), sdmx::data::write(flow, edition)?),
    ])
}

/// The structure that all data refer to, in three forms.
fn structure_files(catalog: &Catalog, edition: &Edition) -> Result<[(&'static str, Vec<u8>); 3]> {
    let structure = Structure::new(catalog, edition)?;
    Ok([
        (Version::V21.path(), ml::write(&structure, Version::V21)?),
        (Version::V30.path(), ml::write(&structure, Version::V30)?),
        (sdmx::json::PATH, sdmx::json::write(&structure)?),
    ])
}

/// What describes the data: with their hashes, table by table, in words.
fn descriptions(catalog: &Catalog, edition: &Edition, data: &[Written]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![
        (datapackage::PATH.to_owned(), datapackage::write(edition, data)?),
        (dcat::PATH.to_owned(), dcat::write(edition, data)?),
        (privacy_yaml::PATH.to_owned(), privacy_yaml::write(edition)),
        (report::PATH.to_owned(), report::write(catalog, edition)?),
    ];
    for flow in &edition.dataflows {
        files.push((csvw::path(flow), csvw::write(flow, edition)?));
    }
    Ok(files)
}

/// Puts a verified bundle under its release into the public store: create-only, `release.json` last.
///
/// A bundle that was cut off is completed by the next call, byte for byte.
///
/// # Errors
/// `Differs` where other bytes stand under one of its names; nothing is overwritten.
pub async fn put(dir: &Path, store: &Store, release: &ReleaseId) -> Result<()> {
    let mut paths = files_below(dir)?;
    paths.sort_by_key(|path| (path == release_json::PATH, path.clone()));
    for path in &paths {
        let source = dir.join(path);
        let bytes = fs::read(&source).map_err(|e| Error::File { action: "read", path: source, source: e })?;
        let bytes = Bytes::from(bytes);
        let object = format!("{release}/{path}");
        if store.create(&object, &bytes).await? == Created::New {
            continue;
        }
        if store.get(&object).await?.is_none_or(|found| found != bytes) {
            return Err(Error::Differs { path: object });
        }
        // Another process may have written it and died before it was durable.
        store.sync(&object).await?;
    }
    store.root().map_or(Ok(()), |root| sweep(&root.join(release.to_string()), &paths))
}

/// Removes what writers that were killed left aside in a folder: `<name>#<digits>`, which the store itself never lists,
/// but which a reader of the folder would take for files that nobody signed.
fn sweep(folder: &Path, paths: &[String]) -> Result<()> {
    let is_aside = |path: &String| {
        let parts = path.rsplit_once('#');
        parts.is_some_and(|(name, n)| {
            n.bytes().all(|b| b.is_ascii_digit()) && paths.iter().any(|path| path == name)
        })
    };
    for path in files_below(folder)?.iter().filter(|path| is_aside(path)) {
        let path = folder.join(path);
        fs::remove_file(&path).map_err(|source| Error::File { action: "remove", path, source })?;
    }
    Ok(())
}

/// All files below a folder, as paths with `/`, sorted.
pub(crate) fn files_below(dir: &Path) -> Result<Vec<String>> {
    let failed =
        |path: &Path, source: io::Error| Error::File { action: "read", path: path.to_owned(), source };
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|source| failed(&folder, source))? {
            let entry = entry.map_err(|source| failed(&folder, source))?;
            let path = entry.path();
            // A link is no folder here: it would lead out of the bundle, or in circles.
            if entry.file_type().map_err(|source| failed(&path, source))?.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(dir) {
                let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
                found.push(parts.collect::<Vec<_>>().join("/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Fixture;

    fn build_in(dir: &Path) -> Built {
        let Fixture { catalog, released, proposal, context } = Fixture::shared();
        build(dir, catalog, released, proposal, context).unwrap()
    }

    #[test]
    fn the_same_release_has_the_same_bytes() {
        let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let built = dirs.each_ref().map(|dir| build_in(dir.path()));
        assert_eq!(built[0].manifest, built[1].manifest);
        assert_eq!(built[0].files, built[1].files);
        // To look at a bundle: MARSAD_TEST_BUNDLE=folder cargo test -p marsad-publish same_bytes
        if let Ok(folder) = std::env::var("MARSAD_TEST_BUNDLE") {
            build_in(Path::new(&folder));
        }
    }

    #[tokio::test]
    async fn a_bundle_is_put_whole_and_never_over_another() {
        let dir = tempfile::tempdir().unwrap();
        build_in(dir.path());
        fs::write(dir.path().join("release.json.sig"), "signature").unwrap();
        let store = Store::memory();
        let release: ReleaseId = "2024-Q4".parse().unwrap();
        put(dir.path(), &store, &release).await.unwrap();
        put(dir.path(), &store, &release).await.unwrap();
        let stored = store.list("2024-Q4").await.unwrap();
        assert_eq!(stored.len(), files_below(dir.path()).unwrap().len());
        fs::write(dir.path().join("privacy.yaml"), "other").unwrap();
        let error = put(dir.path(), &store, &release).await.unwrap_err();
        assert!(matches!(error, Error::Differs { path } if path == "2024-Q4/privacy.yaml"));
    }

    #[tokio::test]
    async fn what_a_killed_writer_left_aside_is_removed_and_nothing_else() {
        let (dir, public) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        build_in(dir.path());
        let store = Store::open("public", public.path()).unwrap();
        let release: ReleaseId = "2024-Q4".parse().unwrap();
        let folder = public.path().join("public/2024-Q4");
        fs::create_dir_all(&folder).unwrap();
        for name in ["privacy.yaml#12085000001", "notes#1", "privacy.yaml#old"] {
            fs::write(folder.join(name), "half").unwrap();
        }
        put(dir.path(), &store, &release).await.unwrap();
        let found = files_below(&folder).unwrap();
        let more: Vec<&String> = found.iter().filter(|name| name.contains('#')).collect();
        assert_eq!(more, ["notes#1", "privacy.yaml#old"]);
    }

    #[tokio::test]
    async fn release_json_is_the_last_object() {
        let dir = tempfile::tempdir().unwrap();
        build_in(dir.path());
        let store = Store::memory();
        store
            .create("2024-Q4/sdmx/DF_INDICATORS.csv", &Bytes::from_static(b"other"))
            .await
            .map(|_| ())
            .unwrap();
        put(dir.path(), &store, &"2024-Q4".parse().unwrap()).await.unwrap_err();
        assert_eq!(store.get("2024-Q4/release.json").await.unwrap(), None);
    }
}
