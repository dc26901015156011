//! How long `ledger verify` takes on a long ledger in a folder: from its segments, and from every single entry.
//!
//! `cargo bench -p marsad-ledger --features testing --bench verify [RELEASES]`; 20 000 releases are 100 001 entries.
//! The last line is a JSON object; nothing is asserted.
//!
//! Each verification is a process of its own, as a user starts it.
//!
//! Measured on two cores of an AMD EPYC: 100 001 entries, of which 60 001 are signed, take 1.5 to 2.7 s and 2.6 to 4.3 s of
//! processors from segments, 3.6 to 4.0 s from every single entry. One second is not reached. What bounds it: 64 additions of
//! points a signature are 29 % of the processors' time, hashing 10, JSON, checked to be canonical and read into types, 20,
//! requests checked against their proposals 5, rules 6, 20 000 results 6, base64 and the form of signatures 4. Tables of more
//! multiples cost in cache what they save in additions; another allocator and one unit of code a crate changed nothing.
//! Remembering what was verified before would spare the signatures, and a file beside the ledger would have to be trusted: not
//! done.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench reports, and may panic")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use marsad_ledger::testing::{Cast, LongLog};
use marsad_ledger::{Ledger, Verification};
use marsad_log::{SEGMENT_LENGTH, Store};
use serde_json::{Value, json};

/// Where a process of its own finds the ledger.
const FOLDER: &str = "MARSAD_BENCH_LEDGER";
/// How it is told to read every entry from its own object.
const EACH: &str = "--each";
const ROUNDS: usize = 5;

fn write(log: &LongLog, folder: &Path) {
    fs::create_dir_all(folder.join("runs")).unwrap();
    fs::create_dir_all(folder.join("_segments")).unwrap();
    for (name, bytes) in &log.results {
        fs::write(folder.join(name), bytes).unwrap();
    }
    for segment in log.entries.chunks(usize::try_from(SEGMENT_LENGTH).unwrap()) {
        let mut lines = Vec::new();
        for entry in segment {
            let bytes = entry.bytes().unwrap();
            fs::write(folder.join(format!("{:020}.json", entry.sequence)), &bytes).unwrap();
            lines.extend(bytes);
            lines.push(b'\n');
        }
        if segment.len() as u64 == SEGMENT_LENGTH {
            let name = format!("_segments/{:020}.jsonl", segment[0].sequence);
            fs::write(folder.join(name), lines).unwrap();
        }
    }
}

/// What all threads have spent so far, by Linux's hundredths of a second; a shared machine tells it better than the clock.
fn processor_seconds() -> f64 {
    let told = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = told.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let hundredths =
        [11, 12].map(|at| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0));
    (hundredths[0] + hundredths[1]) / 100.0
}

/// The verification of the ledger in a folder, timed, as a JSON object.
async fn verify(folder: &Path, each: bool) -> Value {
    let store = Store::open("ledger", folder).unwrap();
    let ledger = Ledger::open(store, &folder.join("state"));
    let start = Instant::now();
    let verdict = ledger.verify_with(&Verification { each, ..Verification::default() }).await.unwrap();
    assert!(verdict.ok, "{:?}", verdict.faults);
    json!({ "seconds": start.elapsed().as_secs_f64(), "processor_seconds": processor_seconds() })
}

fn in_a_process(folder: &Path, each: bool) -> Value {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let told = command.env(FOLDER, folder).args(each.then_some(EACH)).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

#[tokio::main]
async fn main() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let each = std::env::args().any(|argument| argument == EACH);
        println!("{}", verify(Path::new(&folder), each).await);
        return;
    }
    let releases = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().unwrap();
    let log = LongLog::new(&Cast::new(folder.path()), releases);
    write(&log, &folder.path().join("ledger"));
    let signed = log.entries.iter().filter(|entry| entry.signature.is_some()).count();
    let segments: Vec<Value> = (0..ROUNDS).map(|_| in_a_process(folder.path(), false)).collect();
    let each = in_a_process(folder.path(), true);
    println!(
        "{}",
        json!({ "entries": log.entries.len(), "signed": signed, "segments": segments, "each": each })
    );
}
