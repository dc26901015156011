//! The encoding of every kind of entry, byte for byte, in `fixtures/entries` (docs/ledger-format.md): one history that
//! today's code writes as it stands there, reads, and finds right. `UPDATE_GOLDEN=1` writes the files anew.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use marsad_terms::RunId;
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{LineEnding, PrivateKey};

use super::*;
use crate::replay::replay_all;

const KINDS: [&str; 12] = [
    "approved",
    "forfeited",
    "genesis",
    "policy",
    "proposed",
    "published",
    "rejected",
    "released",
    "reserved",
    "series_opened",
    "transferred",
    "withdrawn",
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/entries")
}

/// A key of a test's own: the same each time, and of no use to anybody.
fn key(folder: &Path, seed: u8) -> SigningKey {
    let pair = Ed25519Keypair::from_seed(&[seed; 32]);
    let key = PrivateKey::new(KeypairData::from(pair), "golden").unwrap();
    let path = folder.join(seed.to_string());
    fs::write(&path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    SigningKey::open(&path).unwrap()
}

fn run_id(n: u8) -> RunId {
    format!("{n:032x}").parse().unwrap()
}

/// Draws a step to its end, or loses it.
async fn step(ledger: &Ledger, asked: &SeriesWish, number: u32, whole: bool) {
    let run = run_id(u8::try_from(number).unwrap() + 1);
    let reserved = ledger.reserve_step(asked.step(number, 0), run, Digest::of(b"custody")).await.unwrap();
    let ReserveStep::New(reservation) = reserved else { panic!("drawn before") };
    if whole {
        let figures = drawn(asked, &reservation, 5);
        ledger.complete_step(reservation, &figures).await.unwrap();
    } else {
        ledger.recover_all().await.unwrap();
    }
}

/// One history with every kind of entry in it, always the same.
async fn history(cast: &Cast) -> Vec<Entry> {
    let seconds = AtomicU64::new(0);
    let clock = move || format!("2027-01-01T00:00:{:02}Z", seconds.fetch_add(1, Ordering::Relaxed) % 60);
    let ledger = ledger(&Store::memory()).with_clock(Arc::new(clock));
    ledger.set_policy(&cast.policy(100), &cast.opal).await.unwrap();
    ledger.set_policy(&cast.policy(90), &cast.opal).await.unwrap();
    let asked = SeriesWish::new("S", 9, 3).through(0);
    let wish = Wish { series: vec![asked.clone()], ..Wish::new("A", 40) };
    let proposal = wish.proposal(&ledger.state().await.unwrap());
    let id = approved(&ledger, cast, &proposal).await;
    ledger.open_series(id).await.unwrap();
    step(&ledger, &asked, 0, true).await;
    step(&ledger, &asked, 1, false).await;
    let reserved = ledger.reserve(id, run_id(9), Digest::of(b"custody")).await.unwrap();
    let Reserve::New(reservation) = reserved else { panic!("drawn before") };
    let mut drawn = result(&proposal, 7);
    drawn.series = vec![shown(&asked, drawn_through(&ledger, &asked).await.unwrap())];
    let (receipt, _) = ledger.complete(reservation, &drawn).await.unwrap();
    let bundle = publication(&ledger, cast).await;
    ledger.published(&receipt, &bundle, &cast.pat).await.unwrap();
    let stone = Tombstone {
        manifest: Digest::of(b"[]"),
        sshsig: cast.pat.sign(sign::RELEASE, b"[]").unwrap(),
        withdrawn: "2027-01-03T00:00:00Z".to_owned(),
        entry: ledger.state().await.unwrap().next(),
    };
    ledger.withdraw(receipt.f(), &text("a mistake"), Some(&stone), &cast.pat).await.unwrap();
    let id =
        ledger.propose(&Wish::new("B", 1).proposal(&ledger.state().await.unwrap()), &cast.ana).await.unwrap();
    let said = statement(&ledger.state().await.unwrap(), id, Answer::Reject);
    ledger.decide(&said, None, &signature(&said, &cast.sam)).await.unwrap();
    let proposal = Wish::new("C", 1).proposal(&ledger.state().await.unwrap());
    let id = approved(&ledger, cast, &proposal).await;
    let lost = ledger.reserve(id, run_id(10), Digest::of(b"custody")).await.unwrap();
    assert!(matches!(lost, Reserve::New(_)));
    ledger.recover_all().await.unwrap();
    publication_with_a_transfer(&ledger, cast).await;
    ledger.history().await.unwrap().0
}

/// A release that is public, and the record of whom it served.
async fn publication_with_a_transfer(ledger: &Ledger, cast: &Cast) {
    let proposal = Wish::new("D", 1).proposal(&ledger.state().await.unwrap());
    let id = approved(ledger, cast, &proposal).await;
    let reserved = ledger.reserve(id, run_id(11), Digest::of(b"custody")).await.unwrap();
    let Reserve::New(reservation) = reserved else { panic!("drawn before") };
    let (receipt, _) = ledger.complete(reservation, &result(&proposal, 3)).await.unwrap();
    let bundle = publication(ledger, cast).await;
    ledger.published(&receipt, &bundle, &cast.pat).await.unwrap();
    ledger.transferred(receipt.f(), &served(&proposal, bundle.manifest), &cast.pat).await.unwrap();
}

async fn publication(ledger: &Ledger, cast: &Cast) -> Publication {
    Publication {
        manifest: Digest::of(b"{}"),
        sshsig: cast.pat.sign(sign::RELEASE, b"{}").unwrap(),
        published: "2027-01-02T00:00:00Z".to_owned(),
        ledger_head: ledger.state().await.unwrap().head().unwrap().1,
    }
}

fn name(entry: &Entry) -> String {
    format!("{:02}-{}.json", entry.sequence, entry.kind)
}

#[tokio::test]
async fn every_kind_of_entry_is_written_and_read_as_it_stands_in_the_golden_files() {
    let folder = tempdir().unwrap();
    let [ana, sam, zoe, opal, pat] = [1, 2, 3, 4, 5].map(|seed| key(folder.path(), seed));
    let written = history(&Cast { ana, sam, zoe, opal, pat }).await;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(fixtures()).unwrap();
        for entry in &written {
            fs::write(fixtures().join(name(entry)), entry.bytes().unwrap()).unwrap();
        }
    }
    let mut read = Vec::new();
    for entry in &written {
        let golden = fs::read(fixtures().join(name(entry))).unwrap();
        assert_eq!(String::from_utf8_lossy(&golden), String::from_utf8(entry.bytes().unwrap()).unwrap());
        let golden: Entry = serde_json::from_slice(&golden).unwrap();
        assert_eq!(golden.hash, golden.proper_hash().unwrap());
        let event = Event::read(&golden).unwrap();
        assert_eq!(event.draft().body, golden.body.value(), "{}", name(entry));
        read.push(golden);
    }
    assert_eq!(fs::read_dir(fixtures()).unwrap().count(), written.len(), "no file beside them");
    let kinds: BTreeSet<&str> = read.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, KINDS.into());
    assert_eq!(replay_all(&read).1, []);
}
