//! What stands in the place of a bundle that was withdrawn (publication 6): its statement, saying so, and nothing else.
//!
//! The old statement stays in it whole – titles, code lists, files with their hashes – so that whoever kept the bundle can
//! recognise it and versions are not used twice. It deliberately lacks figures: those are gone from the public store.

use bytes::Bytes;
use marsad_log::Store;
use marsad_terms::{Digest, Name, ReleaseId, Text};

use crate::error::Result;
use crate::release_json::{self, PATH, ReleaseJson, SIGNATURE, WITHDRAWN};

/// What is said of a withdrawal.
#[derive(Clone, Debug)]
pub struct Withdrawal<'a> {
    /// When, RFC 3339.
    pub time: &'a str,
    /// Why.
    pub reason: &'a Text,
    /// The number of its entry in the ledger.
    pub entry: u64,
    /// The release that was public by then in place of this one.
    pub replaced_by: Option<&'a ReleaseId>,
}

/// The bytes of the tombstone for a statement that was published.
///
/// # Errors
/// `Unreadable` where these are no statement's bytes; `Write` where the JSON writer fails.
pub fn write(published: &[u8], said: &Withdrawal<'_>) -> Result<Vec<u8>> {
    let statement: ReleaseJson = serde_json::from_slice(published).map_err(crate::Error::Unreadable)?;
    release_json::write(&ReleaseJson {
        state: WITHDRAWN.to_owned(),
        withdrawn: Some(said.time.to_owned()),
        reason: Some(said.reason.clone()),
        replaced_by: said.replaced_by.map(ToString::to_string),
        ledger_entry: Some(said.entry),
        manifest: Some(Digest::of(published).to_string()),
        ..statement
    })
}

/// Puts a tombstone in the place of a release's files. Cut off, it is completed by the next call: the statement comes first,
/// so that no reader takes for published what is not; the files go last.
///
/// # Errors
/// `Store` where the store fails.
pub async fn put(store: &Store, release: &ReleaseId, (statement, sshsig): (&[u8], &str)) -> Result<()> {
    let own = [(PATH, statement), (SIGNATURE, sshsig.as_bytes())];
    for (name, bytes) in own {
        let path = format!("{release}/{name}");
        if store.get(&path).await?.is_none_or(|found| found != bytes) {
            store.put(&path, &Bytes::copy_from_slice(bytes)).await?;
        }
        store.sync(&path).await?;
    }
    remove(store, release, &own.map(|(name, _)| format!("{release}/{name}"))).await
}

/// Removes what of a release is public, where no whole bundle ever was.
///
/// # Errors
/// `Store` where the store fails.
pub async fn clear(store: &Store, release: &ReleaseId) -> Result<()> {
    remove(store, release, &[]).await
}

async fn remove(store: &Store, release: &ReleaseId, kept: &[String]) -> Result<()> {
    for path in store.list(release.as_str()).await? {
        if !kept.contains(&path) {
            store.delete(&path).await?;
        }
    }
    // What writers that were killed left aside in a folder is never listed, and a reader of the folder would see it.
    store.remove_aside().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use marsad_log::testing::{FailingStore, Failure};
    use object_store::memory::InMemory;
    use std::sync::Arc;

    use super::*;
    use crate::testing::Fixture;
    use crate::{bundle, files};

    fn release() -> ReleaseId {
        "2024-Q4".parse().unwrap()
    }

    /// A bundle of few files; what stands in them does not matter here.
    async fn published(store: &Store) -> Vec<u8> {
        let edition = Fixture::shared().edition();
        let dir = tempfile::tempdir().unwrap();
        let names = ["data/a.csv", "data/a.parquet", "report.html", "sdmx/DF_A.csv"];
        let written = names.map(|name| files::put(dir.path(), name.into(), name.as_bytes()).unwrap().file);
        let statement = release_json::statement(&edition, written.into());
        let statement = release_json::write(&statement).unwrap();
        for (name, bytes) in [(PATH, statement.as_slice()), (SIGNATURE, b"old")] {
            files::put(dir.path(), name.into(), bytes).unwrap();
        }
        bundle::put(dir.path(), store, &release()).await.unwrap();
        statement
    }

    fn stone(published: &[u8]) -> Vec<u8> {
        let reason = Text::new("une erreur", "خطأ", "a fault");
        let said = Withdrawal {
            time: "2025-03-01T00:00:00Z",
            reason: &reason,
            entry: 17,
            replaced_by: Some(&release()),
        };
        write(published, &said).unwrap()
    }

    #[tokio::test]
    async fn only_the_statement_stays_and_says_so() {
        let store = Store::memory();
        let before = published(&store).await;
        let bytes = stone(&before);
        for _ in 0..2 {
            put(&store, &release(), (&bytes, "new")).await.unwrap();
            assert_eq!(store.list("").await.unwrap(), ["2024-Q4/release.json", "2024-Q4/release.json.sig"]);
        }
        assert_eq!(store.get("2024-Q4/release.json.sig").await.unwrap().unwrap(), "new");
        let read: ReleaseJson = serde_json::from_slice(&bytes).unwrap();
        let old: ReleaseJson = serde_json::from_slice(&before).unwrap();
        assert_eq!((read.state.as_str(), read.ledger_entry), ("withdrawn", Some(17)));
        assert_eq!(
            (&read.files, &read.nano_rho, read.manifest),
            (&old.files, &old.nano_rho, Some(Digest::of(&before).to_string()))
        );
        assert!(!String::from_utf8(before).unwrap().contains("withdrawn"));
        clear(&store, &release()).await.unwrap();
        assert_eq!(store.list("").await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_a_killed_writer_left_aside_goes_too() {
        let public = tempfile::tempdir().unwrap();
        let store = Store::open("public", public.path()).unwrap();
        let bytes = stone(&published(&store).await);
        let folder = public.path().join("public/2024-Q4");
        for name in ["release.json#5824000001", "report.html#5824000002"] {
            std::fs::write(folder.join(name), "half").unwrap();
        }
        put(&store, &release(), (&bytes, "new")).await.unwrap();
        assert_eq!(bundle::files_below(&folder).unwrap(), ["release.json", "release.json.sig"]);
    }

    #[tokio::test]
    async fn cut_off_anywhere_it_is_completed_and_never_looks_published_without_its_files() {
        let counting = FailingStore::counting(Arc::new(InMemory::new()));
        let bytes = stone(&published(&counting.store()).await);
        let start = counting.calls();
        put(&counting.store(), &release(), (&bytes, "new")).await.unwrap();
        let n = counting.calls() - start;
        assert!(n > 8, "{n} calls");
        for failure in [Failure::Before, Failure::After] {
            for call in 0..n {
                let memory = Arc::new(InMemory::new());
                let plain = Store::with(memory.clone());
                published(&plain).await;
                let all = plain.list("").await.unwrap().len();
                let failing = FailingStore::new(memory, call, failure);
                put(&failing.store(), &release(), (&bytes, "new")).await.unwrap_err();
                let left = plain.list("").await.unwrap().len();
                let stands = plain.get("2024-Q4/release.json").await.unwrap().unwrap();
                assert!(stands == bytes || left == all, "call {call}: published, and files are missing");
                put(&plain, &release(), (&bytes, "new")).await.unwrap();
                assert_eq!(plain.list("").await.unwrap().len(), 2, "call {call}");
            }
        }
    }
}
